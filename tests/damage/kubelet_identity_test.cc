// SPDX-License-Identifier: Apache-2.0
// What tells a joined kubelet's cluster who it is, spoilt on the disk in each way that disks and
// people have, before a start and while it runs, with the real keelson-master: what can be had
// again is put aside by name and asked for anew, what cannot is refused by name with nothing
// changed, and the pod runs on in each case.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <map>

#include "lib/base/testing/leash.h"
#include "lib/certificate/signing_request.h"
#include "lib/os/files.h"
#include "tests/cluster/joined_fixture.h"
#include "tests/damage/damage.h"

namespace keelson::cluster_test {
namespace {

using damage::Damage;
using damage::Damages;
using ::testing::HasSubstr;

class KubeletIdentity : public JoinedNode {
 protected:
  static void SetUpTestSuite() {
    base::LeashDescendants();
    JoinedNode::SetUpTestSuite();
  }
  void StartJoined() {
    StartMaster({"--approve-kubelet-serving"});
    LoadImage("busybox");
    StartRuntime();
    SetKubelet("50-serving", "serverTLSBootstrap: true\nnodeLeaseDurationSeconds: 4\n");
    AdmitByToken();
    bootstrap_ = Bootstrap(kToken);
    joining_ = {"--bootstrap-kubeconfig", bootstrap_, "--node-ip", kAddress};
    ASSERT_NO_FATAL_FAILURE(Rejoin());
    ASSERT_TRUE(Eventually([&] { return IsReadyNode(); })) << DaemonLogs();
    ASSERT_TRUE(Eventually([&] { return IsPem(Pki("kubelet-server-current.pem")); }))
        << DaemonLogs();
    Apply(json::ParseYaml(BusyboxPod("one", "echo spoken; sleep 100000")).value());
    (void)Kubectl({"wait", "--for=condition=Ready", "pod/one", "--timeout=240s"});
    container_ = ContainerId();
    ASSERT_FALSE(container_.empty());
  }
  // The server's address lost: a bit that surely counts.
  static std::string Garbled(std::string kubeconfig) {
    const size_t at = kubeconfig.find("https://");
    return at == std::string::npos ? "" : kubeconfig.replace(at, 8, "hptts://");
  }
  // Of the bits of a certificate, which is another in each run, the highest of a character: others
  // may leave it readable, and another authority's.
  static void Spoil(const Damage& damage, const std::string& path) {
    if (damage.name != std::string("bit flipped")) return damage.spoil(path);
    std::string bytes = damage::BytesOf(path);
    char& one = bytes[bytes.find("\nMI") + 100];
    one = static_cast<char>(one ^ 0x80);
    damage::Rewrite(path, bytes);
  }
  bool IsReadyNode() { return Condition(Object({"node", "node"}), "Ready") == "True"; }
  std::string Pki(const std::string& name) const { return kubelet_root() + "/pki/" + name; }
  std::string Own() const { return kubelet_root() + "/kubeconfig"; }
  std::string ClientPem() const { return Pki("kubelet-client-current.pem"); }
  std::string ServerPem() const { return Pki("kubelet-server-current.pem"); }
  static bool IsPem(const std::string& path) {
    const std::string pem = os::ReadFile(path).ValueOr("");
    return certificate::BelongTogether(pem, pem);
  }
  std::string KubeletLog() { return os::ReadFile(folder_ + "/kubelet.log").ValueOr(""); }
  // Of the pod, as the runtime has it.
  std::string ContainerId() {
    for (const cri::Container& container : Runtime().ListContainers().value())
      if (container.state() == cri::CONTAINER_RUNNING) return container.id();
    return "";
  }
  void ClearAside() {
    for (const std::string& path :
         {Own(), ClientPem(), ServerPem(), Pki("kubelet.crt"), Pki("kubelet.key"), bootstrap_})
      ASSERT_TRUE(os::RemoveTree(path + ".bad").ok());
    (void)os::RemoveFile(folder_ + "/kubelet.log");
  }
  void ExpectNamed(const std::string& path, const Damage& damage) {
    if (damage.name == std::string(damage::kMissing)) return;
    EXPECT_TRUE(os::Exists(path + ".bad")) << path;
    EXPECT_THAT(KubeletLog(), HasSubstr("path=" + path)) << "not named";
  }
  // The next node's heartbeat after this, through whatever it speaks with now.
  bool SpeaksAgain() {
    const auto renewed = [&] {
      return Object({"lease", "node", "-n", "kube-node-lease"})
          .At({"spec", "renewTime"})
          .AsString();
    };
    const std::string before = renewed();
    return Eventually([&] { return renewed() != before; }, 240);
  }
  std::map<std::string, std::string> Contents() {
    std::map<std::string, std::string> out;
    for (const std::string& folder : {kubelet_root(), kubelet_root() + "/pki"}) {
      for (const os::DirEntry& entry : os::ListDir(folder).value())
        out[folder + "/" + entry.name] = os::ReadFile(folder + "/" + entry.name).ValueOr("none");
    }
    return out;
  }
  // Ends by itself with what it says, and has changed nothing.
  std::string Refused() {
    const auto before = Contents();
    (void)os::RemoveFile(folder_ + "/kubelet.log");
    SpawnKubelet(joining_);
    const auto ended = kubelet_->WaitFor(std::chrono::minutes(2));
    if (!ended.ok() || !*ended) {
      ADD_FAILURE() << "it runs: " << KubeletLog().substr(0, 2'000);
      return "";
    }
    EXPECT_EQ((*ended)->code(), 1);
    kubelet_.reset();
    EXPECT_TRUE(Contents() == before) << "something was changed";
    EXPECT_EQ(ContainerId(), container_);
    return KubeletLog();
  }

  std::string bootstrap_, container_;
};

TEST_F(KubeletIdentity, WhatIsSpoiltBeforeAStartIsPutAsideAndHadAgain) {
  ASSERT_NO_FATAL_FAILURE(StartJoined());
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    StopKubelet(SIGKILL);
    ClearAside();
    const std::string client = damage::BytesOf(ClientPem());
    const bool all = damage.name != std::string("bit flipped");
    // All at once, but for a bit: of those of the others some count for nothing.
    if (all)
      for (const std::string& path : {Own(), ServerPem()}) damage.spoil(path);
    Spoil(damage, ClientPem());
    ASSERT_NO_FATAL_FAILURE(Rejoin());
    EXPECT_TRUE(SpeaksAgain()) << KubeletLog();
    EXPECT_TRUE(Eventually([&] { return IsPem(ServerPem()); })) << KubeletLog();
    EXPECT_TRUE(IsPem(ClientPem()));
    EXPECT_NE(damage::BytesOf(ClientPem()), client);
    ExpectNamed(ClientPem(), damage);
    if (all) {
      ExpectNamed(Own(), damage);
      ExpectNamed(ServerPem(), damage);
    }
    EXPECT_EQ(ContainerId(), container_);
    EXPECT_TRUE(IsReadyNode());
    if (HasFailure()) return;
  }
  // It is asked of the node itself, which serves with what was signed anew.
  EXPECT_TRUE(Eventually([&] {
    return TryKubectl({"logs", "one"}).out.find("spoken") != std::string::npos;
  })) << TryKubectl({"logs", "one"}).err;
}

TEST_F(KubeletIdentity, WhatIsSpoiltWhileItRunsIsWrittenAnewFromWhatIsUsed) {
  ASSERT_NO_FATAL_FAILURE(StartJoined());
  // No token is good any more: what is lost now could not be asked for.
  (void)Kubectl({"delete", "secret", "-n", "kube-system", "bootstrap-token-abcdef"});
  const std::string client = damage::BytesOf(ClientPem()), server = damage::BytesOf(ServerPem());
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    // Each is seen after some seconds: the two kinds that are the least alike.
    const std::string name = damage.name;
    if (name != "cut short" && name != "a folder") continue;
    ClearAside();
    damage.spoil(ClientPem());
    damage.spoil(ServerPem());
    EXPECT_TRUE(Eventually([&] {
      return os::ReadFile(ClientPem()).ValueOr("") == client &&
             os::ReadFile(ServerPem()).ValueOr("") == server;
    })) << KubeletLog();
    if (damage.name != std::string(damage::kMissing)) {
      EXPECT_TRUE(os::Exists(ClientPem() + ".bad"));
      EXPECT_TRUE(os::Exists(ServerPem() + ".bad"));
    }
    if (HasFailure()) return;
  }
  // The next start needs nothing of anybody, whatever became of the way in.
  StopKubelet(SIGKILL);
  ASSERT_TRUE(os::RemoveFile(bootstrap_).ok());
  ASSERT_NO_FATAL_FAILURE(Rejoin());
  EXPECT_TRUE(SpeaksAgain()) << KubeletLog();
  EXPECT_EQ(ContainerId(), container_);
}

TEST_F(KubeletIdentity, WhatCannotBeHadAgainIsRefusedByNameAndNothingIsChanged) {
  ASSERT_NO_FATAL_FAILURE(StartJoined());
  const std::string own = damage::BytesOf(Own()), client = damage::BytesOf(ClientPem());
  const std::string way_in = damage::BytesOf(bootstrap_);
  StopKubelet(SIGKILL);
  const auto whole = [&] {
    for (const auto& [path, bytes] :
         {std::pair{Own(), own}, {ClientPem(), client}, {bootstrap_, way_in}}) {
      ASSERT_TRUE(os::RemoveTree(path).ok());
      ASSERT_TRUE(os::WriteFileAtomic(path, bytes, 0600).ok());
    }
  };
  const std::vector<std::string> by_token = joining_;
  for (const Damage& damage : Damages()) {
    SCOPED_TRACE(damage.name);
    // The certificate and the way to another.
    ASSERT_NO_FATAL_FAILURE(whole());
    Spoil(damage, ClientPem());
    damage.spoil(bootstrap_);
    // Instead of any bit one that surely counts.
    if (damage.name == std::string("bit flipped")) {
      ASSERT_TRUE(os::WriteFileAtomic(bootstrap_, Garbled(way_in), 0600).ok());
    }
    joining_ = by_token;
    std::string said = Refused();
    EXPECT_THAT(said, HasSubstr(ClientPem()));
    EXPECT_THAT(said, HasSubstr("join by " + bootstrap_));
    EXPECT_THAT(said, HasSubstr("put a copy back"));
    // No way at all is named.
    ASSERT_NO_FATAL_FAILURE(whole());
    Spoil(damage, ClientPem());
    joining_ = {"--kubeconfig", Own(), "--node-ip", kAddress};
    said = Refused();
    EXPECT_THAT(said, HasSubstr(ClientPem()));
    EXPECT_THAT(said, HasSubstr("join the node again"));
    ASSERT_NO_FATAL_FAILURE(whole());
    if (damage.name != std::string("bit flipped")) {
      damage.spoil(Own());
      said = Refused();
      EXPECT_THAT(said, HasSubstr(Own()));
    }
    if (HasFailure()) return;
  }
  // A token that is none any more.
  ASSERT_NO_FATAL_FAILURE(whole());
  (void)Bootstrap("abcdef.fedcba9876543210");
  ASSERT_TRUE(os::WriteFileAtomic(ClientPem(), "", 0600).ok());
  joining_ = by_token;
  EXPECT_THAT(Refused(), HasSubstr("a token that is good"));
  // A way in that is lost matters to nobody who is in; and a copy put back, all goes on.
  ASSERT_NO_FATAL_FAILURE(whole());
  ASSERT_TRUE(os::RemoveFile(bootstrap_).ok() && os::MakeDirs(bootstrap_, 0700).ok());
  ASSERT_NO_FATAL_FAILURE(Rejoin());
  EXPECT_TRUE(SpeaksAgain()) << KubeletLog();
  EXPECT_EQ(ContainerId(), container_);
  StopKubelet(SIGTERM);
}

}  // namespace
}  // namespace keelson::cluster_test
