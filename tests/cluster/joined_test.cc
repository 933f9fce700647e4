// SPDX-License-Identifier: Apache-2.0
// keelson-master as a process and the kubelet of a node over the fake runtime: what is written to
// the API becomes true on the node, and what becomes of it is in the API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "kubelet/cluster/link.h"
#include "kubelet/lifecycle/test_node.h"
#include "lib/json/value.h"
#include "tests/load/master_process.h"

namespace keelson {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class LaterClock final : public base::Clock {
 public:
  base::SteadyTime Steady() const override { return base::SystemClock().Steady(); }
  int64_t WallNanos() const override { return base::SystemClock().WallNanos() + later_; }
  std::atomic<int64_t> later_ = 0;
};

class JoinedTest : public lifecycle::NodeOfATest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: pods have cgroups";
    auto master = load::MasterProcess::Start({.dir = dir_.path() + "/master"});
    ASSERT_TRUE(master.ok()) << master.error().message();
    master_.emplace(*std::move(master));
    make_cluster_ = [this](os::EventLoop& loop) {
      kube::ClientConfig config = ConfigNow();
      api_.emplace(loop, wall_, std::move(config), "test");
      cluster::Link::Settings settings;
      settings.node.name = "node";
      settings.node.addresses = {"192.0.2.7"};
      settings.node.architecture = "amd64";
      settings.node.capacity = settings.node.allocatable = node_.allocatable;
      settings.health = [this] {
        return node::NodeHealth{.not_ready = view_ == nullptr ? std::vector<std::string>{"begins"}
                                                              : view_->NotReady()};
      };
      settings.pod_cidr = [this](const std::string& cidr) {
        (void)fake_.UpdateRuntimeConfig(cidr);
      };
      api_objects_.emplace(*api_, wall_, objects_);
      link_.emplace(*api_, wall_, *api_objects_, std::move(settings));
      return &*link_;
    };
    objects_of_cluster_ = [this]() -> const volume::Objects& { return *api_objects_; };
    start_cluster_ = [this](lifecycle::Agent& agent, lifecycle::View& view) {
      view_ = &view;
      link_->Start(agent);
    };
    end_cluster_ = [this] {
      view_ = nullptr;
      link_.reset();
      api_objects_.reset();
      api_.reset();
    };
    NodeOfATest::SetUp();
    life_->agent.OnFiles({});
    ASSERT_TRUE(Soon([&] { return Get(kAccount).IsObject(); })) << master_->Log();
  }
  void TearDown() override {
    NodeOfATest::TearDown();
    master_.reset();
  }

  // The kubeconfig is written before the kernel gives the port.
  kube::ClientConfig ConfigNow() {
    const std::string path = master_->kubeconfig(), port = ":0";
    std::string text = os::ReadFile(path).ValueOr("");
    const size_t at = text.find("127.0.0.1" + port);
    if (at != std::string::npos)
      text.replace(at, 11, "127.0.0.1:" + std::to_string(master_->client()->port()));
    const std::string copy = dir_.path() + "/kubeconfig";
    EXPECT_TRUE(os::WriteFileAtomic(copy, text, 0600).ok());
    return kube::ReadKubeconfig(copy).value();
  }
  bool Soon(const std::function<bool()>& good,
            std::chrono::minutes patience = std::chrono::minutes(1)) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (good()) return true;
      (void)poll(nullptr, 0, 20);
    }
    return good();
  }
  base::Result<load::Answer> Ask(const std::string& method, const std::string& path,
                                 const std::string& body = "",
                                 const std::string& type = "application/json") {
    ASSIGN_OR_RETURN(load::Connection connection, load::Connection::Open(*master_->client()));
    return connection.Ask(method, path, body, type);
  }
  // Null unless it is there.
  json::Value Get(const std::string& path) {
    const auto answer = Ask("GET", path);
    if (!answer.ok() || answer->code != 200) return {};
    return json::ParseJson(answer->body).ValueOr({});
  }
  void Make(const std::string& name, const std::string& more = "",
            const std::string& of_container = "") {
    Post(kPods, R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
                    R"("},"spec":{"nodeName":"node","containers":[{"name":"a","image":")" + kImage +
                    R"(","imagePullPolicy":"IfNotPresent")" + of_container + "}]" + more + "}}");
  }
  void Post(const std::string& path, const std::string& body) {
    const auto answer = Ask("POST", path, body);
    ASSERT_TRUE(answer.ok()) << answer.error().message();
    ASSERT_EQ(answer->code, 201) << answer->body;
  }
  void Delete(const std::string& name, const std::string& options = "") {
    const auto answer = Ask("DELETE", Path(name), options);
    ASSERT_TRUE(answer.ok()) << answer.error().message();
    ASSERT_LT(answer->code, 300) << answer->body;
  }
  static std::string Path(const std::string& name) { return std::string(kPods) + "/" + name; }
  static std::string ConditionOf(const json::Value& object, const std::string& type) {
    for (const json::Value& condition : object.At({"status", "conditions"}).items()) {
      if (condition.At({"type"}).AsString() == type) return condition.At({"status"}).AsString();
    }
    return "";
  }
  bool IsReadyThere(const std::string& name) {
    return ConditionOf(Get(Path(name)), "Ready") == "True";
  }

  static constexpr char kPods[] = "/api/v1/namespaces/default/pods";
  static constexpr char kAccount[] = "/api/v1/namespaces/default/serviceaccounts/default";
  LaterClock wall_;
  std::optional<load::MasterProcess> master_;
  std::optional<kube::Api> api_;
  std::optional<cluster::ApiObjects> api_objects_;
  std::optional<cluster::Link> link_;
  lifecycle::View* view_ = nullptr;
};

