// SPDX-License-Identifier: Apache-2.0
#include "lib/http/passage/passages.h"

#include <set>
#include <thread>

#include "lib/base/strings.h"
#include "lib/http/passage/passage.h"

namespace keelson::passage {

base::Result<Tls> MakeTls(const std::string& certificate, const std::string& key,
                          const std::string& authorities, service::Trust trust) {
  return service::MakeClientContext(certificate, key, authorities, trust);
}

service::Fields EndToEnd(const service::Fields& headers) {
  static const std::set<std::string, std::less<>> kHop = {
      "connection", "keep-alive",      "proxy-authenticate", "proxy-authorization",
      "te",         "trailer",         "transfer-encoding",  "upgrade",
      "expect",     "proxy-connection"};
  std::set<std::string, std::less<>> named;
  for (const auto& [name, value] : headers) {
    if (base::ToLower(name) != "connection") continue;
    for (const std::string_view one : base::Split(std::string_view(value), ','))
      named.insert(base::ToLower(base::Trim(one)));
  }
  service::Fields out;
  for (const service::Field& field : headers) {
    const std::string name = base::ToLower(field.first);
    if (kHop.count(name) == 0 && named.count(name) == 0) out.push_back(field);
  }
  return out;
}

struct Passages::State {
  explicit State(Options given, std::shared_ptr<os::EventLoop> events)
      : options(given), loop(std::move(events)) {}
  const Options options;
  const std::shared_ptr<os::EventLoop> loop;
  std::thread thread;
  std::set<std::shared_ptr<Passage>> passages;  // the loop's
  std::atomic<size_t> open{0};
};

base::Result<std::unique_ptr<Passages>> Passages::Start(Options options) {
  ASSIGN_OR_RETURN(std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  const auto state =
      std::make_shared<State>(options, std::shared_ptr<os::EventLoop>(std::move(loop)));
  state->thread = std::thread([events = state->loop] { events->Run(); });
  return std::unique_ptr<Passages>(new Passages(state));
}

Passages::~Passages() {
  state_->loop->Post([state = state_.get()] {
    const auto all = state->passages;
    for (const auto& passage : all) passage->CutOff();
    state->loop->Stop();
  });
  state_->thread.join();
  // What was posted for later.
  for (int i = 0; i < 3; ++i) state_->loop->RunOnce(std::chrono::nanoseconds(0));
}

size_t Passages::open() const { return state_->open; }

void Passages::Begin(std::shared_ptr<service::Exchange> exchange, Outbound outbound, Terms terms) {
  base::Result<std::vector<os::TcpAddress>> addresses =
      os::ResolveTcp(outbound.host, outbound.port);
  if (!addresses.ok())
    return terms.failed(*exchange,
                        base::Unavailable("dial tcp: lookup {}: no such host", outbound.host));
  const std::weak_ptr<State> weak = state_;
  const auto passage = std::make_shared<Passage>(
      state_->loop, state_->options, std::move(exchange), std::move(outbound), std::move(terms),
      os::Dial(*std::move(addresses)), [weak](Passage* ended) {
        const auto state = weak.lock();
        if (!state) return;
        for (auto it = state->passages.begin(); it != state->passages.end(); ++it) {
          if (it->get() != ended) continue;
          // Let go later: it is still at work.
          state->loop->Post([last = *it] {});
          state->passages.erase(it);
          --state->open;
          return;
        }
      });
  // Kept over the call: what is begun may be all that its owner waited for.
  const std::shared_ptr<os::EventLoop> loop = state_->loop;
  loop->Post([weak, passage] {
    const auto state = weak.lock();
    if (!state) return;
    state->passages.insert(passage);
    ++state->open;
    passage->Start();
  });
}

}  // namespace keelson::passage
