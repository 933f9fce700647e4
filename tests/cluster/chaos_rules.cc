// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/chaos_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "lib/base/strings.h"
#include "lib/os/unique_fd.h"
#include "tests/cluster/traffic_clients.h"
#include "tests/cluster/up_fixture.h"

namespace keelson::cluster_test {

namespace {

// How often rules of this network namespace have changed; nullopt: the kernel does not say.
std::optional<uint32_t> ChangesOf(int socket) {
  struct {
    nlmsghdr header{};
    nfgenmsg message{};
  } ask;
  ask.header.nlmsg_len = sizeof ask;
  ask.header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
  ask.header.nlmsg_flags = NLM_F_REQUEST;
  alignas(nlmsghdr) char answer[1024];
  if (send(socket, &ask, sizeof ask, 0) < 0) return std::nullopt;
  const ssize_t got = recv(socket, answer, sizeof answer, 0);
  constexpr size_t kHead = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (got < static_cast<ssize_t>(kHead) ||
      header->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
    return std::nullopt;
  for (size_t at = kHead; at + sizeof(nlattr) + 4 <= static_cast<size_t>(got);) {
    const auto* attribute = reinterpret_cast<const nlattr*>(answer + at);
    if ((attribute->nla_type & NLA_TYPE_MASK) == NFTA_GEN_ID) {
      uint32_t number = 0;
      std::memcpy(&number, answer + at + sizeof(nlattr), sizeof number);
      return ntohl(number);
    }
    at += NLA_ALIGN(std::max<size_t>(attribute->nla_len, sizeof(nlattr)));
  }
  return std::nullopt;
}

}  // namespace

SeenRules::SeenRules(std::string service) : service_(std::move(service)) {
  thread_ = std::thread([this] { Run(); });
}

void SeenRules::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

std::vector<std::string> SeenRules::Endpoints(const std::string& rules,
                                              const std::string& service) {
  std::vector<std::string> out;
  for (const std::string_view line : base::Split(std::string_view(rules), '\n')) {
    constexpr std::string_view kTo = "--to-destination ";
    const size_t at = line.find(kTo);
    if (at == std::string_view::npos || line.find("\"" + service) == std::string_view::npos)
      continue;
    const std::string_view target = line.substr(at + kTo.size());
    out.emplace_back(target.substr(0, target.find(':')));
  }
  return out;
}

void SeenRules::Run() {
  const os::UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  std::optional<uint32_t> last;  // of the last look
  while (!stop_) {
    const std::optional<uint32_t> before = ChangesOf(socket.get());
    const int64_t begun = SteadyNow();
    const Said said = Output({"iptables-save", "-t", "nat"});
    const int64_t ended = SteadyNow();
    const std::optional<uint32_t> after = ChangesOf(socket.get());
    // Else they changed while they were read: the next look tells.
    if (said.code == 0 && before && before == after) {
      const std::vector<std::string> list = Endpoints(said.text, service_);
      const std::lock_guard lock(mutex_);
      if (last == before && !known_.empty())
        known_.back().to = ended;
      else
        known_.push_back({begun, ended, {list.begin(), list.end()}});
      last = before;
      ++looks_;
    }
    (void)poll(nullptr, 0, 20);
  }
}

SeenRules::Led SeenRules::To(const std::string& address, int64_t begun, int64_t served) const {
  const std::lock_guard lock(mutex_);
  const auto after =
      std::upper_bound(known_.begin(), known_.end(), begun,
                       [](int64_t when, const Known& one) { return when < one.from; });
  if (after == known_.begin() || served > std::prev(after)->to) return Led::kNotKnown;
  return std::prev(after)->addresses.count(address) > 0 ? Led::kByRules : Led::kAstray;
}

std::vector<std::string> SeenRules::Last() const {
  const std::lock_guard lock(mutex_);
  if (known_.empty()) return {};
  return {known_.back().addresses.begin(), known_.back().addresses.end()};
}

}  // namespace keelson::cluster_test