TEST_F(JoinedTest, TheNodeIsRegisteredBecomesReadyAndKeepsItsLease) {
  ASSERT_TRUE(Soon([&] { return ConditionOf(Get("/api/v1/nodes/node"), "Ready") == "True"; }))
      << json::WriteJson(Get("/api/v1/nodes/node"));
  const json::Value node = Get("/api/v1/nodes/node");
  EXPECT_EQ(node.At({"metadata", "labels", "kubernetes.io/hostname"}).AsString(), "node");
  EXPECT_EQ(node.At({"status", "capacity", "cpu"}).AsString(), "2");
  ASSERT_TRUE(Soon([&] {
    return Get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node")
               .At({"spec", "holderIdentity"})
               .AsString() == "node";
  }));
  // Somebody takes it away: it comes back.
  const std::string uid = node.At({"metadata", "uid"}).AsString();
  ASSERT_LT(Ask("DELETE", "/api/v1/nodes/node").value().code, 300);
  ASSERT_TRUE(Soon([&] {
    const json::Value now = Get("/api/v1/nodes/node");
    return now.IsObject() && now.At({"metadata", "uid"}).AsString() != uid &&
           ConditionOf(now, "Ready") == "True";
  }));
}

TEST_F(JoinedTest, APodOfTheApiRunsSaysSoAndGoesWithItsGrace) {
  Make("web", R"(,"terminationGracePeriodSeconds":7)");
  ASSERT_TRUE(Soon([&] { return IsReadyThere("web"); })) << json::WriteJson(Get(Path("web")));
  const json::Value pod = Get(Path("web"));
  EXPECT_EQ(pod.At({"status", "phase"}).AsString(), "Running");
  EXPECT_EQ(pod.At({"status", "hostIP"}).AsString(), "192.0.2.7");
  EXPECT_FALSE(pod.At({"status", "podIP"}).AsString().empty());
  EXPECT_THAT(Names(dir_.path() + "/kubelet/pods"),
              ElementsAre(pod.At({"metadata", "uid"}).AsString()));
  Delete("web");
  ASSERT_TRUE(Soon([&] { return Get(Path("web")).IsNull(); })) << json::WriteJson(Get(Path("web")));
  EXPECT_THAT(CallsOf("Stop"), ElementsAre("StopContainer a 7s", "StopPodSandbox web"));
  EXPECT_THAT(fake_.ListPodSandboxes().value(), IsEmpty());
  EXPECT_THAT(Names(dir_.path() + "/kubelet/pods"), IsEmpty());
}

