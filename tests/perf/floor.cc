// SPDX-License-Identifier: Apache-2.0
// The floor: the least that a pod costs on this kernel. A bare program that makes the same
// namespaces, one veth pair on a bridge with an address and a route, the same overlay and the same
// cgroups, and executes the same command; no records, no protocol, no safety. Then a second command
// in the container's namespaces and cgroups (the least of an exec), and all of it away again.
//   keelson-floor --root DIR (unpacked image) --work DIR --bridge NAME --net A.B.C (a /24)
//   [--cgroup NAME] [--exec PROGRAM] MODE -- COMMAND…
//     MODE: --cycles N [--pause MS]   one after another; a line a cycle: up down, then the execs
//     (milliseconds)
//           --seconds T --at-once N   N processes for T seconds; a line a cycle, then "rate CYCLES
//           SECONDS"
//           --hold N                  N pods (at most 200), until the end of the standard input;
//           says "held" when they are up
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <thread>
#include <vector>

namespace {

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

// A netlink request built by hand: this program stands for the kernel's own cost, no library's.
class Request {
 public:
  Request(uint16_t type, uint16_t flags) {
    header_.nlmsg_type = type;
    header_.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    bytes_.resize(NLMSG_HDRLEN);
  }
  template <typename T>
  void Body(const T& body) {
    Append(&body, sizeof body);
  }
  void Attribute(uint16_t type, const void* data, size_t size) {
    rtattr attribute{static_cast<uint16_t>(RTA_LENGTH(size)), type};
    bytes_.append(reinterpret_cast<const char*>(&attribute), sizeof attribute);
    Append(data, size);
  }
  void Attribute(uint16_t type, const std::string& text) {
    Attribute(type, text.c_str(), text.size() + 1);
  }
  void Attribute(uint16_t type, uint32_t value) { Attribute(type, &value, sizeof value); }
  size_t Open(uint16_t type) {
    const size_t at = bytes_.size();
    rtattr attribute{0, type};
    bytes_.append(reinterpret_cast<const char*>(&attribute), sizeof attribute);
    return at;
  }
  void Close(size_t at) {
    const auto size = static_cast<uint16_t>(bytes_.size() - at);
    std::memcpy(bytes_.data() + at, &size, sizeof size);
  }
  void Send(int socket, int allowed = 0) {
    header_.nlmsg_len = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &header_, sizeof header_);
    if (send(socket, bytes_.data(), bytes_.size(), 0) < 0) Fail("netlink send");
    char answer[8192];
    if (recv(socket, answer, sizeof answer, 0) < 0) Fail("netlink receive");
    const auto* error =
        reinterpret_cast<const nlmsgerr*>(NLMSG_DATA(reinterpret_cast<nlmsghdr*>(answer)));
    if (error->error != 0 && error->error != -allowed) {
      errno = -error->error;
      Fail("netlink request");
    }
  }

 private:
  void Append(const void* data, size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
    bytes_.append(RTA_ALIGN(size) - size, '\0');
  }
  nlmsghdr header_{};
  std::string bytes_;
};

int NetlinkSocket() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) Fail("netlink socket");
  return fd;
}

constexpr int kExecsPerCycle = 3;

struct Options {
  std::string root, work, bridge, cgroup, exec;
  uint32_t net = 0;
  int cycles = 0;
  int seconds = 0;
  int at_once = 1;
  int pause = 0;
  int hold = 0;
  int execs = kExecsPerCycle;
  std::vector<std::string> command;
};

void WriteFile(const std::string& path, const char* text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)!write(fd, text, std::strlen(text));
  close(fd);
}

// A group of the cpuset hierarchy takes nobody before it has processors and memory.
void CopyCpuset(const std::string& parent, const std::string& group) {
  if (group.find("/cpuset/") == std::string::npos) return;
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    char value[256] = {};
    const int fd = open((parent + "/" + file).c_str(), O_RDONLY | O_CLOEXEC);
    (void)!read(fd, value, sizeof value - 1);
    close(fd);
    WriteFile(group + "/" + file, value);
  }
}

