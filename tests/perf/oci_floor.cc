// SPDX-License-Identifier: Apache-2.0
// The floor of keelson-oci: the least that a command which runs a container costs on this kernel.
// The same namespaces, mounts and control groups, the same program; no configuration, no state, no
// seccomp, no capabilities, no safety.
//   keelson-oci-floor run ROOT GROUP PROGRAM ARGUMENT…   GROUP: made below each hierarchy, and gone
//   keelson-oci-floor exec PID PROGRAM ARGUMENT…         in the process' namespaces and groups
//   keelson-oci-floor time PROGRAM ARGUMENT…   any command: writes milliseconds and greatest memory
//   in KB to the standard output, which the command itself does not get
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

std::string Read(const std::string& path) {
  std::string text(8192, '\0');
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t n = fd < 0 ? 0 : read(fd, text.data(), text.size());
  if (fd >= 0) close(fd);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

bool Write(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return done;
}

std::vector<std::string> Hierarchies() {
  if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) return {"/sys/fs/cgroup"};
  std::vector<std::string> out;
  for (const char* name :
       {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"}) {
    const std::string path = std::string("/sys/fs/cgroup/") + name;
    if (access(path.c_str(), F_OK) == 0) out.push_back(path);
  }
  return out;
}

void Join(const std::string& group) {
  // The v1 file of one's own thread is quicker by far.
  if (!Write(group + "/tasks", "0")) (void)Write(group + "/cgroup.procs", "0");
}

std::vector<std::string> Make(const std::string& name) {
  std::vector<std::string> groups;
  for (const std::string& hierarchy : Hierarchies()) {
    const std::string group = hierarchy + "/" + name;
    if (mkdir(group.c_str(), 0755) != 0) Fail(group.c_str());
    const std::string above = group.substr(0, group.rfind('/'));
    for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
      if (hierarchy.ends_with("/cpuset")) (void)Write(group + file, Read(above + file));
    }
    groups.push_back(group);
  }
  return groups;
}

void Enter(const char* root) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) Fail("private");
  if (mount(root, root, nullptr, MS_BIND | MS_REC, nullptr) != 0 || chdir(root) != 0) Fail("root");
  if (mount("proc", "proc", "proc", 0, nullptr) != 0) Fail("proc");
  if (mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755") != 0) Fail("dev");
  for (const char* place : {"dev/pts", "dev/shm"}) (void)mkdir(place, 0755);
  if (mount("devpts", "dev/pts", "devpts", 0, "newinstance,ptmxmode=0666") != 0) Fail("pts");
  if (mount("shm", "dev/shm", "tmpfs", 0, "mode=1777") != 0) Fail("shm");
  if (mount("sysfs", "sys", "sysfs", MS_RDONLY, nullptr) != 0) Fail("sys");
  if (syscall(SYS_pivot_root, ".", ".") != 0) Fail("pivot_root");
  if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) Fail("leave the old root");
}

int Ended(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int Run(char** words) {
  const std::vector<std::string> groups = Make(words[1]);
  const pid_t child =
      static_cast<pid_t>(syscall(SYS_clone, kNamespaces | SIGCHLD, nullptr, nullptr, nullptr, 0));
  if (child < 0) Fail("clone");
  if (child == 0) {
    for (const std::string& group : groups) Join(group);
    Enter(words[0]);
    execv(words[2], words + 2);
    Fail("exec");
  }
  const int code = Ended(child);
  for (const std::string& group : groups) {
    // What is a moment behind the process' own end.
    while (rmdir(group.c_str()) != 0 && errno == EBUSY) sched_yield();
  }
  return code;
}

int Exec(char** words) {
  const std::string pid = words[0];
  std::string lines = Read("/proc/" + pid + "/cgroup");
  for (size_t at = 0, end; (end = lines.find('\n', at)) != std::string::npos; at = end + 1) {
    const std::string line = lines.substr(at, end - at);
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    const std::string name = line.substr(first + 1, second - first - 1);
    Join("/sys/fs/cgroup/" + name.substr(0, name.find(',')) + line.substr(second + 1));
  }
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, std::atoi(pid.c_str()), 0));
  if (pidfd < 0 || setns(pidfd, kNamespaces) != 0) Fail("setns");
  const pid_t child = vfork();
  if (child == 0) {
    execv(words[1], words + 1);
    _exit(127);
  }
  return Ended(child);
}

int Time(char** words) {
  timespec begun{}, ended{};
  clock_gettime(CLOCK_MONOTONIC, &begun);
  const pid_t child = vfork();
  if (child == 0) {
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    execv(words[0], words);
    _exit(127);
  }
  int status = 0;
  rusage used{};
  while (wait4(child, &status, 0, &used) < 0 && errno == EINTR) {
  }
  clock_gettime(CLOCK_MONOTONIC, &ended);
  std::printf("%.3f %ld\n",
              static_cast<double>(ended.tv_sec - begun.tv_sec) * 1e3 +
                  static_cast<double>(ended.tv_nsec - begun.tv_nsec) / 1e6,
              used.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "run" && argc > 4) return Run(argv + 2);
  if (mode == "exec" && argc > 3) return Exec(argv + 2);
  if (mode == "time" && argc > 2) return Time(argv + 2);
  std::fprintf(
      stderr,
      "usage: keelson-oci-floor run ROOT GROUP PROGRAM… | exec PID PROGRAM… | time PROGRAM…\n");
  return 2;
}
