// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/xtables/xtables.h"

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::xtables {

using base::Result;
using base::Status;

namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr size_t kMostSaved = size_t{256} << 20;
constexpr int kMostCopies = 10;

Result<os::CommandResult> Run(std::vector<std::string> argv, std::string_view input = "") {
  os::SpawnOptions options;
  options.argv = std::move(argv);
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  return os::RunCommand(options, input, kPatience, kMostSaved);
}

Status Must(std::vector<std::string> argv, std::string_view input = "") {
  const std::string name = base::Join(argv, " ");
  ASSIGN_OR_RETURN(const os::CommandResult result, Run(std::move(argv), input));
  if (result.status.code() == 0) return base::Ok();
  return base::Internal("'{}' ended with {}: {}", name, result.status.code(),
                        base::Trim(result.err));
}

std::vector<std::string> On(const Flavour& flavour, const std::string& table, const char* verb,
                            const std::string& chain) {
  return {flavour, "-w", "10", "-t", table, verb, chain};
}

std::vector<std::string> On(const Flavour& flavour, const Rule& rule, const char* verb) {
  std::vector<std::string> argv = On(flavour, rule.table, verb, rule.chain);
  argv.insert(argv.end(), rule.words.begin(), rule.words.end());
  return argv;
}

}  // namespace

bool Installed(const Flavour& flavour) {
  for (const char* folder : {"/usr/sbin/", "/sbin/"}) {
    if (os::Exists(folder + flavour)) return true;
  }
  return false;
}

std::vector<Flavour> FlavoursInUse(bool v6) {
  const std::string program = v6 ? "ip6tables" : "iptables";
  std::vector<Flavour> flavours;
  if (Installed(program + "-nft")) flavours.push_back(program + "-nft");
  const std::string names =
      v6 ? "/proc/thread-self/net/ip6_tables_names" : "/proc/thread-self/net/ip_tables_names";
  const bool legacy_loaded = !base::Trim(os::ReadFile(names, 65536).ValueOr("")).empty();
  if (Installed(program + "-legacy") && (legacy_loaded || flavours.empty()))
    flavours.push_back(program + "-legacy");
  return flavours;
}

base::Error NoneInstalled(bool v6) {
  return base::FailedPrecondition("no {} on this machine: install the package iptables",
                                  v6 ? "ip6tables" : "iptables");
}

Status Restore(const Flavour& flavour, const std::string& text) {
  return Must({flavour + "-restore", "--noflush", "-w", "10"}, text);
}

Status Test(const Flavour& flavour, const std::string& text) {
  return Must({flavour + "-restore", "--noflush", "--test", "-w", "10"}, text);
}

Result<std::string> Save(const Flavour& flavour, const std::string& table) {
  ASSIGN_OR_RETURN(os::CommandResult result, Run({flavour + "-save", "-t", table}));
  if (result.status.code() != 0)
    return base::Internal("'{}-save -t {}' ended with {}: {}", flavour, table, result.status.code(),
                          base::Trim(result.err));
  return std::move(result.out);
}

Result<bool> Has(const Flavour& flavour, const Rule& rule) {
  ASSIGN_OR_RETURN(const os::CommandResult there, Run(On(flavour, rule, "-C")));
  return there.status.code() == 0;
}

Status Add(const Flavour& flavour, const Rule& rule, bool first) {
  return Must(On(flavour, rule, first ? "-I" : "-A"));
}

Status Insert(const Flavour& flavour, const Rule& rule, size_t place) {
  std::vector<std::string> argv = On(flavour, rule.table, "-I", rule.chain);
  argv.push_back(std::to_string(place));
  argv.insert(argv.end(), rule.words.begin(), rule.words.end());
  return Must(std::move(argv));
}

Status RemoveAll(const Flavour& flavour, const Rule& rule) {
  for (int i = 0; i < kMostCopies; ++i) {
    ASSIGN_OR_RETURN(const os::CommandResult gone, Run(On(flavour, rule, "-D")));
    if (gone.status.code() != 0) break;
  }
  return base::Ok();
}

Result<bool> HasChain(const Flavour& flavour, const std::string& table, const std::string& chain) {
  ASSIGN_OR_RETURN(const os::CommandResult there, Run(On(flavour, table, "-S", chain)));
  return there.status.code() == 0;
}

Result<bool> RemoveChain(const Flavour& flavour, const std::string& table,
                         const std::string& chain) {
  RETURN_IF_ERROR(Must(On(flavour, table, "-F", chain)));
  ASSIGN_OR_RETURN(const os::CommandResult removed, Run(On(flavour, table, "-X", chain)));
  return removed.status.code() == 0;
}

}  // namespace keelson::xtables
