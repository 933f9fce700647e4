// SPDX-License-Identifier: Apache-2.0
#include "proxy/apply/iptables/blame.h"

#include <sched.h>

#include <optional>
#include <span>
#include <thread>

namespace keelson::proxy::iptables {

using base::Status;

namespace {

class Search {
 public:
  Search(const Pieces& pieces, const Trial& trial) : pieces_(pieces), trial_(trial) {}

  void Look(std::span<const std::string> names) {
    if (names.empty()) return;
    Pieces some;
    for (const std::string& name : names)
      if (const auto piece = pieces_.find(name); piece != pieces_.end()) some.insert(*piece);
    const Status tried = trial_(some);
    if (tried.ok()) return;
    if (names.size() == 1) {
      // Once may be chance: the lock of the tables was not to be had.
      if (trial_({}).ok() && !trial_(some).ok()) refused_[names.front()] = tried.error().message();
      return;
    }
    Look(names.first(names.size() / 2));
    Look(names.subspan(names.size() / 2));
  }
  std::map<std::string, std::string> refused_;

 private:
  const Pieces& pieces_;
  const Trial& trial_;
};

// As iptables-restore reads a word.
std::string Word(const std::string& word) {
  if (word.find_first_of(" \"'\\") == std::string::npos && !word.empty()) return word;
  std::string quoted = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string JumpText() {
  std::map<std::string, std::string> tables;
  for (const Jump& jump : Jumps()) {
    std::string& text = tables[jump.table];
    text += "-A " + jump.chain;
    for (const std::string& word : jump.rule) text += " " + Word(word);
    text += "\n";
  }
  std::string text;
  for (const auto& [table, rules] : tables) {
    text += "*" + table + "\n";
    for (const std::string& chain : SharedChains(table)) text += ":" + chain + " - [0:0]\n";
    text += rules + "COMMIT\n";
  }
  return text;
}

}  // namespace

std::map<std::string, std::string> FindRefused(const Pieces& pieces,
                                               const std::vector<std::string>& names,
                                               const Trial& trial) {
  if (!trial({}).ok()) return {};  // no service's fault
  Search search(pieces, trial);
  search.Look(names);
  return std::move(search.refused_);
}

Status TryElsewhere(const xtables::Flavour& flavour, const Pieces& pieces, const Options& options) {
  Delta all;
  all.full = true;
  // The jumps are in one input with what they lead to: declared chains are emptied by it.
  const std::string text = MakeRestore(pieces, all, options);
  std::optional<Status> status;
  // A pool thread would stay in the namespace; this one ends, and the namespace with it.
  std::thread thread([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      status = xtables::Test(flavour, text);
      return;
    }
    status = xtables::Restore(flavour, JumpText());
    if (status->ok()) status = xtables::Restore(flavour, text);
  });
  thread.join();
  return *status;
}

}  // namespace keelson::proxy::iptables
