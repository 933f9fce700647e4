// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/joined_fixture.h"

#include <signal.h>
#include <unistd.h>

#include <map>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "tests/cluster/kubectl_program.h"
#include "tests/load/nodes.h"

namespace keelson::cluster_test {
namespace {

std::map<int, std::string>* programs = nullptr;  // kubectl's, by minor version

}  // namespace

std::string JoinedNode::Program(int minor) {
  const auto found = programs->find(minor);
  return found == programs->end() ? "" : found->second;
}

void JoinedNode::FindProgram(int minor) {
  if (programs == nullptr) programs = new std::map<int, std::string>;
  if (programs->contains(minor)) return;
  const base::Result<std::string> found = KubectlProgram(minor);
  ASSERT_TRUE(found.ok()) << found.error().message();
  (*programs)[minor] = *found;
}

void JoinedNode::SetUpTestSuite() {
  ASSERT_NO_FATAL_FAILURE(FindProgram(kNewest));
  NodeTest::SetUpTestSuite();
  if (geteuid() != 0) return;
  const os::CommandResult added =
      Command({"ip", "address", "replace", std::string(kAddress) + "/32", "dev", "lo"},
              std::chrono::seconds(60));
  ASSERT_EQ(added.status.code(), 0) << added.err;
}

void JoinedNode::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  if (Program().empty())
    GTEST_SKIP() << "kubectl is built from Go modules, and there is no go here";
  NodeTest::SetUp();
}

void JoinedNode::TearDown() {
  if (HasFailure() && master_) std::fprintf(stderr, "--- master\n%s", master_->Log().c_str());
  NodeTest::TearDown();
  master_.reset();
}

void JoinedNode::StartMaster(const std::vector<std::string>& more_arguments) {
  std::vector<std::string> arguments = {"--metric-resolution", "1"};
  arguments.insert(arguments.end(), more_arguments.begin(), more_arguments.end());
  auto master = load::MasterProcess::Start({.dir = dir_.path() + "/master", .extra = arguments});
  ASSERT_TRUE(master.ok()) << master.error().message();
  master_.emplace(*std::move(master));
  // Pods are refused before their account is there.
  const base::Status account = load::WaitForAccount(*master_->client());
  ASSERT_TRUE(account.ok()) << account.error().message();
}

void JoinedNode::StartNode() {
  StartMaster();
  LoadImage("busybox");
  LoadImage("nginx");
  StartRuntime();
  Join();
}

void JoinedNode::Join(const std::string& access) {
  joining_ = {"--kubeconfig", access.empty() ? Access() : access, "--node-ip", kAddress};
  Rejoin();
  ASSERT_TRUE(
      Eventually([&] { return Condition(Object({"node", "node"}), "Ready") == "True"; }, 180))
      << Kubectl({"describe", "node", "node"});
}

void JoinedNode::Rejoin() { StartKubelet(joining_); }

// The kubeconfig is written before the kernel gives the port.
std::string JoinedNode::Access() {
  std::string text = os::ReadFile(master_->kubeconfig()).ValueOr("");
  const std::string to_be = "127.0.0.1:0";
  if (const size_t at = text.find(to_be); at != std::string::npos)
    text.replace(at, to_be.size(), "127.0.0.1:" + std::to_string(master_->client()->port()));
  const std::string path = dir_.path() + "/kubeconfig";
  EXPECT_TRUE(os::WriteFileAtomic(path, text, 0600).ok());
  return path;
}

std::vector<std::string> JoinedNode::Environment() const {
  return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + dir_.path(),
          "KUBECONFIG=" + dir_.path() + "/kubeconfig",
          "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=" + sockets_};
}

os::CommandResult JoinedNode::TryKubectl(std::vector<std::string> words, const std::string& input) {
  (void)Access();
  words.insert(words.begin(), Program());
  base::Result<os::CommandResult> done = os::RunCommand(
      {.argv = std::move(words), .env = Environment()}, input, std::chrono::minutes(3), 64u << 20);
  EXPECT_TRUE(done.ok()) << done.error().message();
  return done.ok() ? *std::move(done) : os::CommandResult{};
}

std::string JoinedNode::Kubectl(std::vector<std::string> words, const std::string& input) {
  std::string command;
  for (const std::string& word : words) command += " " + word;
  const os::CommandResult done = TryKubectl(std::move(words), input);
  EXPECT_EQ(done.status.code(), 0) << "kubectl" << command << ": " << done.out << done.err;
  return done.out;
}

json::Value JoinedNode::Object(std::vector<std::string> words) {
  words.insert(words.begin(), "get");
  words.insert(words.end(), {"-o", "json", "--ignore-not-found"});
  return json::ParseJson(TryKubectl(std::move(words)).out).ValueOr({});
}

void JoinedNode::Apply(const json::Value& object) {
  (void)Kubectl({"apply", "-f", "-"}, json::WriteJson(object));
}

std::string JoinedNode::Condition(const json::Value& object, const std::string& type) {
  for (const json::Value& condition : object.At({"status", "conditions"}).items()) {
    if (condition.At({"type"}).AsString() == type) return condition.At({"status"}).AsString();
  }
  return "";
}

json::Value JoinedNode::Web(const std::string& name, int replicas, int grace_seconds) {
  json::Value spec = json::ParseYaml(Example("web.yaml")).value().At({"spec"});
  spec.Set("terminationGracePeriodSeconds", json::Value(grace_seconds));
  const std::string labels = R"({"app":")" + name + R"("})";
  return json::ParseJson(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":")" +
                         name + R"("},"spec":{"replicas":)" + std::to_string(replicas) +
                         R"(,"selector":{"matchLabels":)" + labels +
                         R"(},"template":{"metadata":{"labels":)" + labels + R"(},"spec":)" +
                         json::WriteJson(spec) + "}}}")
      .value();
}

void JoinedNode::AdmitByToken() {
  Apply(json::ParseYaml("{apiVersion: v1, kind: Secret, type: bootstrap.kubernetes.io/token, "
                        "metadata: {name: bootstrap-token-abcdef, namespace: kube-system}, "
                        "stringData: {token-id: abcdef, token-secret: 0123456789abcdef, "
                        "usage-bootstrap-authentication: 'true'}}")
            .value());
  const std::string requests = "system:certificates.k8s.io:certificatesigningrequests:";
  const std::pair<std::string, std::string> bindings[] = {
      {"system:node-bootstrapper", "system:bootstrappers"},
      {requests + "nodeclient", "system:bootstrappers"},
      {requests + "selfnodeclient", "system:nodes"}};
  int number = 0;
  for (const auto& [role, group] : bindings)
    (void)Kubectl({"create", "clusterrolebinding", "test-" + std::to_string(number++),
                   "--clusterrole=" + role, "--group=" + group});
}

std::string JoinedNode::Bootstrap(const std::string& token) {
  json::Value config = json::ParseYaml(os::ReadFile(Access()).value()).value();
  config.Find("users")->items().at(0).Set("user",
                                          json::Value::Object({{"token", json::Value(token)}}));
  const std::string path = dir_.path() + "/bootstrap";
  EXPECT_TRUE(os::WriteFileAtomic(path, json::WriteYaml(config), 0600).ok());
  return path;
}

}  // namespace keelson::cluster_test
