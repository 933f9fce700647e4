// SPDX-License-Identifier: Apache-2.0
// The control plane in this process with its controllers running, over a store in memory and with a
// clock that the test moves: whatever waits for a time waits for Advance(). Nodes, kubelets and the
// like are what the test writes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/fake_clock.h"
#include "minimal-master/control/client.h"
#include "minimal-master/controllers/settings.h"
#include "tests/master/local_server.h"

namespace keelson::golden {

class ControlledServer {
 public:
  // Those of settings.enabled run, the scheduler where the test asks for it; an authority is made
  // when there is none.
  explicit ControlledServer(controllers::Settings settings = {}, bool schedules = false);
  ~ControlledServer();

  LocalServer& server();
  base::ManualClock& clock();
  control::Client& client();
  // "POST", "/api/v1/namespaces", YAML or JSON. Fails the test when the answer is a refusal.
  json::Value Do(const std::string& method, const std::string& path, const std::string& body = "");
  // The object, or null.
  json::Value Get(const std::string& path);
  // Asks until `good` says so; fails the test after a minute.
  json::Value WaitFor(const std::string& path, const std::function<bool(const json::Value&)>& good);
  void WaitUntilGone(const std::string& path);
  // Until no key waits or is worked on (what is delayed may be) and no pod can be tried: then
  // nothing happens on its own.
  void WaitForQuiet();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keelson::golden
