// SPDX-License-Identifier: Apache-2.0
#include "kubelet/status/changes.h"

#include <gtest/gtest.h>

namespace keelson::status {
namespace {

json::Value Status(const std::string& containers) {
  return json::ParseJson("{\"containerStatuses\":[" + containers + "]}").value();
}
std::string Waits(const std::string& reason, int restarts = 0) {
  return R"({"name":"a","image":"nginx:1","restartCount":)" + std::to_string(restarts) +
         R"(,"state":{"waiting":{"reason":")" + reason + "\"}}}";
}

TEST(StatusChanges, TellOnceOfEachWait) {
  const kube::ObjectMeta pod{.name = "web", .namespace_name = "default", .uid = "u"};
  const std::string running = R"({"name":"a","restartCount":1,"state":{"running":{}}})";
  const std::vector<Event> crash = {
      {true, "BackOff", "Back-off restarting failed container a in pod web_default(u)"}};
  const std::vector<Event> pull = {{false, "BackOff", "Back-off pulling image \"nginx:1\""},
                                   {true, "Failed", "Error: ImagePullBackOff"}};
  struct Case {
    std::string_view name;
    json::Value before, after;
    std::vector<Event> events;
  };
  const Case cases[] = {
      {"the first status", {}, Status(Waits("ContainerCreating")), {}},
      {"a crash", Status(running), Status(Waits("CrashLoopBackOff", 1)), crash},
      {"the same wait seen again",
       Status(Waits("CrashLoopBackOff", 1)),
       Status(Waits("CrashLoopBackOff", 1)),
       {}},
      {"another crash before anybody looked", Status(Waits("CrashLoopBackOff", 1)),
       Status(Waits("CrashLoopBackOff", 2)), crash},
      {"a pull that failed waits for the next", Status(Waits("ErrImagePull")),
       Status(Waits("ImagePullBackOff")), pull},
      {"and fails again", Status(Waits("ImagePullBackOff")), Status(Waits("ErrImagePull")), {}},
      {"the end of a wait", Status(Waits("CrashLoopBackOff", 1)), Status(running), {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(EventsBetween(c.before, c.after, pod), c.events);
  }
}

}  // namespace
}  // namespace keelson::status