TEST_F(JoinedTest, AReadinessGateIsForOthersToOpenAndWhatTheyWriteStays) {
  Make("web", R"(,"readinessGates":[{"conditionType":"example.com/lb"}])");
  ASSERT_TRUE(Soon([&] { return ConditionOf(Get(Path("web")), "ContainersReady") == "True"; }))
      << json::WriteJson(Get(Path("web")));
  const auto ready = [&] {
    const json::Value pod = Get(Path("web"));
    for (const json::Value& condition : pod.At({"status", "conditions"}).items()) {
      if (condition.At({"type"}).AsString() == "Ready") return condition;
    }
    return json::Value();
  };
  EXPECT_EQ(ready().At({"status"}).AsString(), "False");
  EXPECT_EQ(ready().At({"reason"}).AsString(), "ReadinessGatesNotReady");
  const auto write = [&](const std::string& status) {
    const auto answer =
        Ask("PATCH", Path("web") + "/status",
            R"({"status":{"conditions":[{"type":"example.com/lb","status":")" + status + R"("}]}})",
            "application/strategic-merge-patch+json");
    ASSERT_TRUE(answer.ok()) << answer.error().message();
    ASSERT_EQ(answer->code, 200) << answer->body;
  };
  write("True");
  ASSERT_TRUE(Soon([&] { return IsReadyThere("web"); })) << json::WriteJson(Get(Path("web")));
  EXPECT_EQ(ConditionOf(Get(Path("web")), "example.com/lb"), "True");
  write("False");
  ASSERT_TRUE(Soon([&] { return !IsReadyThere("web"); })) << json::WriteJson(Get(Path("web")));
  EXPECT_EQ(ConditionOf(Get(Path("web")), "ContainersReady"), "True");
  EXPECT_EQ(ConditionOf(Get(Path("web")), "example.com/lb"), "False");
}

TEST_F(JoinedTest, APodThatEndsSaysHowAndStaysUntilItIsDeleted) {
  Make("job", R"(,"restartPolicy":"Never")");
  ASSERT_TRUE(Soon([&] { return IsReadyThere("job"); }));
  fake_.Exit(fake_.ContainerId("a"), 3);
  ASSERT_TRUE(
      Soon([&] { return Get(Path("job")).At({"status", "phase"}).AsString() == "Failed"; }));
  const json::Value pod = Get(Path("job"));
  EXPECT_EQ(pod.At({"status", "containerStatuses"})
                .items()
                .at(0)
                .At({"state", "terminated", "exitCode"})
                .AsInt(),
            3);
  Restart();
  life_->agent.OnFiles({});
  EXPECT_EQ(Get(Path("job")).At({"status", "phase"}).AsString(), "Failed");
  Delete("job");
  ASSERT_TRUE(Soon([&] { return Get(Path("job")).IsNull(); }));
  EXPECT_EQ(fake_.Count("StartContainer"), 1);
}

TEST_F(JoinedTest, AKubeletThatReturnsFindsItsPodsAndEndsNoneBeforeTheApiWasHeard) {
  Make("web");
  ASSERT_TRUE(Soon([&] { return IsReadyThere("web"); }));
  const std::string started = Get(Path("web")).At({"status", "startTime"}).AsString();
  master_->Kill();
  const int listed = fake_.Count("ListPodSandbox");
  Restart();
  life_->agent.OnFiles({});
  ASSERT_TRUE(Soon([&] { return fake_.Count("ListPodSandbox") > listed + 2; }));
  EXPECT_THAT(CallsOf("Stop"), IsEmpty());
  const auto restarted = master_->Restart();
  ASSERT_TRUE(restarted.ok()) << restarted.error().message();
  Restart();  // the master has another port now
  life_->agent.OnFiles({});
  Make("other");
  ASSERT_TRUE(Soon([&] { return IsReadyThere("other"); }));
  EXPECT_TRUE(IsReadyThere("web"));
  EXPECT_THAT(CallsOf("Stop"), IsEmpty());
  EXPECT_EQ(Get(Path("web")).At({"status", "startTime"}).AsString(), started);
}

