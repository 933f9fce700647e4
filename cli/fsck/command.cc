// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>

#include "cli/cluster/machine.h"
#include "cli/cluster/options.h"
#include "cli/fsck/fsck.h"
#include "cli/table.h"
#include "lib/base/strings.h"
#include "lib/os/process.h"

namespace keelson::cli {

using base::Result;
using base::Status;
using inventory::Report;

namespace {

// Counting the files of a large node on a slow disk takes its time.
constexpr std::chrono::minutes kPatience{30};
constexpr size_t kMostOfAReport = size_t{256} << 20;

Result<Report> Ask(const std::string& network, std::vector<std::string> words) {
  Result<Report> report = base::Internal("not asked");
  const std::string program = words.front();
  const Status asked = cluster::InNetwork(network, [&]() -> Status {
    ASSIGN_OR_RETURN(
        const os::CommandResult done,
        os::RunCommand(
            {.argv = std::move(words),
             .env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
            "", kPatience, kMostOfAReport));
    if (done.status.code() != 0)
      return base::FailedPrecondition("'{} fsck' ended with {}: {}", program, done.status.code(),
                                      base::Trim(done.err));
    report = inventory::FromJson(done.out).WithContext("read what " + program + " says");
    return base::Ok();
  });
  if (!asked.ok()) return asked.error();
  return report;
}

std::vector<std::string> RuntimeWords(const FsckOptions& options,
                                      const std::optional<cluster::NodeOptions>& node) {
  std::vector<std::string> words = {options.programs + "/keelson-runtime"};
  const auto add = [&words](const char* flag, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {flag, value});
  };
  add("--state-dir", options.state_dir);
  add("--run-dir", node ? node->run_dir : options.run_dir);
  add("--config-dir", node ? node->config_dir : options.config_dir);
  if (node) {
    words.insert(words.end(), {"--bridge", node->bridge, "--pod-subnet", "", "--pod-network",
                               node->cluster_cidr});
  }
  words.push_back("fsck");
  if (options.mend) words.push_back("--mend");
  return words;
}

}  // namespace

FsckCommand::FsckCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "fsck",
      "whose every byte, mount, namespace, link, address, rule, cgroup and process of this node "
      "is, and what has no owner; exit code 1 if something is wrong");
  command->add_flag("--mend", options_.mend,
                    "take away what has no owner; what a pod uses is never touched");
  command->add_flag("-a,--all", options_.all, "list also what is in order");
  command->add_option("-o,--output", options_.output, "json")->check(CLI::IsMember({"json"}));
  command->add_option("--state-dir", options_.state_dir, "the node's")->capture_default_str();
  command->add_option("--run-dir", options_.run_dir, "else the node's record's, or the runtime's");
  command->add_option("--config-dir", options_.config_dir, "likewise; with the runtime's settings");
  command->add_option("--programs", options_.programs, "their folder; else where this one is");
  command_ = command;
}

std::optional<int> FsckCommand::Run(const Console& console) const {
  if (!command_->parsed()) return std::nullopt;
  FsckOptions options = options_;
  std::optional<cluster::NodeOptions> node;
  if (auto record = cluster::ReadRecord(options.state_dir); record.ok()) node = std::move(*record);
  if (options.programs.empty() && node) options.programs = node->programs;
  if (options.programs.empty()) {
    std::error_code failed;
    options.programs = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
  }
  const Result<Report> runtime = Ask(node ? node->network : "", RuntimeWords(options, node));
  if (!runtime.ok()) {
    console.err << "keelson: " << Printable(runtime.error().message()) << "\n";
    return 1;
  }
  const std::vector<Report> reports = {*runtime};
  console.out << (options.output == "json" ? FsckJson(reports) : FsckText(reports, options.all));
  return std::any_of(reports.begin(), reports.end(), inventory::HasProblem) ? 1 : 0;
}

}  // namespace keelson::cli
