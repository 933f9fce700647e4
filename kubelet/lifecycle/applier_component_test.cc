// SPDX-License-Identifier: Apache-2.0
// Single actions, carried out on real files with the fake runtime.
#include <sys/stat.h>

#include "kubelet/lifecycle/test_node.h"

namespace keelson::lifecycle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ApplierTest : public NodeOfATest {
 protected:
  Outcome Apply(const sync::Action& action) { return life_->applier.Apply(action, context_, {}); }
  // "" or "reason: message".
  static std::string Text(const Outcome& outcome) {
    return outcome.status.ok() ? "" : outcome.reason + ": " + outcome.status.error().message();
  }
  void Begin(const std::string& spec) {
    context_.pod = Pod("web", spec);
    const Outcome prepared = Apply(sync::Prepare{});
    ASSERT_EQ(Text(prepared), "");
    context_.cgroup_parent = prepared.cgroup_parent;
    context_.volume_paths = prepared.volume_paths;
    ASSERT_EQ(Text(Apply(sync::CreateSandbox{})), "");
    sandbox_ = fake_.ListPodSandboxes().value()[0].id();
    context_.pod_ips = {fake_.PodSandboxStatus(sandbox_).value().network().ip()};
    context_.image_ref = kImage;
  }
  Outcome StartA(uint32_t attempt = 0) {
    return Apply(sync::StartContainer{"a", attempt, sandbox_, {}});
  }
  std::string Below(const std::string& path) const {
    return dir_.path() + "/kubelet/pods/uid-web/" + path;
  }

  Context context_;
  std::string sandbox_;
};

TEST_F(ApplierTest, PreparesAGroupDirectoriesAndVolumes) {
  context_.pod = Pod("web", OneContainer() + "volumes: [{name: v, emptyDir: {}}]");
  const Outcome outcome = Apply(sync::Prepare{});
  ASSERT_EQ(Text(outcome), "");
  EXPECT_EQ(outcome.cgroup_parent, cgroup_root_ + "/besteffort/poduid-web");
  ASSERT_TRUE(outcome.volume_paths.contains("v"));
  EXPECT_TRUE(os::Exists(outcome.volume_paths.at("v")));
  EXPECT_EQ(outcome.first_attempts.at("a"), 0u);
  EXPECT_TRUE(os::Exists(node_.logs + "/shop_web_uid-web"));
  EXPECT_EQ(Text(Apply(sync::Prepare{})), "");  // safe to repeat
  EXPECT_EQ(Text(Apply(sync::TearDown{})), "");
  EXPECT_EQ(Text(Apply(sync::TearDown{})), "");
}