TEST_F(JoinedTest, APodGetsWhatItNamesOfTheApi) {
  Post("/api/v1/namespaces/default/configmaps",
       R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},)"
       R"("data":{"colour":"blue"}})");
  Post("/api/v1/namespaces/default/services",
       R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"db"},)"
       R"("spec":{"ports":[{"port":5432}]}})");
  // Services and pods are heard of by two watches, in no order.
  ASSERT_TRUE(Soon([&] {
    return ::testing::Value(api_objects_->ServiceVariables("default", true),
                            Contains(Pair("DB_SERVICE_PORT", "5432")));
  }));
  Make("web", R"(,"volumes":[{"name":"c","configMap":{"name":"settings"}}])",
       R"(,"volumeMounts":[{"name":"c","mountPath":"/c"}],"env":[{"name":"COLOUR","valueFrom":)"
       R"({"configMapKeyRef":{"name":"settings","key":"colour"}}}])");
  ASSERT_TRUE(Soon([&] { return IsReadyThere("web"); })) << json::WriteJson(Get(Path("web")));
  const json::Value pod = Get(Path("web"));
  const std::string volumes =
      dir_.path() + "/kubelet/pods/" + pod.At({"metadata", "uid"}).AsString() + "/volumes/";
  EXPECT_EQ(os::ReadFile(volumes + "kubernetes.io~configmap/c/colour").ValueOr(""), "blue");
  std::map<std::string, std::string> environment;
  const cri::ContainerConfig config = fake_.Config(fake_.ContainerId("a"));
  for (const auto& variable : config.envs()) environment[variable.key()] = variable.value();
  EXPECT_EQ(environment["COLOUR"], "blue");
  EXPECT_EQ(environment["DB_SERVICE_PORT"], "5432");
  // What admission gave it: a token of its own, the authority, its namespace.
  std::string access;
  for (const json::Value& volume : pod.At({"spec", "volumes"}).items()) {
    if (volume.At({"name"}).AsString().starts_with("kube-api-access-"))
      access = volumes + "kubernetes.io~projected/" + volume.At({"name"}).AsString();
  }
  ASSERT_FALSE(access.empty()) << json::WriteJson(pod.At({"spec"}));
  EXPECT_THAT(os::ReadFile(access + "/token").ValueOr(""), HasSubstr("."));
  EXPECT_THAT(os::ReadFile(access + "/ca.crt").ValueOr(""), HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_EQ(os::ReadFile(access + "/namespace").ValueOr(""), "default");
  // When four fifths of its time are over another one lies there, while the pod runs.
  const std::string token = os::ReadFile(access + "/token").ValueOr("");
  wall_.later_ = int64_t{3000} * 1'000'000'000;
  EXPECT_TRUE(Soon(
      [&] {
        const std::string now = os::ReadFile(access + "/token").ValueOr("");
        return now.find('.') != std::string::npos && now != token;
      },
      std::chrono::minutes(5)));
  EXPECT_TRUE(IsReadyThere("web"));
}

TEST_F(JoinedTest, AStaticPodHasAPictureThatComesBackAndEndsNothing) {
  kube::Pod pod = Pod("base", OneContainer());
  pod.metadata.namespace_name = "default";
  pod.metadata.annotations["kubernetes.io/config.hash"] = "hash";
  pod.metadata.annotations["kubernetes.io/config.source"] = "file";
  Want({pod});
  ASSERT_TRUE(Soon([&] { return IsReadyThere("base"); })) << json::WriteJson(Get(Path("base")));
  const json::Value picture = Get(Path("base"));
  EXPECT_EQ(picture.At({"metadata", "ownerReferences"}).items().at(0).At({"kind"}).AsString(),
            "Node");
  Delete("base");
  ASSERT_TRUE(Soon([&] {
    const json::Value now = Get(Path("base"));
    return now.IsObject() && !(now.At({"metadata", "uid"}) == picture.At({"metadata", "uid"})) &&
           IsReadyThere("base");
  }));
  EXPECT_THAT(CallsOf("Stop"), IsEmpty());
  Want({});
  ASSERT_TRUE(Soon([&] { return Get(Path("base")).IsNull(); }));
}

TEST_F(JoinedTest, WhatHappensToAPodIsAmongTheEvents) {
  Make("web");
  ASSERT_TRUE(Soon([&] {
    const json::Value list = Get("/api/v1/namespaces/default/events");
    for (const json::Value& event : list.At({"items"}).items()) {
      if (event.At({"reason"}).AsString() == "Started" &&
          event.At({"involvedObject", "name"}).AsString() == "web")
        return true;
    }
    return false;
  }));
}

TEST_F(JoinedTest, APodThatIsDeletedByForceEndsOnTheNodeToo) {
  Make("web");
  ASSERT_TRUE(Soon([&] { return IsReadyThere("web"); }));
  Delete("web", R"({"gracePeriodSeconds":0})");
  ASSERT_TRUE(Soon([&] {
    return Names(dir_.path() + "/kubelet/pods").empty() && fake_.ListPodSandboxes().value().empty();
  }));
}

}  // namespace
}  // namespace keelson