// `below`: a group to make them in, made here too.
std::vector<std::string> CgroupParents(const std::string& below) {
  std::vector<std::string> out;
  for (const char* name :
       {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "unified"}) {
    const std::string path = std::string("/sys/fs/cgroup/") + name;
    if (access(path.c_str(), F_OK) == 0) out.push_back(path);
  }
  if (out.empty() || access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
    out = {"/sys/fs/cgroup"};
  for (std::string& path : out) {
    if (below.empty()) continue;
    const std::string parent = path;
    path += "/" + below;
    (void)mkdir(path.c_str(), 0755);
    CopyCpuset(parent, path);
  }
  return out;
}

void JoinCgroups(const std::vector<std::string>& cgroups) {
  for (const std::string& group : cgroups) {
    const bool v1 = access((group + "/tasks").c_str(), F_OK) == 0;
    WriteFile(group + (v1 ? "/tasks" : "/cgroup.procs"), "0");
  }
}

void ConfigureInside(uint32_t address) {
  const int netlink = NetlinkSocket();
  for (const char* name : {"lo", "eth0"}) {
    Request up(RTM_NEWLINK, 0);
    ifinfomsg link{};
    link.ifi_index = static_cast<int>(if_nametoindex(name));
    link.ifi_flags = link.ifi_change = IFF_UP;
    up.Body(link);
    up.Send(netlink);
  }
  Request add(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  body.ifa_prefixlen = 24;
  body.ifa_index = if_nametoindex("eth0");
  add.Body(body);
  add.Attribute(IFA_LOCAL, address);
  add.Attribute(IFA_ADDRESS, address);
  add.Send(netlink);
  Request route(RTM_NEWROUTE, NLM_F_CREATE);
  rtmsg to{};
  to.rtm_family = AF_INET;
  to.rtm_table = RT_TABLE_MAIN;
  to.rtm_protocol = RTPROT_BOOT;
  to.rtm_scope = RT_SCOPE_UNIVERSE;
  to.rtm_type = RTN_UNICAST;
  route.Body(to);
  route.Attribute(RTA_GATEWAY, htonl((ntohl(address) & 0xffffff00) | 1));
  route.Attribute(RTA_OIF, if_nametoindex("eth0"));
  route.Send(netlink);
  close(netlink);
}

void RunInside(const Options& options, const std::vector<std::string>& cgroups,
               const std::string& base, uint32_t address, int ready, int go) {
  JoinCgroups(cgroups);
  if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWPID) != 0)
    Fail("unshare");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) Fail("private");
  (void)!write(ready, "n", 1);
  char byte = 0;
  (void)!read(go, &byte, 1);
  ConfigureInside(address);
  const pid_t first = fork();
  if (first == 0) {
    const std::string merged = base + "/merged";
    const std::string data =
        "lowerdir=" + options.root + ",upperdir=" + base + "/upper,workdir=" + base + "/work";
    if (mount("overlay", merged.c_str(), "overlay", 0, data.c_str()) != 0) Fail("overlay");
    if (chdir(merged.c_str()) != 0) Fail("chdir");
    (void)mkdir("proc", 0755);
    (void)mkdir("sys", 0755);
    (void)mkdir("dev", 0755);
    if (mount("proc", "proc", "proc", 0, nullptr) != 0) Fail("proc");
    if (mount("sysfs", "sys", "sysfs", MS_RDONLY, nullptr) != 0) Fail("sysfs");
    if (mount("tmpfs", "dev", "tmpfs", 0, "mode=755") != 0) Fail("dev");
    if (syscall(SYS_pivot_root, ".", ".") != 0) Fail("pivot_root");
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) Fail("leave the old root");
    std::vector<char*> argv;
    for (const std::string& word : options.command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    Fail("exec");
  }
  // `ready` closes in the container's process at exec: the parent sees the end of file when it
  // runs.
  close(ready);
  int status = 0;
  (void)waitpid(first, &status, 0);
  std::_Exit(0);
}

double MillisSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

pid_t FirstChild(pid_t parent) {
  char kids[64] = {};
  const std::string children =
      "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children";
  if (const int fd = open(children.c_str(), O_RDONLY | O_CLOEXEC); fd >= 0) {
    (void)!read(fd, kids, sizeof kids - 1);
    close(fd);
  }
  return std::atoi(kids);
}

double Exec(const std::string& program, pid_t target, const std::vector<std::string>& cgroups) {
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    JoinCgroups(cgroups);
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, target, 0));
    if (setns(pidfd, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
      Fail("setns");
    // A clone that shares memory until the exec, as vfork().
    pid_t inner = -1;
    std::string path = program;
    char* argv[] = {path.data(), const_cast<char*>("true"), nullptr};
    if (posix_spawn(&inner, program.c_str(), nullptr, nullptr, argv, environ) != 0) _exit(127);
    int status = 0;
    (void)waitpid(inner, &status, 0);
    _exit(status == 0 ? 0 : 1);
  }
  int status = 0;
  (void)waitpid(child, &status, 0);
  if (status != 0) Fail("exec");
  return MillisSince(start);
}

