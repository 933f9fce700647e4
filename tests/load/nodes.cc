// SPDX-License-Identifier: Apache-2.0
#include "tests/load/nodes.h"

#include <fmt/format.h>
#include <poll.h>

#include "lib/base/clock.h"
#include "lib/base/rfc3339.h"
#include "tests/load/loops.h"

namespace keelson::load {
namespace {

constexpr int kClients = 8;
constexpr auto kPatience = std::chrono::minutes(2);
constexpr int kPauseMillis = 10;

base::Status Expect(const base::Result<Answer>& answer, int code) {
  if (!answer.ok()) return answer.error();
  if (answer->code != code) return base::Internal("{} {}", answer->code, answer->body);
  return base::Ok();
}

}  // namespace

std::string NodeName(uint64_t number) { return fmt::format("node-{}", number); }

std::string Node(uint64_t number) {
  const std::string now = base::FormatRfc3339(base::SystemClock().WallNanos());
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{0}","labels":{{"kubernetes.io/hostname":"{0}",)"
      R"("topology.kubernetes.io/zone":"zone-{1}"}}}},"status":{{)"
      R"("allocatable":{{"cpu":"8","memory":"32Gi","pods":"110"}},"capacity":{{"cpu":"8","memory":"32Gi","pods":"110"}},)"
      R"("conditions":[{{"type":"Ready","status":"True","reason":"KubeletReady","message":"ready",)"
      R"("lastHeartbeatTime":"{2}","lastTransitionTime":"{2}"}}]}}}})",
      NodeName(number), number % 10, now);
}

std::string PlainPod(const std::string& name) {
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{}","labels":{{"app":"web"}}}},)"
      R"("spec":{{"containers":[{{"name":"web","image":"registry.example/web:v1",)"
      R"("resources":{{"requests":{{"cpu":"100m","memory":"64Mi"}}}}}}]}}}})",
      name);
}

base::Status MakeNodes(const Client& client, uint64_t count) {
  const auto made = Drive(
      client, kClients, kPatience, count,
      [](Connection& connection, int, uint64_t number) -> base::Status {
        RETURN_IF_ERROR(Expect(connection.Ask("POST", "/api/v1/nodes", Node(number)), 201));
        // The taint of new nodes goes when they are ready.
        return Expect(connection.Ask("PATCH", "/api/v1/nodes/" + NodeName(number),
                                     R"({"spec":{"taints":null}})", "application/merge-patch+json"),
                      200);
      });
  return made.ok() ? base::Ok() : base::Status(made.error());
}

base::Status WaitForAccount(const Client& client) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(client));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    ASSIGN_OR_RETURN(const Answer answer,
                     connection.Ask("GET", "/api/v1/namespaces/default/serviceaccounts/default"));
    if (answer.code == 200) return base::Ok();
    ::poll(nullptr, 0, kPauseMillis);
  }
  return base::DeadlineExceeded("there is no service account");
}

}  // namespace keelson::load
