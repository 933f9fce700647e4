// SPDX-License-Identifier: Apache-2.0
#include "tests/master/controlled_server.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <optional>

#include "minimal-master/api/local_client.h"
#include "minimal-master/control/manager.h"
#include "minimal-master/controllers/all.h"
#include "minimal-master/scheduler/run/scheduler.h"

namespace keelson::golden {
namespace {

constexpr std::chrono::minutes kDeadline{1};
constexpr int kPauseMillis = 2;
constexpr int64_t kYear = int64_t{365} * 86400;

// One for all tests of a process: a key takes its time.
const pki::Authority& TestAuthority() {
  static const pki::Authority authority =
      *pki::Authority::Create("test-ca", base::ManualClock().WallNanos() / 1'000'000'000 - 86400,
                              base::ManualClock().WallNanos() / 1'000'000'000 + 10 * kYear);
  return authority;
}

}  // namespace

struct ControlledServer::State {
  State(controllers::Settings its_settings, bool schedules)
      : settings(std::move(its_settings)),
        server(LocalServer::Options{.clock = &clock}),
        client(server.engine()),
        recorder(client, clock),
        manager(server.engine().cache(), clock, 8) {
    if (settings.authority == nullptr) settings.authority = &TestAuthority();
    settings.token_key = &server.token_key();
    controllers::AddControllers(manager,
                                {server.engine().cache(), client, recorder, clock, settings});
    KEELSON_CHECK(manager.Start().ok());
    if (!schedules) return;
    scheduler.emplace(scheduler::run::Context{server.engine().cache(), client, recorder, clock},
                      scheduler::run::Options{.random = [](uint32_t bound) { return bound - 1; }});
    scheduler->Start();
  }

  base::ManualClock clock;
  controllers::Settings settings;
  LocalServer server;
  api::LocalClient client;
  control::Recorder recorder;
  control::Manager manager;
  std::optional<scheduler::run::Scheduler> scheduler;
};

ControlledServer::ControlledServer(controllers::Settings settings, bool schedules)
    : state_(std::make_unique<State>(std::move(settings), schedules)) {}
ControlledServer::~ControlledServer() = default;

LocalServer& ControlledServer::server() { return state_->server; }
base::ManualClock& ControlledServer::clock() { return state_->clock; }
control::Client& ControlledServer::client() { return state_->client; }

json::Value ControlledServer::Do(const std::string& method, const std::string& path,
                                 const std::string& body) {
  Request request;
  request.method = method;
  request.path = path;
  request.body = body;
  if (!body.empty())
    request.content_type = method == "PATCH" ? "application/merge-patch+json" : "application/yaml";
  const Answer answer = state_->server.Ask(request);
  EXPECT_LT(answer.code, 300) << method << ' ' << path << ": " << json::WriteJson(answer.body);
  return answer.body;
}

json::Value ControlledServer::Get(const std::string& path) {
  Request request;
  request.method = "GET";
  request.path = path;
  const Answer answer = state_->server.Ask(request);
  return answer.code == 200 ? answer.body : json::Value();
}

json::Value ControlledServer::WaitFor(const std::string& path,
                                      const std::function<bool(const json::Value&)>& good) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (true) {
    json::Value object = Get(path);
    if (good(object)) return object;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << path << " is still " << json::WriteJson(object);
      return object;
    }
    ::poll(nullptr, 0, kPauseMillis);
  }
}

void ControlledServer::WaitUntilGone(const std::string& path) {
  WaitFor(path, [](const json::Value& object) { return object.IsNull(); });
}

void ControlledServer::WaitForQuiet() {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (std::chrono::steady_clock::now() < deadline) {
    if (state_->manager.Quiet() && (!state_->scheduler || state_->scheduler->Quiet()) &&
        state_->manager.Quiet())
      return;
    ::poll(nullptr, 0, kPauseMillis);
  }
  ADD_FAILURE() << "the controllers find no end";
}

}  // namespace keelson::golden
