// SPDX-License-Identifier: Apache-2.0
// Pods from manifests, the whole way: the kubelet and the runtime as processes, real images, what a user sees.
#include <gmock/gmock.h>
#include <signal.h>

#include "lib/http/client/client.h"
#include "lib/json/value.h"
#include "lib/os/files.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {
namespace {

using testing::HasSubstr;

class KubeletTest : public NodeTest {
 protected:
  void Begin(const std::vector<std::string>& images = {"busybox"}) {
    for (const std::string& image : images) LoadImage(image);
    StartRuntime();
    StartKubelet();
  }
  static std::string Example(const std::string& name) { return os::ReadFile(std::string(KEELSON_SOURCE_DIR) + "/examples/" + name).value(); }
  // The status of a pod of namespace default whose name begins so; null when there is none.
  json::Value Status(const std::string& name) {
    const base::Result<json::Value> list = json::ParseJson(Get("/pods"));
    if (!list.ok()) return {};
    for (const json::Value& pod : list->At({"items"}).items()) {
      if (pod.At({"metadata", "name"}).AsString() == name + "-node") return pod.At({"status"});
    }
    return {};
  }
  bool IsReady(const std::string& name) {
    const json::Value status = Status(name);
    for (const json::Value& condition : status.At({"conditions"}).items()) {
      if (condition.At({"type"}).AsString() == "Ready") return condition.At({"status"}).AsString() == "True";
    }
    return false;
  }
  json::Value Container(const std::string& pod, const std::string& name) {
    const json::Value status = Status(pod);
    for (const json::Value& container : status.At({"containerStatuses"}).items()) {
      if (container.At({"name"}).AsString() == name) return container;
    }
    return {};
  }
  bool IsGone() { return Runtime().ListPodSandboxes().value().empty(); }
};

TEST_F(KubeletTest, WebServesThePageThatItsNeighbourWrites) {
  Begin({"busybox", "nginx"});
  PutManifest("web.yaml", Example("web.yaml"));
  ASSERT_TRUE(Eventually([&] { return IsReady("web"); })) << Get("/pods") << Get("/explain/default/web-node");
  const std::string address = Status("web").At({"podIP"}).AsString();
  const auto page = http::Client().PerformToString({.url = "http://" + address + "/index.html"}, 1 << 20);
  ASSERT_TRUE(page.ok()) << page.error().message();
  EXPECT_THAT(page->second, HasSubstr("Hello from Keelson"));
  EXPECT_TRUE(Eventually([&] {
    for (const std::string& line : LogLines("web", "writer")) {
      if (line.find("Hello from Keelson") != std::string::npos) return true;
    }
    return false;
  }));
  RemoveManifest("web.yaml");
  EXPECT_TRUE(Eventually([&] { return IsGone(); })) << Get("/pods");
}

}  // namespace
}  // namespace keelson::node_test
