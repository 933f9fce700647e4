// SPDX-License-Identifier: Apache-2.0
#include "proxy/apply/iptables/applier.h"

#include "lib/base/strings.h"

namespace keelson::proxy::iptables {

using base::Result;
using base::Status;

namespace {

xtables::Rule RuleOf(const Jump& jump) { return {jump.table, jump.chain, jump.rule}; }

std::string Declarations(const char* table) {
  std::string text = std::string("*") + table + "\n";
  for (const std::string& chain : SharedChains(table)) text += ":" + chain + " - [0:0]\n";
  return text + "COMMIT\n";
}

// Chains that are there and that nothing wanted names.
std::set<std::string> Stale(std::set<std::string> there, const Pieces& wanted,
                            std::map<std::string, std::vector<std::string>> Piece::* chains) {
  for (const auto& [name, piece] : wanted)
    for (const auto& [chain, rules] : piece.*chains) there.erase(chain);
  return there;
}

}  // namespace

// Jumps are added where they are missing. Those of nat and the filter's to services come first, as
// upstream puts them: before the rules of whoever accepts or drops everything.
Status Applier::Prepare() {
  for (const Jump& jump : Jumps()) {
    ASSIGN_OR_RETURN(const bool there, xtables::Has(flavour_, RuleOf(jump)));
    if (!there) RETURN_IF_ERROR(xtables::Add(flavour_, RuleOf(jump), true));
  }
  return base::Ok();
}

Status Applier::Whole(const Pieces& wanted) {
  Delta delta;
  delta.full = true;
  ASSIGN_OR_RETURN(const std::string nat, xtables::Save(flavour_, "nat"));
  ASSIGN_OR_RETURN(const std::string filter, xtables::Save(flavour_, "filter"));
  delta.stale_nat = Stale(ServiceChains(nat), wanted, &Piece::nat_chains);
  delta.stale_filter = Stale(ServiceChains(filter), wanted, &Piece::filter_chains);
  const std::string text = MakeRestore(wanted, delta, options_);
  RETURN_IF_ERROR(xtables::Restore(flavour_, text + Declarations("mangle")));
  Written(text);
  ++counts_.full;
  return Prepare();
}

void Applier::Written(const std::string& text) {
  counts_.bytes += text.size();
  counts_.last_rules = {{"filter", 0}, {"nat", 0}};
  uint64_t* rules = nullptr;
  for (const std::string_view line : base::Split(std::string_view(text), '\n')) {
    if (line.starts_with('*')) rules = &counts_.last_rules[std::string(line.substr(1))];
    if (rules != nullptr && line.starts_with("-A")) ++*rules;
  }
}

Status Applier::Sync(const Pieces& wanted, const Pieces& applied) {
  const auto failed = [this](const Status& status) {
    whole_ = false;
    ++counts_.failures;
    return status.error();
  };
  if (!whole_) {
    if (const Status done = Whole(wanted); !done.ok()) return failed(done);
    whole_ = true;
    return base::Ok();
  }
  const std::string text = MakeRestore(wanted, Difference(applied, wanted), options_);
  if (text.empty()) return base::Ok();
  if (const Status done = xtables::Restore(flavour_, text); !done.ok()) {
    ++counts_.partial_failures;
    return failed(done);
  }
  Written(text);
  ++counts_.partial;
  return base::Ok();
}

Result<bool> Applier::Intact() {
  if (!whole_) return false;
  ASSIGN_OR_RETURN(const std::string mangle, xtables::Save(flavour_, "mangle"));
  whole_ = HasCanary(mangle);
  return whole_;
}

Status Applier::Remove() {
  whole_ = false;
  for (const Jump& jump : Jumps()) RETURN_IF_ERROR(xtables::RemoveAll(flavour_, RuleOf(jump)));
  for (const char* table : {"nat", "filter", "mangle"}) {
    ASSIGN_OR_RETURN(const std::string saved, xtables::Save(flavour_, table));
    std::set<std::string> ours = ServiceChains(saved);
    for (const std::string& chain : SharedChains(table))
      if (saved.find("\n:" + chain + " ") != std::string::npos) ours.insert(chain);
    if (ours.empty()) continue;
    std::string text = std::string("*") + table + "\n";
    for (const std::string& chain : ours) text += ":" + chain + " - [0:0]\n";
    for (const std::string& chain : ours) text += "-X " + chain + "\n";
    RETURN_IF_ERROR(xtables::Restore(flavour_, text + "COMMIT\n"));
  }
  return base::Ok();
}

}  // namespace keelson::proxy::iptables