struct Times {
  double up = 0, down = 0;
  std::vector<double> execs;
};

// Removals of links, which the kernel finishes long after the link is gone from its tables: so many
// may be under way.
constexpr size_t kLateRemovals = 16;
using Late = std::deque<std::thread>;

struct Pod {
  std::vector<std::string> cgroups;
  std::string link_name;
  int ready = -1, go = -1;
  pid_t child = -1;
};

Pod Up(const Options& options, const std::vector<std::string>& parents, int netlink,
       unsigned bridge, int worker, int cycle, uint32_t host) {
  Pod pod;
  std::vector<std::string>& cgroups = pod.cgroups;
  const std::string name = "floor-" + std::to_string(getpid()) + "-" + std::to_string(cycle);
  for (const std::string& parent : parents) {
    cgroups.push_back(parent + "/" + name);
    if (mkdir(cgroups.back().c_str(), 0755) != 0) Fail("mkdir cgroup");
    CopyCpuset(parent, cgroups.back());
  }
  const std::string base = options.work + "/" + name;
  for (const char* part : {"", "/upper", "/work", "/merged"})
    (void)mkdir((base + part).c_str(), 0755);
  int ready[2], go[2];
  if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(go, O_CLOEXEC) != 0) Fail("pipe");
  const uint32_t address = htonl(options.net + host);
  const pid_t child = fork();
  if (child == 0) {
    close(ready[0]);
    RunInside(options, cgroups, base, address, ready[1], go[0]);
  }
  close(ready[1]);
  char byte = 0;
  if (read(ready[0], &byte, 1) != 1) Fail("child");
  const std::string& link_name = pod.link_name =
      "klf" + std::to_string(worker) + "-" + std::to_string(cycle);
  Request add(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg link{};
  link.ifi_flags = link.ifi_change = IFF_UP;
  add.Body(link);
  add.Attribute(IFLA_IFNAME, link_name);
  add.Attribute(IFLA_MASTER, bridge);
  const size_t info = add.Open(IFLA_LINKINFO);
  add.Attribute(IFLA_INFO_KIND, std::string("veth"));
  const size_t data = add.Open(IFLA_INFO_DATA);
  const size_t peer = add.Open(VETH_INFO_PEER);
  add.Body(ifinfomsg{});
  add.Attribute(IFLA_IFNAME, std::string("eth0"));
  add.Attribute(IFLA_NET_NS_PID, static_cast<uint32_t>(child));
  add.Close(peer);
  add.Close(data);
  add.Close(info);
  add.Send(netlink);
  (void)!write(go[1], "g", 1);
  while (read(ready[0], &byte, 1) > 0) {
  }
  close(go[0]);
  pod.ready = ready[0];
  pod.go = go[1];
  pod.child = child;
  return pod;
}

void Down(const Pod& pod, Late& late) {
  if (const pid_t first = FirstChild(pod.child); first > 0) (void)kill(first, SIGKILL);
  if (late.size() == kLateRemovals) {
    late.front().join();
    late.pop_front();
  }
  late.emplace_back([link_name = pod.link_name] {
    const int socket = NetlinkSocket();
    Request remove(RTM_DELLINK, 0);
    ifinfomsg gone{};
    gone.ifi_index = static_cast<int>(if_nametoindex(link_name.c_str()));
    remove.Body(gone);
    if (gone.ifi_index != 0) remove.Send(socket, ENODEV);  // or it went with the pod's namespace
    close(socket);
  });
  int status = 0;
  (void)waitpid(pod.child, &status, 0);
  for (const std::string& group : pod.cgroups) {
    for (int tries = 0; rmdir(group.c_str()) != 0 && errno == EBUSY && tries < 10000; ++tries)
      (void)poll(nullptr, 0, 1);
  }
  while (if_nametoindex(pod.link_name.c_str()) != 0) {
    const timespec moment{0, 100000};
    (void)nanosleep(&moment, nullptr);
  }
  close(pod.ready);
  close(pod.go);
}

