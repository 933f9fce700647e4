// SPDX-License-Identifier: Apache-2.0
// Live commands, attached clients and forwarded ports of whole pods: what streaming gets from the
// runtime, and what is left when its clients are gone.
#include <arpa/inet.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <thread>

#include "cri-api/service.grpc.pb.h"
#include "lib/base/testing/places.h"
#include "lib/rpc/channel.h"
#include "runtime/cri/service.h"
#include "runtime/cri/testing/runtime_fixture.h"
#include "runtime/stream/server.h"

namespace keelson::cri_server {
namespace {

class Ends {
 public:
  std::function<void(const stream::Ended&)> Handler() {
    return [state = state_](const stream::Ended& end) {
      const std::lock_guard lock(state->mutex);
      state->ends.push_back(end);
      state->changed.notify_all();
    };
  }
  std::optional<stream::Ended> Wait(size_t count = 1) {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, std::chrono::seconds(60),
                             [&] { return state_->ends.size() >= count; });
    return state_->ends.size() == count ? std::optional(state_->ends.back()) : std::nullopt;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<stream::Ended> ends;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

std::string ReadEnd(const os::UniqueFd& fd) {
  std::string text;
  char buffer[65536];
  for (ssize_t n = 0; (n = read(fd.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  return text;
}

size_t Count(const std::string& folder) { return os::ListDir(folder).value().size(); }

// What was given back waits with a sanitizer, which looks for leaks by itself.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kOwnMemoryTells = false;
#else
constexpr bool kOwnMemoryTells = true;
#endif

// Memory of its own, in KiB.
uint64_t PrivateMemory(const std::string& pid) {
  const std::string status = os::ReadFile("/proc/" + pid + "/status").ValueOr("");
  const size_t at = status.find("RssAnon:");
  if (at == std::string::npos) return 0;
  return static_cast<uint64_t>(std::strtoull(status.c_str() + at + 8, nullptr, 10));
}

class StreamsTest : public RuntimeTest {
 protected:
  stream::ProcessRequest Command(const std::string& container, const std::string& script) {
    stream::ProcessRequest request;
    request.container_id = container;
    request.command = {"sh", "-c", script};
    request.out = request.err = true;
    return request;
  }
  // A server in the network namespace that `pid` is in; -1: the test's own. Its port.
  static uint16_t Listen(os::UniqueFd& server, pid_t pid, int family) {
    uint16_t port = 0;
    std::thread([&] {
      if (pid > 0) {
        const os::UniqueFd net =
            std::move(os::Open("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY)).value();
        ASSERT_EQ(setns(net.get(), CLONE_NEWNET), 0);
      }
      server.reset(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in6 v6{};
      sockaddr_in v4{};
      v6.sin6_family = AF_INET6;
      v6.sin6_addr = in6addr_loopback;
      v4.sin_family = AF_INET;
      v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      auto* address =
          family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
      socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
      ASSERT_EQ(bind(server.get(), address, size), 0) << strerror(errno);
      ASSERT_EQ(listen(server.get(), 8), 0);
      ASSERT_EQ(getsockname(server.get(), address, &size), 0);
      port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    }).join();
    return port;
  }
  pid_t PidOf(const std::string& id) { return runtime_->GetContainer(id)->record.pid; }
};

TEST_F(StreamsTest, ExecGivesTheClientsEndsAndTheCodeOnce) {
  const std::string id = Run(Start("web"), Script("app", "sleep 1000"));
  stream::ProcessRequest request = Command(id, "cat; echo err >&2; exit 5");
  request.in = true;
  Ends ends;
  const auto session = runtime_->Open(request, ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  stream::Ends streams = (*session)->TakeEnds();
  EXPECT_FALSE(streams.terminal);
  ASSERT_TRUE(os::WriteAll(streams.in.get(), "words").ok());
  streams.in.reset();
  EXPECT_EQ(ReadEnd(streams.out), "words");
  EXPECT_EQ(ReadEnd(streams.err), "err\n");
  EXPECT_EQ(ends.Wait()->exit_code, 5);
  EXPECT_FALSE((*session)->Resize(1, 1).ok());
}

TEST_F(StreamsTest, ExecHasATerminalWithTheSizeOfItsClient) {
  const std::string id = Run(Start("web"), Script("app", "sleep 1000"));
  stream::ProcessRequest request =
      Command(id, "read go; echo $TERM $(/bin/busybox stty size); exit 5");
  request.tty = request.in = true;
  request.err = false;
  Ends ends;
  const auto session = runtime_->Open(request, ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  const stream::Ends streams = (*session)->TakeEnds();
  ASSERT_TRUE(streams.terminal);
  EXPECT_FALSE(streams.in || streams.out || streams.err);
  ASSERT_TRUE((*session)->Resize(132, 50).ok());
  ASSERT_TRUE(os::WriteAll(streams.terminal.get(), "go\n").ok());
  EXPECT_EQ(ReadEnd(streams.terminal), "go\r\nxterm 50 132\r\n");
  EXPECT_EQ(ends.Wait()->exit_code, 5);
}

TEST_F(StreamsTest, ExecsOfOnePodAreCountedApartFromExecSyncs) {
  const std::string id = Run(Start("web"), Script("app", "sleep 1000"));
  Ends ends;
  std::vector<std::unique_ptr<stream::Session>> sessions;
  for (int i = 0; i < Runtime::kMostSessions; ++i) {
    auto session = runtime_->Open(Command(id, "exec sleep 1000"), ends.Handler());
    ASSERT_TRUE(session.ok()) << session.error().message();
    sessions.push_back(std::move(session).value());
  }
  const auto more = runtime_->Open(Command(id, "true"), {});
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code(), base::Code::kResourceExhausted);
  EXPECT_EQ(runtime_->ExecSync(id, {"sh", "-c", "exit 3"}, std::chrono::seconds(60))->exit_code, 3);
  sessions.clear();
  ASSERT_TRUE(ends.Wait(Runtime::kMostSessions).has_value());
  EXPECT_TRUE(runtime_->Open(Command(id, "true"), ends.Handler()).ok());
}

TEST_F(StreamsTest, ExecsThatFailLeaveNothingBehind) {
  const std::string pod = Start("web");
  const std::string id = Run(pod, Script("app", "sleep 1000"));
  const std::vector<pid_t> monitors = ProcessesOf("keelson-monitor", pod);
  ASSERT_EQ(monitors.size(), 1u);
  const std::string monitor = std::to_string(monitors[0]);
  const std::string group =
      cgroup::Group(cgroup::DetectLayout().value(), runtime_->GetContainer(id)->record.cgroup_path)
          .UnifiedDirectory();
  // KEELSON_FAILING_EXECS=10000 for the long form.
  const char* wanted = getenv("KEELSON_FAILING_EXECS");
  const int count = wanted != nullptr ? std::stoi(wanted) : 500;
  Ends ends;
  size_t fds = 0, threads = 0, groups = 0, begun = 0;
  uint64_t memory = 0, monitors_memory = 0;
  for (int i = 0; i < count; ++i) {
    if (i == 20) {
      ASSERT_TRUE(ends.Wait(begun).has_value());
      fds = Count("/proc/self/fd");
      threads = Count("/proc/self/task");
      memory = PrivateMemory("self");
      monitors_memory = PrivateMemory(monitor);
      groups = group.empty() ? 0 : Count(group);
    }
    stream::ProcessRequest request = Command(id, "exit 3");
    if (i % 3 == 0) request.command = {"/none"};
    if (i % 3 == 1) request.tty = true;
    const auto session = runtime_->Open(request, ends.Handler());
    EXPECT_EQ(session.ok(), i % 3 != 0);
    begun += session.ok() ? 1 : 0;
  }
  ASSERT_TRUE(ends.Wait(begun).has_value());
  EXPECT_TRUE(Eventually([&] { return Count("/proc/self/fd") <= fds; }));
  EXPECT_TRUE(Eventually([&] { return Count("/proc/self/task") <= threads; }));
  if (kOwnMemoryTells) {
    EXPECT_LE(PrivateMemory("self"), memory + 4096);
  }
  EXPECT_LE(PrivateMemory(monitor), monitors_memory + 128);
  if (!group.empty()) {
    // An empty group may wait for the next command.
    EXPECT_TRUE(Eventually([&] { return Count(group) <= groups + 1; }));
  }
}

TEST_F(StreamsTest, ExecSyncEndsWithItsCallersInterest) {
  const std::string id = Run(Start("web"), Script("app", "sleep 1000"));
  std::stop_source stop;
  std::thread waiter([&] {
    EXPECT_TRUE(Eventually([&] { return Log("web", "app").empty(); }));
    (void)poll(nullptr, 0, 50);
    stop.request_stop();
  });
  const auto output =
      runtime_->ExecSync(id, {"sleep", "1000"}, std::chrono::seconds(0), stop.get_token());
  waiter.join();
  ASSERT_FALSE(output.ok());
  EXPECT_EQ(output.error().code(), base::Code::kCancelled);
}

TEST_F(StreamsTest, AttachNeedsTheTerminalOfTheContainersCreation) {
  const std::string pod = Start("web");
  cri::ContainerConfig config = Script("app", "read line; echo got $line; exit 3");
  config.set_tty(true);
  config.set_stdin(true);
  const std::string id = Run(pod, config);
  stream::ProcessRequest request;
  request.container_id = id;
  request.in = request.out = true;
  const auto refused = runtime_->Open(request, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(), "tty: container '" + id + "' was made with a terminal");
  request.tty = true;
  Ends ends;
  const auto session = runtime_->Open(request, ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  ASSERT_TRUE((*session)->Resize(100, 30).ok());
  const stream::Ends streams = (*session)->TakeEnds();
  ASSERT_TRUE(os::WriteAll(streams.terminal.get(), "words\n").ok());
  EXPECT_EQ(ReadEnd(streams.terminal), "words\r\ngot words\r\n");
  EXPECT_EQ(ends.Wait()->exit_code, 3);
  WaitForExit(id);
  (void)LogWith("web", "app", "stdout F got words\r\n");
}

TEST_F(StreamsTest, AttachOfStdinOnceEndsTheContainersInput) {
  const std::string pod = Start("web");
  cri::ContainerConfig config = Script("app", "cat; echo over");
  config.set_stdin(true);
  config.set_stdin_once(true);
  config.clear_log_path();
  const std::string id = Run(pod, config);
  stream::ProcessRequest request;
  request.container_id = id;
  request.in = request.out = request.err = true;
  Ends ends;
  const auto session = runtime_->Open(request, ends.Handler());
  ASSERT_TRUE(session.ok()) << session.error().message();
  stream::Ends streams = (*session)->TakeEnds();
  ASSERT_TRUE(os::WriteAll(streams.in.get(), "words\n").ok());
  streams.in.reset();
  EXPECT_EQ(ReadEnd(streams.out), "words\nover\n");
  EXPECT_EQ(ReadEnd(streams.err), "");
  EXPECT_EQ(ends.Wait()->exit_code, 0);
}

TEST_F(StreamsTest, PortForwardConnectsInThePodToTheFirstFamilyThatAnswers) {
  const std::string pod = Start("web");
  const std::string id = Run(pod, Script("app", "sleep 1000"));
  for (const int family : {AF_INET, AF_INET6}) {
    os::UniqueFd server;
    const uint16_t port = Listen(server, PidOf(id), family);
    const auto connected = runtime_->Connect(pod, port);
    ASSERT_TRUE(connected.ok()) << connected.error().message();
    const os::UniqueFd accepted(accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(os::WriteAll(accepted.get(), "hello").ok());
    char buffer[8];
    pollfd item{connected->get(), POLLIN, 0};
    ASSERT_EQ(poll(&item, 1, 60000), 1);
    EXPECT_EQ(read(connected->get(), buffer, sizeof buffer), 5);
    server.reset();
    const auto refused = runtime_->Connect(pod, port);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().os_errno(), ECONNREFUSED) << refused.error().message();
  }
}

TEST_F(StreamsTest, PortForwardOfAHostNetworkPodIsTheHosts) {
  cri::PodSandboxConfig config = Pod("host");
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(
      cri::NODE);
  const base::Result<std::string> pod = runtime_->RunPodSandbox(config, "");
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  os::UniqueFd server;
  const uint16_t port = Listen(server, -1, AF_INET);
  const auto connected = runtime_->Connect(*pod, port);
  EXPECT_TRUE(connected.ok()) << connected.error().message();
  ASSERT_TRUE(runtime_->StopPodSandbox(*pod).ok());
  EXPECT_FALSE(runtime_->Connect(*pod, port).ok());
}

// The calls as clients make them.
class ServedStreamsTest : public StreamsTest {
 protected:
  void SetUp() override {
    StreamsTest::SetUp();
    if (IsSkipped()) return;
    auto streams =
        stream::StreamServer::Create({.program = base::BinDir() + "/keelson-stream"}, *runtime_);
    ASSERT_TRUE(streams.ok()) << streams.error().message();
    streams_ = std::move(*streams);
    auto service =
        Service::Serve(*runtime_, *images_, clock_, run_ + "/cri.sock", nullptr, streams_.get());
    ASSERT_TRUE(service.ok()) << service.error().message();
    service_ = std::move(*service);
    stub_ = cri::RuntimeService::NewStub(rpc::ConnectUnix(run_ + "/cri.sock"));
  }
  void TearDown() override {
    service_.reset();
    streams_.reset();
    StreamsTest::TearDown();
  }
  std::unique_ptr<stream::StreamServer> streams_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<cri::RuntimeService::Stub> stub_;
};

TEST_F(ServedStreamsTest, Exec_AndAttach_AndPortForward_AnswerWithWholeUrls) {
  const std::string pod = Start("web");
  const std::string id = Run(pod, Script("app", "sleep 1000"));
  cri::ExecRequest exec;
  exec.set_container_id(id);
  exec.add_cmd("true");
  exec.set_stdout(true);
  cri::ExecResponse executed;
  const auto call_exec = [&] {
    grpc::ClientContext context;
    return stub_->Exec(&context, exec, &executed);
  };
  ASSERT_TRUE(call_exec().ok());
  EXPECT_TRUE(executed.url().starts_with("http://127.0.0.1:")) << executed.url();
  exec.set_tty(true);
  exec.set_stderr(true);
  EXPECT_EQ(call_exec().error_code(), grpc::INVALID_ARGUMENT);
  exec.set_container_id("none");
  EXPECT_EQ(call_exec().error_code(), grpc::NOT_FOUND);

  cri::AttachRequest attach;
  attach.set_container_id(id);
  attach.set_stdout(true);
  cri::AttachResponse attached;
  const auto call_attach = [&] {
    grpc::ClientContext context;
    return stub_->Attach(&context, attach, &attached);
  };
  ASSERT_TRUE(call_attach().ok());
  EXPECT_TRUE(attached.url().starts_with("http://127.0.0.1:")) << attached.url();
  attach.set_tty(true);
  EXPECT_EQ(call_attach().error_code(), grpc::INVALID_ARGUMENT) << "made without a terminal";

  cri::PortForwardRequest forward;
  forward.set_pod_sandbox_id(pod);
  forward.add_port(80);
  cri::PortForwardResponse forwarded;
  const auto call_forward = [&] {
    grpc::ClientContext context;
    return stub_->PortForward(&context, forward, &forwarded);
  };
  ASSERT_TRUE(call_forward().ok());
  EXPECT_TRUE(forwarded.url().starts_with("http://127.0.0.1:")) << forwarded.url();
  forward.add_port(65536);
  EXPECT_EQ(call_forward().error_code(), grpc::INVALID_ARGUMENT);
  ASSERT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(0)).ok());
  attach.set_tty(false);
  EXPECT_EQ(call_attach().error_code(), grpc::FAILED_PRECONDITION);
}

TEST_F(ServedStreamsTest, ExecSyncOfAClientThatWentAwayEnds) {
  const std::string id = Run(Start("web"), Script("app", "sleep 1000"));
  cri::ExecSyncRequest request;
  request.set_container_id(id);
  for (const char* word : {"sh", "-c", "touch /begun; exec sleep 1234"}) request.add_cmd(word);
  grpc::ClientContext context;
  std::thread client([&] {
    cri::ExecSyncResponse response;
    EXPECT_EQ(stub_->ExecSync(&context, request, &response).error_code(), grpc::CANCELLED);
  });
  const auto lists = [&](const std::string& what) {
    return runtime_->ExecSync(id, {"sh", "-c", what}, std::chrono::seconds(60))->exit_code == 0;
  };
  EXPECT_TRUE(Eventually([&] { return lists("ls /begun"); }));
  context.TryCancel();
  client.join();
  EXPECT_TRUE(
      Eventually([&] { return lists("! /bin/busybox grep -q 123[4] /proc/[0-9]*/cmdline"); }));
  EXPECT_TRUE(Eventually([&] { return runtime_->operations().List().empty(); }));
}

}  // namespace
}  // namespace keelson::cri_server
