// SPDX-License-Identifier: Apache-2.0
#include "tests/master/workloads.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "minimal-master/control/times.h"

namespace keelson::golden {
namespace {

using json::Value;

constexpr std::chrono::minutes kDeadline{1};
constexpr int kPauseMillis = 2;
const std::string kPods = "/api/v1/namespaces/default/pods";

bool IsReady(const Value& pod) {
  const std::string& phase = pod.At({"status", "phase"}).AsString();
  return ConditionOf(pod, "Ready").starts_with("True") || phase == "Failed" || phase == "Succeeded";
}

std::string Now(ControlledServer& server) { return control::TimeText(server.clock().WallNanos()); }

}  // namespace

std::vector<Value> PodsOf(ControlledServer& server, const std::string& query) {
  return server.Get(kPods + query).At({"items"}).items();
}

void Patch(ControlledServer& server, const std::string& path, const std::string& type,
           const std::string& body) {
  Request request;
  request.method = "PATCH";
  request.path = path;
  request.content_type = type;
  request.body = body;
  const Answer answer = server.server().Ask(request);
  EXPECT_LT(answer.code, 300) << path << ": " << json::WriteJson(answer.body);
}

void SetPodStatus(ControlledServer& server, const std::string& name, const std::string& status) {
  Request request;
  request.method = "PATCH";
  request.path = kPods + "/" + name + "/status";
  request.content_type = "application/merge-patch+json";
  request.body = R"({"status":)" + status + "}";
  const Answer answer = server.server().Ask(request);
  // It may be gone by now.
  EXPECT_TRUE(answer.code < 300 || answer.code == 404) << json::WriteJson(answer.body);
}

void MakeReady(ControlledServer& server, const Value& pod) {
  const std::string now = Now(server);
  SetPodStatus(server, pod.At({"metadata", "name"}).AsString(),
               R"({"phase":"Running","startTime":")" + now +
                   R"(","conditions":[{"type":"Ready","status":"True","lastTransitionTime":")" +
                   now + R"("}]})");
}

void EndPod(ControlledServer& server, const Value& pod, int exit_code) {
  const std::string& container = pod.At({"spec", "containers"}).items()[0].At({"name"}).AsString();
  SetPodStatus(server, pod.At({"metadata", "name"}).AsString(),
               std::string(R"({"phase":")") + (exit_code == 0 ? "Succeeded" : "Failed") +
                   R"(","containerStatuses":[{"name":")" + container +
                   R"(","image":"x","imageID":"x","ready":false,"restartCount":0,"state":)" +
                   R"({"terminated":{"exitCode":)" + std::to_string(exit_code) +
                   R"(,"finishedAt":")" + Now(server) + R"("}}}]})");
}

Value ServeUntil(ControlledServer& server, const std::string& path,
                 const std::function<bool(const Value&)>& good,
                 const std::function<bool(const Value&)>& except) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (true) {
    Value object = server.Get(path);
    if (good(object)) return object;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << path << " is still " << json::WriteJson(object);
      return object;
    }
    for (const Value& pod : PodsOf(server)) {
      if (!IsReady(pod) && !(except && except(pod))) MakeReady(server, pod);
    }
    server.clock().Advance(std::chrono::milliseconds(10));
    ::poll(nullptr, 0, kPauseMillis);
  }
}

Value Until(ControlledServer& server, const std::string& path,
            const std::function<bool(const Value&)>& good) {
  return ServeUntil(server, path, good, [](const Value&) { return true; });
}

std::vector<std::string> EventsOf(ControlledServer& server, const std::string& reason) {
  std::vector<std::string> out;
  const Value list = server.Get("/api/v1/namespaces/default/events");
  for (const Value& event : list.At({"items"}).items()) {
    if (event.At({"reason"}).AsString() == reason) out.push_back(event.At({"message"}).AsString());
  }
  return out;
}

std::string ConditionOf(const Value& object, const std::string& type) {
  for (const Value& condition : object.At({"status", "conditions"}).items()) {
    if (condition.At({"type"}).AsString() != type) continue;
    return condition.At({"status"}).AsString() + " " + condition.At({"reason"}).AsString();
  }
  return {};
}

}  // namespace keelson::golden
