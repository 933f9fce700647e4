// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/usage/scraper.h"

#include <map>
#include <thread>

#include "lib/base/log.h"
#include "lib/http/multiplex/client.h"
#include "lib/kube/node.h"

namespace keelson::usage {
namespace {

constexpr size_t kLargest = size_t{32} << 20;  // of an answer

}  // namespace

struct Scraper::State {
  State(Usage& the_usage, Nodes the_list, const base::Clock& the_clock, Options the_options,
        std::unique_ptr<os::EventLoop> the_loop)
      : usage(the_usage),
        list(std::move(the_list)),
        clock(the_clock),
        options(std::move(the_options)),
        loop(std::move(the_loop)),
        certificate(options.certificate),
        key(options.key) {}

  struct Node {
    kube::KubeletPlace place;
    std::unique_ptr<multiplex::Client> client;
    bool asking = false;
    bool failed = false;  // said once
  };

  void Round();
  void Ask(const std::string& name);
  multiplex::Target TargetOf(const kube::KubeletPlace& place) const {
    multiplex::Target target;
    target.host = place.host;
    target.port = place.port;
    target.authorities = options.kubelet_authority;
    target.any_peer = options.kubelet_authority.empty();
    target.trust = options.trust;
    target.certificate = certificate;
    target.key = key;
    return target;
  }

  Usage& usage;
  const Nodes list;
  const base::Clock& clock;
  const Options options;
  const std::unique_ptr<os::EventLoop> loop;
  std::map<std::string, Node> nodes;
  std::string certificate, key;
  std::thread thread;
};

// Kubelets are asked one after another over the period, not all at its beginning.
void Scraper::State::Round() {
  std::map<std::string, kube::KubeletPlace> there;
  for (const json::Value& node : list()) {
    kube::KubeletPlace place = kube::KubeletPlaceOf(node);
    if (!place.host.empty())
      there.emplace(node.At({"metadata", "name"}).AsString(), std::move(place));
  }
  std::erase_if(nodes, [&](const auto& each) {
    const bool gone = there.count(each.first) == 0;
    if (gone) usage.Forget(each.first);
    return gone;
  });
  const auto count = static_cast<int64_t>(std::max<size_t>(there.size(), 1));
  int64_t index = 0;
  for (const auto& [name, place] : there) {
    Node& node = nodes[name];
    if (!node.client || node.place != place) {
      node.place = place;
      node.asking = false;
      node.client = std::make_unique<multiplex::Client>(*loop, TargetOf(place));
    }
    loop->After(options.period * index++ / count / 2, [this, of = name] { Ask(of); });
  }
  loop->After(options.period, [this] { Round(); });
}

void Scraper::State::Ask(const std::string& name) {
  const auto found = nodes.find(name);
  if (found == nodes.end() || found->second.asking) return;
  found->second.asking = true;
  multiplex::Call call;
  call.path = "/metrics/resource";
  call.timeout = options.timeout;
  call.max_body = kLargest;
  call.done = [this, name](base::Result<multiplex::Reply> reply) {
    const auto of = nodes.find(name);
    if (of == nodes.end()) return;
    of->second.asking = false;
    if (reply.ok() && reply->status == 200) {
      of->second.failed = false;
      usage.Put(name, ReadResourceMetrics(reply->body), clock.WallNanos() / 1'000'000);
      return;
    }
    if (!of->second.failed)
      base::LogWarn(
          "a node does not tell what it uses",
          {{"node", name},
           {"error", reply.ok() ? fmt::format("/metrics/resource is answered {}", reply->status)
                                : reply.error().message()}});
    of->second.failed = true;
  };
  found->second.client->Begin(std::move(call));
}

base::Result<std::unique_ptr<Scraper>> Scraper::Start(Usage& usage, Nodes nodes,
                                                      const base::Clock& clock, Options options) {
  ASSIGN_OR_RETURN(std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  auto state =
      std::make_shared<State>(usage, std::move(nodes), clock, std::move(options), std::move(loop));
  state->loop->Post([raw = state.get()] { raw->Round(); });
  state->thread = std::thread([raw = state.get()] { raw->loop->Run(); });
  return std::unique_ptr<Scraper>(new Scraper(std::move(state)));
}

Scraper::~Scraper() {
  state_->loop->Stop();
  state_->thread.join();
  state_->nodes.clear();
}

void Scraper::SetCertificate(const std::string& certificate, const std::string& key) {
  state_->loop->Post([raw = state_.get(), certificate, key] {
    raw->certificate = certificate;
    raw->key = key;
    for (auto& [name, node] : raw->nodes) node.client->SetTarget(raw->TargetOf(node.place));
  });
}

}  // namespace keelson::usage
