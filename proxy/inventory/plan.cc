// SPDX-License-Identifier: Apache-2.0
#include "proxy/inventory/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "lib/base/strings.h"
#include "proxy/apply/iptables/rules.h"

namespace keelson::proxy::inventory {

using keelson::inventory::Item;

namespace {

// A table's chains of a proxy, with what leads to each.
class Chains {
 public:
  explicit Chains(const SavedTable& saved) : service_(iptables::ServiceChains(saved.saved)) {
    for (const std::string& chain : iptables::SharedChains(saved.table))
      if (saved.saved.find("\n:" + chain + " ") != std::string::npos) shared_.insert(chain);
    for (const std::string_view line : base::Split(std::string_view(saved.saved), '\n'))
      if (line.starts_with("-A ")) Rule(line);
  }
  const std::set<std::string>& service() const { return service_; }
  const std::set<std::string>& shared() const { return shared_; }
  // "default/web", as the comments of its rules, or of those that lead to it, have it.
  std::string ServiceOf(const std::string& chain) const {
    const auto found = services_.find(chain);
    return found == services_.end() ? "" : found->second;
  }
  bool LedTo(const std::string& chain) const { return targets_.contains(chain); }
  // Whether a packet comes from `chain` to `target`.
  bool Jumps(const std::string& chain, const std::string& target) const {
    return jumps_.contains({chain, target});
  }

 private:
  void Rule(std::string_view line) {
    const std::string chain(line.substr(3, line.find(' ', 3) - 3));
    std::string target;
    for (const std::string_view word : {" -j ", " -g "}) {
      const size_t at = line.rfind(word);
      if (at == line.npos) continue;
      const std::string_view rest = line.substr(at + word.size());
      target = rest.substr(0, rest.find(' '));
    }
    if (!target.empty()) {
      targets_.insert(target);
      jumps_.insert({chain, target});
    }
    const std::string service = Service(line);
    if (service.empty()) return;
    for (const std::string& name : {chain, target})
      if (service_.contains(name)) services_.emplace(name, service);
  }
  // Of a comment "default/web:http cluster IP" or "default/web".
  static std::string Service(std::string_view line) {
    constexpr std::string_view kComment = "--comment ";
    const size_t at = line.find(kComment);
    if (at == line.npos) return "";
    std::string_view text = line.substr(at + kComment.size());
    if (text.starts_with('"')) text.remove_prefix(1);
    text = text.substr(0, text.find_first_of(" \":"));
    const size_t slash = text.find('/');
    return slash == text.npos || slash == 0 ? "" : std::string(text);
  }

  const std::set<std::string> service_;
  std::set<std::string> shared_, targets_;
  std::set<std::pair<std::string, std::string>> jumps_;
  std::map<std::string, std::string> services_;  // by chain
};

class Judgement {
 public:
  explicit Judgement(const Facts& facts)
      : facts_(facts), owner_(!facts.runs.empty() ? facts.runs : "keelson-proxy") {}

  std::vector<Judged> Take() {
    for (const SavedTable& table : facts_.tables) Table(table);
    for (const OwnRoute& one : facts_.routes) {
      const std::string way = one.link.empty() ? "" : " dev " + one.link;
      Own("route", one.route.to.Text() + " via " + one.route.via.Text() + way,
          RemoveRoute{one.route});
    }
    for (const OwnLink& one : facts_.links) {
      Own("link", one.name, RemoveLink{one.name});
      for (const std::string& address : one.addresses)
        Own("address", address + " on " + one.name, std::monostate());
    }
    return std::move(out_);
  }

 private:
  bool Expected() const { return facts_.kept || !facts_.runs.empty(); }

  // Of our own names and numbers, which nobody else has.
  void Own(const char* kind, std::string thing, Remedy remedy) {
    Item item{.kind = kind, .thing = std::move(thing)};
    if (facts_.kept || facts_.runs == "keelson-proxy") {
      item.owner = "keelson-proxy";
      remedy = {};
    } else {
      item.problem = "no keelson-proxy lives or is set up here";
      item.remedy =
          std::holds_alternative<std::monostate>(remedy) ? "goes with its link" : "remove it";
    }
    out_.push_back({std::move(item), std::move(remedy)});
  }

  void Table(const SavedTable& table) {
    const Chains chains(table);
    for (const std::string& chain : chains.shared()) {
      Item item = Chain(table, chain, owner_);
      if (!Expected()) Nobodys(item);
      // kube-proxy's own jumps are its own matter.
      if (item.problem.empty() && facts_.runs != "kube-proxy") {
        for (const iptables::Jump& jump : iptables::Jumps()) {
          if (jump.table != table.table || jump.rule.back() != chain ||
              chains.Jumps(jump.chain, chain))
            continue;
          item.problem = "no rule of " + jump.chain + " leads to it";
          item.refused = facts_.runs.empty() ? "keelson-proxy writes it when it starts"
                                             : facts_.runs + " writes it when it looks again";
        }
      }
      out_.push_back({std::move(item), {}});
    }
    for (const std::string& chain : chains.service()) Service(table, chains, chain);
  }

  void Service(const SavedTable& table, const Chains& chains, const std::string& chain) {
    const std::string service = chains.ServiceOf(chain);
    Item item = Chain(table, chain, service.empty() ? owner_ : "service " + service);
    Remedy remedy;
    if (!Expected()) {
      Nobodys(item);
    } else if (!chains.LedTo(chain)) {
      item.owner.clear();
      item.problem = "no rule leads to it";
      item.remedy = "remove it";
      if (facts_.runs.empty())
        remedy = RemoveChain{table.flavour, table.table, chain};
      else
        item.refused = facts_.runs + " is running and takes away what it does not need";
    }
    out_.push_back({std::move(item), std::move(remedy)});
  }

  static Item Chain(const SavedTable& table, const std::string& chain, std::string owner) {
    return {.kind = "chain",
            .thing = fmt::format("{} {} {}", table.flavour, table.table, chain),
            .owner = std::move(owner)};
  }
  static void Nobodys(Item& item) {
    item.owner.clear();
    item.problem = "neither keelson-proxy nor kube-proxy lives here";
    item.refused = "either may have made it: keelson-proxy --cleanup takes all of them away";
  }

  const Facts& facts_;
  const std::string owner_;
  std::vector<Judged> out_;
};

}  // namespace

std::vector<Judged> Judge(const Facts& facts) { return Judgement(facts).Take(); }

}  // namespace keelson::proxy::inventory
