// SPDX-License-Identifier: Apache-2.0
// Real containers on the real kernel: a busybox root in a private mount namespace of a forked
// child, which plays the monitor.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "lib/base/ids.h"
#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "lib/kernel/keys/keys.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/process.h"
#include "lib/os/scheduling.h"
#include "lib/os/temp_dir.h"
#include "runtime/launcher/launcher.h"

namespace keelson::launcher {
namespace {

struct Outcome {
  std::string out;
  int code = -1;
  std::string error;
};

class Launcher : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!os::Exists("/bin/busybox")) GTEST_SKIP() << "needs busybox-static";
    for (const char* dir :
         {"/layer/bin", "/layer/etc", "/layer/tmp", "/upper", "/work", "/stage", "/shm"}) {
      ASSERT_TRUE(os::MakeDirs(dir_.path() + dir, 0755).ok());
    }
    const std::string busybox = os::ReadFile("/bin/busybox").value();
    ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/layer/bin/busybox", busybox, 0755).ok());
    for (const char* applet : {"sh", "cat", "ls", "id", "touch", "hostname", "mount", "stat", "pwd",
                               "readlink", "sleep", "grep"}) {
      ASSERT_EQ(symlink("busybox", (dir_.path() + "/layer/bin/" + applet).c_str()), 0);
    }
    spec_.id = "test";
    spec_.lower_layers = {dir_.path() + "/layer"};
    spec_.upper = dir_.path() + "/upper";
    spec_.work = dir_.path() + "/work";
    spec_.process.env = {"PATH=/bin", "HOME=/"};
    spec_.process.capabilities = {0xa80425fb, 0xa80425fb, 0xa80425fb, 0, 0};
    using Kind = spec::Mount::Kind;
    const uint64_t safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    spec_.mounts = {
        {.kind = Kind::kProc, .destination = "/proc", .attributes = safe},
        {.kind = Kind::kTmpfs,
         .destination = "/dev",
         .options = "mode=755,size=65536k",
         .attributes = MOUNT_ATTR_NOSUID},
        {.kind = Kind::kDevpts,
         .destination = "/dev/pts",
         .options = "newinstance,ptmxmode=0666,mode=0620,gid=5",
         .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC},
        {.kind = Kind::kPodShm, .destination = "/dev/shm", .attributes = safe},
        {.kind = Kind::kMqueue, .destination = "/dev/mqueue", .attributes = safe},
        {.kind = Kind::kSysfs, .destination = "/sys", .attributes = safe | MOUNT_ATTR_RDONLY},
    };
    spec_.devices = {{"/dev/null", S_IFCHR | 0666, 1, 3, 0, 0},
                     {"/dev/zero", S_IFCHR | 0666, 1, 5, 0, 0}};
    spec_.masked_paths = {"/proc/interrupts", "/proc/acpi", "/sys/firmware", "/proc/no-such-thing",
                          "/proc/scsi"};
    spec_.read_only_paths = {"/proc/sys", "/proc/bus"};
  }

  // The forked child has the mount namespace and is the parent of what it starts, as a monitor is.
  Outcome InMonitor(const std::function<Outcome(const PodContext&)>& work) {
    os::Pipe answer = std::move(os::CreatePipe()).value();
    const pid_t child = fork();
    if (child == 0) {
      answer.read_end.reset();
      if (unshare(CLONE_NEWNS) != 0 || !mount::MakeAllPrivate().ok()) _exit(3);
      if (::mount("shm", (dir_.path() + "/shm").c_str(), "tmpfs", 0, nullptr) != 0) _exit(3);
      PodContext pod;
      pod.shm_path = dir_.path() + "/shm";
      pod.staging_path = dir_.path() + "/stage";
      const Outcome outcome = work(pod);
      const std::string text =
          std::to_string(outcome.code) + "\n" + outcome.error + "\n" + outcome.out;
      (void)os::WriteAll(answer.write_end.get(), text);
      _exit(0);
    }
    answer.write_end.reset();
    const std::string text = os::ReadAll(answer.read_end.get()).value();
    waitpid(child, nullptr, 0);
    Outcome outcome;
    const size_t first = text.find('\n');
    const size_t second = text.find('\n', first + 1);
    if (second == std::string::npos) return outcome;
    outcome.code = std::stoi(text);
    outcome.error = text.substr(first + 1, second - first - 1);
    outcome.out = text.substr(second + 1);
    return outcome;
  }

  static Outcome Finish(base::Result<Pending> pending, os::Pipe& pipe) {
    pipe.write_end.reset();
    Outcome outcome;
    if (!pending.ok()) {
      outcome.error = pending.error().message();
      return outcome;
    }
    const base::Status status = pending->Go();
    if (!status.ok()) outcome.error = status.error().message();
    outcome.out = os::ReadAll(pipe.read_end.get()).value();
    os::ExitStatus exit;
    waitpid(pending->pid(), &exit.wait_status, __WALL);
    outcome.code = exit.code();
    return outcome;
  }

  Outcome Run(std::vector<std::string> args, std::vector<int> fds = {}) {
    spec_.process.args = std::move(args);
    return InMonitor([&](const PodContext& pod) {
      os::Pipe pipe = std::move(os::CreatePipe()).value();
      return Finish(BeginStart(spec_, pod, fds, {-1, pipe.write_end.get(), pipe.write_end.get()}),
                    pipe);
    });
  }
  Outcome Shell(const std::string& script) { return Run({"sh", "-c", script}); }

  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-launcher")).value();
  spec::ContainerSpec spec_;
};

