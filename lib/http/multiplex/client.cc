// SPDX-License-Identifier: Apache-2.0
#include "lib/http/multiplex/client.h"

#include "lib/http/multiplex/session.h"

namespace keelson::multiplex {

struct Client::State {
  State(os::EventLoop& the_loop, Target the_target, Options the_options)
      : loop(the_loop), target(std::move(the_target)), options(the_options) {}
  os::EventLoop& loop;
  Target target;
  const Options options;
  CallId next_id = 1;
  std::vector<std::shared_ptr<Session>> sessions;  // the last one takes new calls
  bool renewed = false;                            // the target is not that of the last session

  void Tidy() {
    std::erase_if(sessions, [](const auto& session) {
      if (session->spent() && session->empty()) session->Close();
      return session->over();
    });
  }
};

Client::Client(os::EventLoop& loop, Target target, Options options)
    : state_(std::make_shared<State>(loop, std::move(target), options)) {}

Client::~Client() {
  for (const auto& session : state_->sessions) session->Close();
}

CallId Client::Begin(Call call) {
  state_->Tidy();
  const CallId id = state_->next_id++;
  if (state_->sessions.empty() || state_->sessions.back()->spent() || state_->renewed) {
    // One that is no longer for new calls ends with its last.
    state_->renewed = false;
    state_->sessions.push_back(
        std::make_shared<Session>(state_->loop, state_->target, state_->options));
    state_->sessions.back()->Start();
  }
  state_->sessions.back()->Add(id, std::move(call));
  return id;
}

void Client::Cancel(CallId id) {
  for (const auto& session : state_->sessions) session->Cancel(id);
}

void Client::SetTarget(Target target) {
  state_->target = std::move(target);
  state_->renewed = true;
}

}  // namespace keelson::multiplex