TEST_F(ApplierTest, CountsOnAfterLogsOfAnEarlierLife) {
  context_.pod = Pod("web", OneContainer() + "- {name: b, image: x}\n- {name: c, image: x}");
  const std::string logs = node_.logs + "/shop_web_uid-web";
  for (const char* name : {"/a/3.log", "/a/4.log.20260102-030405.gz", "/a/x.log", "/b/other"}) {
    ASSERT_TRUE(os::MakeDirs(logs + std::string(name).substr(0, 2), 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(logs + name, "", 0644).ok());
  }
  const Outcome outcome = Apply(sync::Prepare{});
  EXPECT_EQ(outcome.first_attempts.at("a"), 5u);
  EXPECT_EQ(outcome.first_attempts.at("b"), 0u);
  EXPECT_EQ(outcome.first_attempts.at("c"), 0u);
  EXPECT_EQ(Text(Apply(sync::TearDown{})), "");
}

TEST_F(ApplierTest, TellsWhichVolumeCannotBe) {
  context_.pod = Pod("web", OneContainer() + "volumes: [{name: v, configMap: {name: none}}]");
  EXPECT_THAT(Text(Apply(sync::Prepare{})), testing::StartsWith("FailedMount: "));
  EXPECT_EQ(Text(Apply(sync::TearDown{})), "");
  // The others are set up all the same.
  context_.pod = Pod("web", OneContainer() +
                                "volumes: [{name: v, configMap: {name: none}}, {name: e, emptyDir: "
                                "{}}, {name: w, secret: {secretName: gone}}]");
  const Outcome outcome = Apply(sync::Prepare{});
  EXPECT_THAT(Text(outcome),
              testing::StartsWith("FailedMount: MountVolume.SetUp failed for volume \"v\" : "));
  ASSERT_EQ(outcome.volume_failures.size(), 2u);
  EXPECT_EQ(outcome.volume_failures[0].volume, "v");
  EXPECT_EQ(outcome.volume_failures[1].volume, "w");
  EXPECT_TRUE(os::Exists(life_->volumes.PodDir("uid-web") + "/volumes/kubernetes.io~empty-dir/e"));
  EXPECT_EQ(Text(Apply(sync::TearDown{})), "");
}

TEST_F(ApplierTest, MakesSureOfImagesAsThePolicySays) {
  fake_.AddImage("here:1");
  fake_.Publish("here:1");
  fake_.Publish("far:1");
  const auto fails = [this](const std::string& call, base::Error error) {
    fake_.FailNext(call, std::move(error));
  };
  struct Try {
    std::string_view name;
    std::string image, policy, text;
    int pulls;
    std::function<void()> before = [] {};
  };
  const Try tries[] = {
      {"here", "here:1", "IfNotPresent", "", 0},
      {"here, and asked for each time", "here:1", "Always", "", 1},
      {"here, never pulled", "here:1", "Never", "", 0},
      {"missing, never pulled", "none:1", "Never",
       "ErrImageNeverPull: Container image \"none:1\" is not present with pull policy of Never", 0},
      {"missing everywhere", "none:1", "IfNotPresent",
       "ErrImagePull: pull 'none:1': no registry has it", 1},
      {"no name for an image", "x", "Always", "InvalidImageName: bad", 1,
       [&] { fails("PullImage", base::InvalidArgument("bad")); }},
      {"already seen when looking", "x", "Always", "InvalidImageName: bad", 0,
       [&] { fails("ImageStatus", base::InvalidArgument("bad")); }},
      {"the runtime cannot look", "here:1", "IfNotPresent", "ImageInspectError: disk", 0,
       [&] { fails("ImageStatus", base::Internal("disk")); }},
      {"pulled", "far:1", "IfNotPresent", "", 1},
      {"pulled once", "far:1", "IfNotPresent", "", 0},
  };
  for (const Try& t : tries) {
    SCOPED_TRACE(t.name);
    context_.pod = Pod("web", "containers: [{name: a, image: '" + t.image +
                                  "', imagePullPolicy: " + t.policy + "}]");
    const int before = fake_.Count("PullImage");
    t.before();
    const Outcome outcome = Apply(sync::EnsureImage{"a", 0});
    EXPECT_EQ(Text(outcome), t.text);
    EXPECT_EQ(fake_.Count("PullImage") - before, t.pulls);
    EXPECT_EQ(outcome.pulled, t.pulls == 1 && t.text.empty());
    if (t.text.empty()) {
      EXPECT_EQ(outcome.image_ref, fake_.ImageStatus(t.image).value().image().id());
    }
  }
}

TEST_F(ApplierTest, PullSecretsThatAreMissingAreToldAndThePullGoesOn) {
  std::vector<std::string> told;
  context_.tell = [&](bool warning, const std::string& reason, const std::string& message) {
    told.push_back((warning ? "Warning " : "Normal ") + reason + ": " + message);
  };
  fake_.Publish("r.example/open:1");
  context_.pod = Pod("web",
                     "imagePullSecrets: [{name: none}, {name: login}, {}, {name: gone}]\n"
                     "containers: [{name: a, image: 'r.example/open:1'}]\n");
  objects_.Add(true, "login", {{"other", "x"}});
  EXPECT_EQ(Text(Apply(sync::EnsureImage{"a", 0})), "");
  EXPECT_THAT(told, testing::ElementsAre(
                        "Warning FailedToRetrieveImagePullSecret: Unable to retrieve some image "
                        "pull secrets (none, gone); attempting to pull the image may not succeed.",
                        "Normal Pulling: Pulling image \"r.example/open:1\""));
}

TEST_F(ApplierTest, PullSecretsOfTheNodeAreTriedOneAfterAnother) {
  fake_.Publish("r.example/team/app:1", "good");
  const auto secret = [](const std::string& place, const std::string& user) {
    return "{\"auths\":{\"" + place + "\":{\"username\":\"" + user + "\",\"password\":\"p\"}}}";
  };
  objects_.Add(true, "bad", {{".dockerconfigjson", secret("r.example/team", "bad")}});
  objects_.Add(true, "other", {{".dockerconfigjson", secret("q.example", "good")}});
  objects_.Add(true, "good", {{".dockerconfigjson", secret("r.example", "good")}});
  objects_.Add(true, "broken", {{".dockerconfigjson", "secret words"}});
  const auto with = [&](const std::string& secrets) {
    context_.pod = Pod("web", "imagePullSecrets: [" + secrets +
                                  "]\ncontainers: [{name: a, image: 'r.example/team/app:1', "
                                  "imagePullPolicy: Always}]\n");
    return Text(Apply(sync::EnsureImage{"a", 0}));
  };
  EXPECT_EQ(with("{name: good}"), "");
  EXPECT_EQ(with("{name: bad}, {name: good}"), "");
  EXPECT_EQ(with("{name: other}"), "ErrImagePull: pull 'r.example/team/app:1': not for strangers");
  EXPECT_EQ(with("{name: bad}"),
            "ErrImagePull: [pull 'r.example/team/app:1': not for bad, pull "
            "'r.example/team/app:1': not for strangers]");
  EXPECT_EQ(with("{name: good}, {name: broken}"),
            "ErrImagePull: image pull secret \"broken\": its Docker configuration is no JSON "
            "object");
}

TEST_F(ApplierTest, WhatAnotherPodsSecretFetchedIsNotForAPodWithoutIt) {
  fake_.Publish("r.example/team/app:1", "good");
  const auto secret = [](const std::string& user) {
    return "{\"auths\":{\"r.example\":{\"username\":\"" + user + "\",\"password\":\"p\"}}}";
  };
  objects_.Add(true, "good", {{".dockerconfigjson", secret("good")}});
  objects_.Add(true, "twin", {{".dockerconfigjson", secret("good")}});
  objects_.Add(true, "bad", {{".dockerconfigjson", secret("bad")}});
  const auto with = [&](const std::string& secrets, const std::string& policy = "IfNotPresent") {
    context_.pod = Pod("web", "imagePullSecrets: [" + secrets +
                                  "]\ncontainers: [{name: a, image: 'r.example/team/app:1', "
                                  "imagePullPolicy: " +
                                  policy + "}]\n");
    return Text(Apply(sync::EnsureImage{"a", 0}));
  };
  const std::string denied = "ErrImagePull: pull 'r.example/team/app:1': not for strangers";
  EXPECT_EQ(with("{name: good}"), "");
  const int pulls = fake_.Count("PullImage");
  EXPECT_EQ(with("{name: good}"), "");
  EXPECT_EQ(with("{name: twin}"), "") << "the same words in another secret";
  EXPECT_EQ(fake_.Count("PullImage"), pulls) << "known";
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(with(""), denied);
    EXPECT_EQ(with("{name: bad}"),
              "ErrImagePull: [pull 'r.example/team/app:1': not for bad, pull "
              "'r.example/team/app:1': not for strangers]");
    EXPECT_EQ(
        with("", "Never"),
        "ErrImageNeverPull: Container image \"r.example/team/app:1\" is not present with pull "
        "policy of Never");
    EXPECT_EQ(with("{name: good}", "Never"), "");
    Restart();
  }
  // What was there before any kubelet pulled is everybody's.
  fake_.AddImage("r.example/team/old:1");
  context_.pod = Pod("web", "containers: [{name: a, image: 'r.example/team/old:1'}]\n");
  EXPECT_EQ(Text(Apply(sync::EnsureImage{"a", 0})), "");
}