TEST_F(Launcher, RunsAProgramAsPidOneWithItsOutputAndExitCode) {
  const Outcome outcome = Shell("echo pid $$; exit 7");
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.out, "pid 1\n");
  EXPECT_EQ(outcome.code, 7);
}

TEST_F(Launcher, TheRootHoldsNothingOfTheHost) {
  const Outcome outcome = Shell("ls /; cat /proc/self/mountinfo");
  EXPECT_TRUE(outcome.out.starts_with("bin\ndev\netc\nproc\nsys\ntmp\n")) << outcome.out;
  EXPECT_EQ(outcome.out.find("/stage"), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find("ext4"), std::string::npos) << outcome.out;
}

TEST_F(Launcher, OnlyStandardStreamsAreOpen) {
  const Outcome outcome = Shell("ls /proc/1/fd; exit 0");
  EXPECT_EQ(outcome.out, "0\n1\n2\n");
}

TEST_F(Launcher, AStreamWithoutAnybodyIsTheContainersOwnDeviceAndNotTheMachines) {
  struct stat machines{};
  ASSERT_EQ(stat("/dev/null", &machines), 0);
  const Outcome outcome =
      Shell("stat -L -c %d:%i /dev/null /proc/self/fd/0; stat -L -c %t /dev/stdin");
  const auto lines = base::Split(std::string_view(outcome.out), '\n');
  ASSERT_GE(lines.size(), 3u) << outcome.out << outcome.error;
  EXPECT_EQ(lines[0], lines[1]);
  EXPECT_NE(lines[1], fmt::format("{}:{}", machines.st_dev, machines.st_ino));
  spec_.devices.clear();
  spec_.masked_paths.clear();
  EXPECT_NE(Shell("true").error.find("has none of its own"), std::string::npos)
      << "nor where there is none";
}

