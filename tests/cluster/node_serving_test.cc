// SPDX-License-Identifier: Apache-2.0
// The node's API towards its cluster, with certificates that the cluster signs: what a person sees
// by kubectl and openssl.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <ctime>

#include "lib/base/strings.h"
#include "lib/certificate/signing_request.h"
#include "lib/os/files.h"
#include "tests/cluster/joined_fixture.h"

namespace keelson::cluster_test {
namespace {

using ::testing::HasSubstr;

class NodeServingTest : public JoinedNode {
 protected:
  std::string Authority() const { return dir_.path() + "/master/state/pki/ca.crt"; }
  void StartParts(const std::vector<std::string>& master) {
    SetKubelet("50-serving", "serverTLSBootstrap: true\n");
    StartMaster(master);
    LoadImage("busybox");
    StartRuntime();
  }
  // What a client that trusts the cluster's authority alone sees of :10250.
  std::string Openssl() {
    const os::CommandResult done =
        Command({"sh", "-c",
                 "openssl s_client -connect " + std::string(kAddress) + ":10250 -CAfile " +
                     Authority() + " -verify_ip " + kAddress + " </dev/null 2>&1"},
                std::chrono::seconds(60));
    return done.out;
  }
  bool IsTrusted() {
    const std::string seen = Openssl();
    return seen.find("BEGIN CERTIFICATE") != std::string::npos &&
           seen.find("Verify return code: 0 (ok)") != std::string::npos;
  }
  // Of requests for kubelet-serving: "NAME REQUESTOR CONDITION", a line each.
  std::string Requests() {
    const json::Value all = Object({"csr"});
    std::string out;
    for (const json::Value& csr : all.At({"items"}).items()) {
      if (csr.At({"spec", "signerName"}).AsString() != "kubernetes.io/kubelet-serving") continue;
      std::string state = csr.At({"status", "certificate"}).AsString().empty() ? "" : "issued";
      for (const json::Value& one : csr.At({"status", "conditions"}).items())
        state = one.At({"type"}).AsString() + " " + state;
      out += csr.At({"metadata", "name"}).AsString() + " " +
             csr.At({"spec", "username"}).AsString() + " " + state + "\n";
    }
    return out;
  }
  std::string Serving() const {
    return os::ReadFile(kubelet_root() + "/pki/kubelet-server-current.pem").ValueOr("");
  }
  std::string Client() const {
    return os::ReadFile(kubelet_root() + "/pki/kubelet-client-current.pem").ValueOr("");
  }
  static bool HasEnded(const std::string& pem) {
    const auto life = certificate::LifetimeOf(pem);
    return life.ok() && life->end < time(nullptr);
  }
  void Speak(const std::string& name) {
    Apply(json::ParseYaml(BusyboxPod(name, "echo spoken; sleep 100000")).value());
    (void)Kubectl({"wait", "--for=condition=Ready", "pod/" + name, "--timeout=150s"});
  }
  bool Says(const std::string& name) {
    return TryKubectl({"logs", name}).out.find("spoken") != std::string::npos;
  }
  std::string Token() {
    AdmitByToken();
    return Bootstrap(kToken);
  }
};

TEST_F(NodeServingTest, ServesWithWhatSomebodyApprovedAndWithNothingElse) {
  ASSERT_NO_FATAL_FAILURE(StartParts({"--kubelet-certificate-authority", Authority()}));
  Join();
  ASSERT_NO_FATAL_FAILURE(Speak("one"));
  ASSERT_TRUE(Eventually([&] { return !Requests().empty(); })) << DaemonLogs();
  EXPECT_THAT(Openssl(), HasSubstr("alert internal error"));
  const os::CommandResult refused = TryKubectl({"logs", "one"});
  EXPECT_NE(refused.status.code(), 0);
  EXPECT_THAT(refused.err, HasSubstr("remote error: tls: internal error"));

  const std::string request = Requests();
  (void)Kubectl({"certificate", "approve", request.substr(0, request.find(' '))});
  ASSERT_TRUE(Eventually([&] { return IsTrusted(); })) << Openssl() << DaemonLogs();
  EXPECT_TRUE(certificate::ServesFor(Serving(), {"node", kAddress}));
  EXPECT_THAT(Openssl(), HasSubstr("subject=O = system:nodes, CN = system:node:node"));
  EXPECT_THAT(Kubectl({"logs", "one"}), HasSubstr("spoken"));
  EXPECT_EQ(Kubectl({"exec", "one", "--", "echo", "inside"}), "inside\n");

  // A next life serves with it at once and asks for nothing.
  StopKubelet(SIGTERM);
  ASSERT_NO_FATAL_FAILURE(Rejoin());
  EXPECT_TRUE(Eventually([&] { return IsTrusted(); }));
  EXPECT_EQ(base::Split(std::string_view(Requests()), '\n').size(), 2u) << Requests();

  // A certificate of the kubelet's own is not taken by a master that was told whom to trust.
  StopKubelet(SIGTERM);
  SetKubelet("50-serving", "serverTLSBootstrap: false\n");
  ASSERT_NO_FATAL_FAILURE(Rejoin());
  EXPECT_TRUE(Eventually([&] {
    return TryKubectl({"logs", "one"}).err.find("failed to verify certificate") !=
           std::string::npos;
  })) << TryKubectl({"logs", "one"}).err;
}

TEST_F(NodeServingTest, ThePathsOfTheNodeAnswerThroughTheApiServerAndThePortForReading) {
  SetKubelet("50-serving",
             "readOnlyPort: 10255\nfeatureGates: {ComponentStatusz: true, ComponentFlagz: true}\n");
  StartMaster();
  LoadImage("busybox");
  StartRuntime();
  Join();
  ASSERT_NO_FATAL_FAILURE(Speak("one"));
  const std::string proxy = "/api/v1/nodes/node/proxy";
  const auto get = [&](const std::string& path) { return Kubectl({"get", "--raw", proxy + path}); };
  EXPECT_THAT(Kubectl({"create", "--raw", proxy + "/run/default/one/main?cmd=echo%20inside", "-f",
                       "/dev/null"}),
              HasSubstr("inside"));
  EXPECT_TRUE(Eventually([&] {
    return get("/metrics/cadvisor").find("container_memory_working_set_bytes{container=\"main\"") !=
           std::string::npos;
  })) << get("/metrics/cadvisor");
  EXPECT_THAT(get("/metrics/cadvisor"), HasSubstr("machine_cpu_cores{"));
  const std::string own = get("/metrics");
  for (const char* name :
       {"\nkubelet_running_pods ", "\nkubelet_started_containers_total ",
        "\nkubelet_runtime_operations_total{operation_type=\"run_podsandbox\"} "})
    EXPECT_THAT(own, HasSubstr(name));
  EXPECT_THAT(get("/logs/"), HasSubstr("<pre>"));
  EXPECT_THAT(get("/statusz"), HasSubstr("kubelet statusz"));
  EXPECT_THAT(get("/flagz"), HasSubstr("hostname-override: node\n"));
  EXPECT_THAT(
      TryKubectl({"create", "--raw", proxy + "/checkpoint/default/one/main", "-f", "/dev/null"})
          .err,
      HasSubstr("checkpointing of default/one/main failed"));
  const auto read = [&](const std::string& path) {
    return Command({"curl", "-sS", "http://" + std::string(kAddress) + ":10255" + path},
                   std::chrono::seconds(60))
        .out;
  };
  EXPECT_EQ(read("/healthz"), "ok");
  EXPECT_THAT(read("/pods"), HasSubstr("\"name\":\"one\""));
  EXPECT_THAT(read("/metrics/resource"), HasSubstr("node_cpu_usage_seconds_total"));
  EXPECT_EQ(read("/containerLogs/default/one/main"), "Debug endpoints are disabled.\n");
}

TEST_F(NodeServingTest, ShortLivesAreRenewedAndANodeThatSleptThroughTheirEndComesBack) {
  ASSERT_NO_FATAL_FAILURE(
      StartParts({"--approve-kubelet-serving", "--cluster-signing-duration", "20"}));
  joining_ = {"--bootstrap-kubeconfig", Token(), "--node-ip", kAddress};
  ASSERT_NO_FATAL_FAILURE(Rejoin());
  ASSERT_TRUE(Eventually([&] { return IsTrusted(); })) << Requests() << DaemonLogs();
  EXPECT_THAT(Requests(), HasSubstr("system:node:node Approved issued"));
  ASSERT_NO_FATAL_FAILURE(Speak("one"));
  EXPECT_TRUE(Eventually([&] { return Says("one"); }));

  const std::string serving = Serving(), client = Client();
  EXPECT_TRUE(Eventually([&] { return Serving() != serving && Client() != client; }));
  EXPECT_TRUE(Eventually([&] { return IsTrusted(); }));

  ASSERT_EQ(kill(kubelet_->pid(), SIGSTOP), 0);
  const std::string old = Client();
  EXPECT_TRUE(Eventually([&] { return HasEnded(old) && HasEnded(Serving()); }));
  ASSERT_EQ(kill(kubelet_->pid(), SIGCONT), 0);
  EXPECT_TRUE(Eventually([&] { return !HasEnded(Client()) && !HasEnded(Serving()); }))
      << DaemonLogs();
  EXPECT_TRUE(Eventually([&] { return IsTrusted(); })) << Openssl() << DaemonLogs();
  EXPECT_TRUE(Eventually([&] { return Says("one"); }));
  ASSERT_NO_FATAL_FAILURE(Speak("two"));
  EXPECT_EQ(waitpid(kubelet_->pid(), nullptr, WNOHANG), 0);  // the same process
}

}  // namespace
}  // namespace keelson::cluster_test