TEST_F(ApplierTest, StartsAContainerWithItsFiles) {
  Begin(OneContainer(", volumeMounts: [{name: v, mountPath: /data, subPathExpr: '$(WHO)/x'}], env: "
                     "[{name: WHO, value: me}]") +
        "volumes: [{name: v, emptyDir: {}}]\nhostAliases: [{ip: 192.0.2.5, hostnames: [db]}]");
  const Outcome outcome = StartA(2);
  ASSERT_EQ(Text(outcome), "");
  EXPECT_EQ(outcome.container_id, fake_.ContainerId("a"));
  EXPECT_EQ(fake_.ContainerStatus(outcome.container_id).value().state(), cri::CONTAINER_RUNNING);
  const cri::ContainerConfig config = fake_.Config(outcome.container_id);
  EXPECT_EQ(config.metadata().attempt(), 2u);
  ASSERT_EQ(config.mounts_size(), 3);
  EXPECT_EQ(config.mounts(0).container_path(), "/data");
  EXPECT_TRUE(os::Exists(context_.volume_paths.at("v") + "/me/x"));
  EXPECT_EQ(config.mounts(1).container_path(), "/etc/hosts");
  const std::string hosts = os::ReadFile(config.mounts(1).host_path()).value();
  EXPECT_THAT(hosts, HasSubstr(context_.pod_ips[0] + "\tweb\n"));
  EXPECT_THAT(hosts, HasSubstr("192.0.2.5\tdb\n"));
  EXPECT_EQ(config.mounts(2).container_path(), "/dev/termination-log");
  struct stat status{};
  ASSERT_EQ(stat(config.mounts(2).host_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666u);  // whoever the container runs as
  EXPECT_THAT(Names(links_), ElementsAre("web_shop_a-" + outcome.container_id + ".log"));
  EXPECT_EQ(Text(Apply(sync::StopSandbox{sandbox_})), "");
  EXPECT_EQ(Text(Apply(sync::RemoveSandbox{sandbox_})), "");
  context_.deleted = true;
  EXPECT_EQ(Text(Apply(sync::TearDown{})), "");
  EXPECT_THAT(Names(links_), IsEmpty());
  EXPECT_FALSE(os::Exists(Below("")));
}

TEST_F(ApplierTest, TellsWhatKeptAContainerFromStarting) {
  Begin(OneContainer(", env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]"));
  EXPECT_EQ(Text(StartA()), "CreateContainerConfigError: secret \"s\" not found");
  context_.pod = Pod("web", OneContainer(", securityContext: {runAsNonRoot: true}"));
  EXPECT_THAT(
      Text(StartA()),
      testing::StartsWith(
          "CreateContainerConfigError: container has runAsNonRoot and image will run as root"));
  fake_.AddImage("library/named:1", "nginx");
  context_.image_ref = "library/named:1";
  EXPECT_THAT(Text(StartA()), HasSubstr("non-numeric user (nginx)"));
  context_.image_ref = kImage;
  context_.pod = Pod("web", OneContainer());
  fake_.FailNext("CreateContainer", base::Internal("disk"));
  EXPECT_EQ(Text(StartA()), "CreateContainerError: disk");
  fake_.FailNext("StartContainer", base::Internal("exec"));
  const Outcome outcome = StartA();
  EXPECT_EQ(Text(outcome), "RunContainerError: exec");
  EXPECT_EQ(outcome.container_id, fake_.ContainerId("a"));
  fake_.FailNext("RunPodSandbox", base::Internal("net"));
  EXPECT_EQ(Text(Apply(sync::CreateSandbox{1})), "CreatePodSandboxError: net");
  EXPECT_EQ(Text(Apply(sync::TearDown{})), "");
}

TEST_F(ApplierTest, RemovesAContainerWithAllItsLogs) {
  Begin(OneContainer());
  const std::string first = StartA(0).container_id, tenth = StartA(10).container_id;
  const std::string logs = node_.logs + "/shop_web_uid-web/a/";
  for (const char* name : {"0.log", "0.log.20260102-030405", "0.log.20260102-030404.gz", "10.log",
                           "10.log.20260102-030405", "note"}) {
    ASSERT_TRUE(os::WriteFileAtomic(logs + name, "", 0644).ok());
  }
  EXPECT_EQ(Text(Apply(sync::RemoveContainer{first})), "");
  EXPECT_THAT(Names(logs), ElementsAre("10.log", "10.log.20260102-030405", "note"));
  EXPECT_THAT(Names(links_), ElementsAre("web_shop_a-" + tenth + ".log"));
  EXPECT_EQ(Text(Apply(sync::RemoveContainer{first})), "");
  EXPECT_EQ(Text(Apply(sync::TearDown{})), "");
}

TEST_F(ApplierTest, TakesWhatIsGoneForDone) {
  context_.pod = Pod("web", OneContainer());
  for (const char* call :
       {"StopContainer", "RemoveContainer", "StopPodSandbox", "RemovePodSandbox"})
    fake_.FailNext(call, base::NotFound("gone"));
  EXPECT_EQ(Text(Apply(sync::KillContainer{"a", "x", 5, ""})), "");
  EXPECT_EQ(Text(Apply(sync::RemoveContainer{"x"})), "");
  EXPECT_EQ(Text(Apply(sync::StopSandbox{"x"})), "");
  EXPECT_EQ(Text(Apply(sync::RemoveSandbox{"x"})), "");
  fake_.FailNext("StopContainer", base::Unavailable("busy"));
  EXPECT_FALSE(Apply(sync::KillContainer{"a", "x", 5, ""}).status.ok());
}

}  // namespace
}  // namespace keelson::lifecycle