// What came out of a terminal until the last process let go of it.
std::string ReadTerminal(int master) {
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(master, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  return text;
}

TEST_F(Launcher, ATerminalIsControllingIsTheConsoleAndHasASize) {
  spec_.process.terminal = true;
  spec_.devices.push_back({"/dev/tty", S_IFCHR | 0666, 5, 0, 0, 0});
  spec_.process.identity = {1000, 1000, {}};
  spec_.process.args = {"sh", "-c",
                        "busybox tty; busybox stty size; stat -c %t:%T /dev/console; echo console "
                        ">/dev/console; echo tty >/dev/tty; stat -c %u /dev/pts/0; ls "
                        "/proc/self/fd; read line; echo got $line; exit 3"};
  const Outcome outcome = InMonitor([&](const PodContext& pod) {
    Outcome result;
    base::Result<Pending> pending = BeginStart(spec_, pod, {}, {});
    if (!pending.ok()) return result.error = pending.error().message(), result;
    Terminal terminal = pending->TakeTerminal();
    terminal.peer.reset();
    if (const base::Status status = pending->Go(); !status.ok())
      return result.error = status.error().message(), result;
    (void)os::WriteAll(terminal.master.get(), "words\n");
    result.out = ReadTerminal(terminal.master.get());
    os::ExitStatus exit;
    waitpid(pending->pid(), &exit.wait_status, __WALL);
    result.code = exit.code();
    return result;
  });
  EXPECT_EQ(outcome.error, "");
  // The echo of what was typed may come anywhere.
  std::string text = outcome.out;
  const size_t echo = text.find("words\r\n");
  ASSERT_NE(echo, std::string::npos) << text;
  text.erase(echo, 7);
  EXPECT_EQ(text,
            "/dev/pts/0\r\n24 80\r\n88:0\r\nconsole\r\ntty\r\n1000\r\n0  1  2  3\r\ngot "
            "words\r\n");
  EXPECT_EQ(outcome.code, 3);
}

TEST_F(Launcher, ATerminalNeedsADevptsOfTheContainer) {
  spec_.process.terminal = true;
  std::erase_if(spec_.mounts, [](const spec::Mount& m) { return m.destination == "/dev/pts"; });
  Outcome outcome = Shell("true");
  EXPECT_EQ(outcome.error,
            "terminal: the container's /dev/pts: open '/dev/pts' below the root: No such file or "
            "directory");
  spec_.mounts.push_back({.kind = spec::Mount::Kind::kTmpfs, .destination = "/dev/pts"});
  outcome = Shell("true");
  EXPECT_EQ(outcome.error, "terminal: the container's /dev/pts is no devpts");
}

TEST_F(Launcher, MasksAndReadOnlyPathsHold) {
  const Outcome outcome = Shell(
      "stat -c %t:%T /proc/interrupts; ls /sys/firmware | grep -c .; echo x 2>/dev/null "
      ">/proc/sys/kernel/domainname || echo refused; "
      "touch /sys/x 2>/dev/null || echo sysfs read-only");
  EXPECT_EQ(outcome.out, "1:3\n0\nrefused\nsysfs read-only\n");
}

TEST_F(Launcher, AMissingProgramIsNamed) {
  Outcome outcome = Run({"no-such-program"});
  EXPECT_EQ(outcome.error, "exec \"no-such-program\": executable file not found in $PATH");
  outcome = Run({"/bin/none"});
  EXPECT_EQ(outcome.error, "exec \"/bin/none\": No such file or directory");
  outcome = Run({"/etc"});
  EXPECT_EQ(outcome.error, "exec \"/etc\": Permission denied");
}

TEST_F(Launcher, UserGroupsAndCapabilitiesAreExact) {
  spec_.process.identity = {1000, 1001, {7, 8}};
  spec_.process.capabilities = {0x400, 0, 0, 0, 0};
  spec_.process.no_new_privileges = true;
  const Outcome outcome =
      Shell("id -u; id -g; id -G; grep -E '^(Cap|NoNewPrivs)' /proc/self/status");
  EXPECT_EQ(outcome.out,
            "1000\n1001\n1001 7 "
            "8\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
            "CapBnd:\t0000000000000400\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n");
}

TEST_F(Launcher, ReadOnlyRootRefusesWritesButHasItsWorkingDirectory) {
  spec_.read_only_root = true;
  spec_.process.cwd = "/made/for/it";
  const Outcome outcome =
      Shell("pwd; touch x 2>/dev/null || echo refused; echo ok >/dev/shm/f && cat /dev/shm/f");
  EXPECT_EQ(outcome.out, "/made/for/it\nrefused\nok\n");
}

TEST_F(Launcher, AWorkingDirectoryOutsideTheRootIsRefused) {
  spec_.process.cwd = "/proc/self/fd/3";
  const Outcome outcome = Shell("pwd");
  EXPECT_NE(outcome.error, "");
}

TEST_F(Launcher, VolumesAreMountedByDescriptorBehindHostileSymlinks) {
  ASSERT_TRUE(os::MakeDirs(dir_.path() + "/volume", 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/volume/f", "from the volume", 0644).ok());
  ASSERT_EQ(symlink("../../../../../../tmp", (dir_.path() + "/layer/data").c_str()), 0);
  const os::UniqueFd volume =
      std::move(mount::CloneTree(AT_FDCWD, dir_.path() + "/volume", true)).value();
  spec_.mounts.push_back({.kind = spec::Mount::Kind::kBind,
                          .destination = "/data/in",
                          .source_fd = 0,
                          .attributes = MOUNT_ATTR_RDONLY,
                          .recursive_attributes = true});
  const Outcome outcome =
      Run({"sh", "-c", "cat /data/in/f; touch /data/in/x 2>/dev/null || echo; ls /tmp"},
          {volume.get()});
  EXPECT_EQ(outcome.out, "from the volume\nin\n") << outcome.error;
  EXPECT_FALSE(os::Exists("/tmp/in"));
}

TEST_F(Launcher, ASeccompFilterIsInstalled) {
  const sock_filter program[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 99),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  spec_.process.seccomp_program =
      std::string(reinterpret_cast<const char*>(program), sizeof program);
  for (const bool no_new_privileges : {false, true}) {
    spec_.process.no_new_privileges = no_new_privileges;
    EXPECT_NE(Shell("/bin/busybox mkdir /x 2>&1; grep Seccomp: /proc/self/status")
                  .out.find("Seccomp:\t2"),
              std::string::npos);
  }
}

TEST_F(Launcher, DroppingAPendingStartEndsItsProcess) {
  spec_.process.args = {"sh", "-c", "echo must not run"};
  const Outcome outcome = InMonitor([&](const PodContext& pod) {
    os::Pipe pipe = std::move(os::CreatePipe()).value();
    Outcome result;
    pid_t pid = 0;
    {
      base::Result<Pending> pending = BeginStart(spec_, pod, {}, {-1, pipe.write_end.get(), -1});
      if (!pending.ok()) {
        result.error = pending.error().message();
        return result;
      }
      pid = pending->pid();
    }
    pipe.write_end.reset();
    os::ExitStatus exit;
    waitpid(pid, &exit.wait_status, __WALL);
    result.code = exit.code();
    result.out = os::ReadAll(pipe.read_end.get()).value();
    return result;
  });
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.code, 1);
}

TEST_F(Launcher, OurShortSlicesAreNotTheContainers) {
  spec_.process.args = {"sleep", "100"};
  const auto ordinary = os::SliceOf(0);
  const Outcome outcome = InMonitor([&](const PodContext& pod) {
    Outcome result;
    os::AskForShortSlices();
    base::Result<Pending> container = BeginStart(spec_, pod, {}, {});
    if (!container.ok() || !container->Go().ok()) {
      result.error = container.ok() ? "go" : container.error().message();
      return result;
    }
    if (os::SliceOf(container->pid()) != ordinary) result.error = "the container has our slices";
    (void)os::SignalPidfd(container->pidfd(), 9);
    waitpid(container->pid(), nullptr, __WALL);
    return result;
  });
  EXPECT_EQ(outcome.error, "");
}

TEST_F(Launcher, ExecJoinsTheContainer) {
  spec_.process.args = {"sleep", "100"};
  const Outcome outcome = InMonitor([&](const PodContext& pod) {
    Outcome result;
    base::Result<Pending> container = BeginStart(spec_, pod, {}, {});
    if (!container.ok() || !container->Go().ok()) {
      result.error = container.ok() ? "go" : container.error().message();
      return result;
    }
    os::Pipe pipe = std::move(os::CreatePipe()).value();
    spec::Process process = spec_.process;
    process.args = {"sh", "-c", "ls /; readlink /proc/1/exe; exit 5"};
    result = Finish(BeginExec(process, spec_.id, container->pidfd(), {}, -1, {},
                              {-1, pipe.write_end.get(), pipe.write_end.get()}),
                    pipe);
    (void)os::SignalPidfd(container->pidfd(), 9);
    waitpid(container->pid(), nullptr, __WALL);
    return result;
  });
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.out, "bin\ndev\netc\nproc\nsys\ntmp\n/bin/busybox\n");
  EXPECT_EQ(outcome.code, 5);
}

// A container's keys are its own and its commands', and those of who started the daemon are not.
TEST_F(Launcher, KeysAreTheContainersOwnAndItsCommands) {
  if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) < 0)
    GTEST_SKIP() << "this kernel has no keys, or a filter forbids them";
  const std::string program = os::ReadFile(base::BinDir() + "/tests/keys_program").value();
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/layer/bin/keys", program, 0755).ok());
  spec_.id = "keelson-test-" + base::RandomHex(16);
  spec_.process.args = {"sh", "-c", "keys find ours; keys add mine; echo; sleep 1000"};
  const Outcome outcome = InMonitor([&](const PodContext& pod) {
    Outcome result;
    const bool added = keys::JoinFreshSession().ok() &&
                       syscall(SYS_add_key, "user", "ours", "x", 1, KEY_SPEC_SESSION_KEYRING) >= 0;
    os::Pipe said = std::move(os::CreatePipe()).value();
    base::Result<Pending> container =
        BeginStart(spec_, pod, {}, {-1, said.write_end.get(), said.write_end.get()});
    if (!added || !container.ok() || !container->Go().ok()) {
      result.error = container.ok() ? "keys or go" : container.error().message();
      return result;
    }
    said.write_end.reset();
    std::string first;
    for (char c = 0; !first.ends_with("\n\n") && read(said.read_end.get(), &c, 1) == 1;) first += c;
    os::Pipe pipe = std::move(os::CreatePipe()).value();
    spec::Process process = spec_.process;
    process.args = {"sh", "-c", "keys find ours; keys find mine"};
    process.identity = {1000, 1000, {}};
    process.capabilities = {};
    result = Finish(BeginExec(process, spec_.id, container->pidfd(), {}, -1, {},
                              {-1, pipe.write_end.get(), pipe.write_end.get()}),
                    pipe);
    result.out = first + result.out;
    (void)os::SignalPidfd(container->pidfd(), 9);
    waitpid(container->pid(), nullptr, __WALL);
    return result;
  });
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.out, "ours is not there\nmine is added\n\nours is not there\nmine is found\n");
}

TEST_F(Launcher, ManyLayersWithLongNamesBecomeOneRoot) {
  spec_.lower_layers.clear();
  for (int i = 0; i < 12; ++i) {
    const std::string layer = dir_.path() + "/" + std::string(60, static_cast<char>('a' + i));
    ASSERT_TRUE(os::MakeDirs(layer + "/from-" + std::to_string(i), 0755).ok());
    spec_.lower_layers.push_back(layer);
  }
  spec_.lower_layers.push_back(dir_.path() + "/layer");
  const Outcome outcome = Shell("ls -d /from-0 /from-11");
  EXPECT_EQ(outcome.out, "/from-0\n/from-11\n") << outcome.error;
}

}  // namespace
}  // namespace keelson::launcher
