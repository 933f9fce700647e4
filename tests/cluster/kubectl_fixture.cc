// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/kubectl_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"

namespace keelson::cluster_test {
namespace {

constexpr auto kPatience = std::chrono::minutes(4);

winsize Kernel(Session::Size size) {
  return {.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
}

}  // namespace

Session Session::Spawn(const std::string& line, const std::vector<std::string>& environment,
                       int input, int output, os::UniqueFd from, os::UniqueFd to) {
  os::ChildProcess child =
      os::ChildProcess::Spawn({.argv = {"/bin/sh", "-c", "cd \"$HOME\" && exec " + line},
                               .env = environment,
                               .fds = {{input, 0}, {output, 1}, {output, 2}},
                               .new_session = true})
          .value();
  return {std::move(child), std::move(from), std::move(to)};
}

Session Session::WithPipes(const std::string& line, const std::vector<std::string>& environment) {
  os::Pipe in = os::CreatePipe().value(), out = os::CreatePipe().value();
  return Spawn(line, environment, in.read_end.get(), out.write_end.get(), std::move(out.read_end),
               std::move(in.write_end));
}

Session Session::WithTerminal(const std::string& line, const std::vector<std::string>& environment,
                              Size size) {
  os::UniqueFd ours(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char name[64];
  EXPECT_EQ(grantpt(ours.get()) | unlockpt(ours.get()) | ptsname_r(ours.get(), name, sizeof name),
            0);
  const os::UniqueFd theirs(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  const winsize first = Kernel(size);
  EXPECT_EQ(ioctl(theirs.get(), TIOCSWINSZ, &first), 0);
  os::UniqueFd typing(fcntl(ours.get(), F_DUPFD_CLOEXEC, 3));
  return Spawn(line, environment, theirs.get(), theirs.get(), std::move(ours), std::move(typing));
}

bool Session::Read(int milliseconds) {
  pollfd ready{.fd = from_.get(), .events = POLLIN, .revents = 0};
  if (poll(&ready, 1, milliseconds) <= 0) return true;
  char bytes[4096];
  const ssize_t got = read(from_.get(), bytes, sizeof bytes);
  if (got <= 0) return false;  // a terminal that nobody has open any more is an error
  said_.append(bytes, static_cast<size_t>(got));
  return true;
}

bool Session::Says(const std::string& text) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  bool more = true;
  for (;;) {
    if (const size_t at = said_.find(text, awaited_); at != std::string::npos) {
      awaited_ = at + text.size();
      return true;
    }
    if (!more || std::chrono::steady_clock::now() > end) return false;
    more = Read(100);
  }
}

void Session::Type(std::string_view text) { EXPECT_TRUE(os::WriteAll(to_.get(), text).ok()); }

void Session::Resize(Size size) {
  const winsize now = Kernel(size);
  EXPECT_EQ(ioctl(to_.get(), TIOCSWINSZ, &now), 0);
  Signal(SIGWINCH);  // it is not the terminal's session, so the kernel does not tell it
}

void Session::Signal(int signal) { EXPECT_TRUE(child_.Signal(signal).ok()); }

int Session::Wait() {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (Read(100) && std::chrono::steady_clock::now() < end) {
  }
  const auto ended = child_.WaitFor(std::chrono::seconds(60));
  return ended.ok() && ended->has_value() ? (*ended)->code() : -1;
}

void KubectlTest::SetUp() {
  JoinedNode::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  ASSERT_TRUE(os::MakeDirs(Here("bin"), 0755).ok());
  if (!Use(minor_))
    GTEST_SKIP() << "kubectl 1." << minor_ << " is not on this machine and cannot be built here";
}

void KubectlTest::TearDown() {
  if (HasFailure())
    std::fprintf(stderr, "--- proxy\n%s", os::ReadFile(Here("proxy.log")).ValueOr("").c_str());
  proxy_.reset();
  JoinedNode::TearDown();
}

bool KubectlTest::Use(int minor) {
  const std::string program = Program(minor);
  if (program.empty()) return false;
  minor_ = minor;
  (void)unlink(Here("bin/kubectl").c_str());
  EXPECT_EQ(symlink(program.c_str(), Here("bin/kubectl").c_str()), 0);
  return true;
}

void KubectlTest::StartCluster(const std::vector<std::string>& master_arguments) {
  ASSERT_NO_FATAL_FAILURE(StartMaster(master_arguments));
  LoadImage("busybox");
  LoadImage("nginx");
  LoadImage("nginx", "two");
  ASSERT_NO_FATAL_FAILURE(StartRuntime());
  ASSERT_NO_FATAL_FAILURE(Join());
  const os::UniqueFd log =
      os::Open(Here("proxy.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644).value();
  base::Result<os::ChildProcess> started = os::ChildProcess::Spawn(
      {.argv = {base::BinDir() + "/keelson-proxy", "--kubeconfig", Access(), "--hostname-override",
                "node", "--cluster-cidr", "10.199.0.0/16", "--healthz-bind-address",
                "127.0.0.1:10256", "--metrics-bind-address", "127.0.0.1:10249"},
       .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
       .fds = {{log.get(), 1}, {log.get(), 2}},
       .new_session = true});
  ASSERT_TRUE(started.ok()) << started.error().message();
  proxy_ = std::move(started).value();
}

std::vector<std::string> KubectlTest::ShellEnvironment() const {
  std::vector<std::string> all = {"PATH=" + Here("bin") + ":/usr/sbin:/usr/bin:/sbin:/bin",
                                  "HOME=" + dir_.path(),
                                  "KUBECONFIG=" + Here("kubeconfig"),
                                  "TMPDIR=" + dir_.path(),
                                  "TERM=xterm",
                                  "TZ=UTC"};
  if (!ways_.empty()) {
    all.push_back("KUBECTL_REMOTE_COMMAND_WEBSOCKETS=" + ways_);
    all.push_back("KUBECTL_PORT_FORWARD_WEBSOCKETS=" + ways_);
  }
  return all;
}

Told KubectlTest::Sh(const std::string& line, const std::string& input) {
  const base::Result<os::CommandResult> done = os::RunCommand(
      {.argv = {"/bin/sh", "-c", "cd \"$HOME\" && " + line}, .env = ShellEnvironment()}, input,
      kPatience, 64u << 20);
  EXPECT_TRUE(done.ok()) << line << ": " << done.error().message();
  if (!done.ok()) return {};
  return {done->status.code(), done->out, done->err};
}

std::string KubectlTest::Out(const std::string& line, const std::string& input) {
  const Told told = Sh(line, input);
  EXPECT_EQ(told.code, 0) << line << "\n" << told.out << told.err;
  return told.out;
}

std::string KubectlTest::Err(const std::string& line, int code) {
  const Told told = Sh(line);
  EXPECT_EQ(told.code, code) << line << "\n" << told.out << told.err;
  return told.err;
}

void KubectlTest::Becomes(const std::string& line, const testing::Matcher<std::string>& matcher) {
  Told told;
  EXPECT_TRUE(Eventually([&] {
    told = Sh(line);
    return told.code == 0 && matcher.Matches(told.out);
  })) << line
      << "\n"
      << told.out << told.err;
  EXPECT_THAT(told.out, matcher) << line;
}

Session KubectlTest::Start(const std::string& line) {
  return Session::WithPipes(line, ShellEnvironment());
}

Session KubectlTest::OnTerminal(const std::string& line, Session::Size size) {
  return Session::WithTerminal(line, ShellEnvironment(), size);
}

void KubectlTest::Write(const std::string& file, const std::string& text) {
  ASSERT_TRUE(os::WriteFileAtomic(Here(file), text, 0755).ok());
}

std::vector<std::string> KubectlTest::Pods(const std::string& labels) {
  std::vector<std::string> names;
  const std::string said = Out("kubectl get pods -o name -l " + labels);
  for (const std::string_view line : base::Split(std::string_view(said), '\n'))
    if (!line.empty()) names.emplace_back(line.substr(line.find('/') + 1));
  return names;
}

void KubectlTest::RunScript(const std::string& name, const std::string& script,
                            const std::string& more) {
  const std::string text = BusyboxPod(name, script, more);
  ASSERT_EQ(Out("kubectl apply -f -", text), "pod/" + name + " created\n");
  ASSERT_EQ(Out("kubectl wait --for=condition=Ready --timeout=200s pod/" + name),
            "pod/" + name + " condition met\n")
      << Sh("kubectl describe pod " + name).out;
}

testing::Matcher<std::string> Like(std::string expression) {
  return testing::MatchesRegex(std::move(expression));
}

}  // namespace keelson::cluster_test