void Cycle(const Options& options, const std::vector<std::string>& parents, int netlink,
           unsigned bridge, int worker, int cycle, Late& late) {
  if (options.pause > 0) (void)poll(nullptr, 0, options.pause);
  Times times;
  const auto start = std::chrono::steady_clock::now();
  const Pod pod = Up(options, parents, netlink, bridge, worker, cycle,
                     2 + static_cast<uint32_t>(worker * 25 + cycle % 25));
  times.up = MillisSince(start);
  const pid_t first = FirstChild(pod.child);
  for (int i = 0; i < options.execs && !options.exec.empty(); ++i)
    times.execs.push_back(Exec(options.exec, first, pod.cgroups));
  const auto stop = std::chrono::steady_clock::now();
  Down(pod, late);
  times.down = MillisSince(stop);
  std::printf("%.3f %.3f", times.up, times.down);
  for (const double exec : times.execs) std::printf(" %.3f", exec);
  std::printf("\n");
}

void Hold(const Options& options, const std::vector<std::string>& parents, unsigned bridge) {
  Late late;
  const int netlink = NetlinkSocket();
  std::vector<Pod> pods;
  pods.reserve(static_cast<size_t>(options.hold));
  for (int i = 0; i < options.hold; ++i)
    pods.push_back(Up(options, parents, netlink, bridge, 0, i, 2 + static_cast<uint32_t>(i)));
  std::puts("held");
  while (std::getchar() != EOF) {
  }
  for (const Pod& pod : pods) Down(pod, late);
  for (std::thread& removal : late) removal.join();
}

bool ParseOptions(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") {
      options.command.assign(argv + i + 1, argv + argc);
      break;
    }
    if (i + 1 >= argc) return false;
    const std::string value = argv[++i];
    if (word == "--root")
      options.root = value;
    else if (word == "--work")
      options.work = value;
    else if (word == "--bridge")
      options.bridge = value;
    else if (word == "--cgroup")
      options.cgroup = value;
    else if (word == "--exec")
      options.exec = value;
    else if (word == "--net")
      options.net = ntohl(inet_addr((value + ".0").c_str()));
    else if (word == "--cycles")
      options.cycles = std::atoi(value.c_str());
    else if (word == "--seconds")
      options.seconds = std::atoi(value.c_str());
    else if (word == "--pause")
      options.pause = std::atoi(value.c_str());
    else if (word == "--hold")
      options.hold = std::atoi(value.c_str());
    else if (word == "--at-once")
      options.at_once = std::atoi(value.c_str());
  }
  return !options.command.empty() && options.net != 0 &&
         (options.cycles > 0 || options.seconds > 0 || options.hold > 0) && options.hold <= 200 &&
         options.at_once <= 10;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!ParseOptions(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: keelson-floor --root DIR --work DIR --bridge NAME --net A.B.C [--cgroup "
                 "NAME] [--exec PROGRAM] "
                 "(--cycles N [--pause MS] | --seconds T --at-once N | --hold N) -- COMMAND…\n");
    return 2;
  }
  const std::vector<std::string> parents = CgroupParents(options.cgroup);
  const unsigned bridge = if_nametoindex(options.bridge.c_str());
  if (bridge == 0) Fail("bridge");
  (void)setvbuf(stdout, nullptr, _IOLBF, 0);  // a line at a time, whichever process writes it
  if (options.hold > 0) {
    Hold(options, parents, bridge);
    return 0;
  }
  if (options.cycles > 0) {
    Late late;
    const int netlink = NetlinkSocket();
    for (int i = 0; i < options.cycles; ++i) Cycle(options, parents, netlink, bridge, 0, i, late);
    for (std::thread& removal : late) removal.join();
    return 0;
  }
  options.execs = 1;
  auto* cycles = static_cast<std::atomic<int>*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const auto begin = std::chrono::steady_clock::now();
  std::vector<pid_t> workers;
  for (int worker = 0; worker < options.at_once; ++worker) {
    const pid_t pid = fork();
    if (pid == 0) {
      Late late;
      const int netlink = NetlinkSocket();
      for (int i = 0; MillisSince(begin) < options.seconds * 1000; ++i) {
        Cycle(options, parents, netlink, bridge, worker, i, late);
        ++*cycles;
      }
      for (std::thread& removal : late) removal.join();
      std::_Exit(0);
    }
    workers.push_back(pid);
  }
  bool good = true;
  for (const pid_t pid : workers) {
    int status = 0;
    (void)waitpid(pid, &status, 0);
    good = good && status == 0;
  }
  std::printf("rate %d %.3f\n", cycles->load(), MillisSince(begin) / 1000);
  return good ? 0 : 1;
}
