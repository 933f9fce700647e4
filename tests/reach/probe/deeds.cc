// SPDX-License-Identifier: Apache-2.0
// What those who broke out of containers did first: each tried once, in a process of its own, with
// arguments that are right.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <grp.h>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "tests/reach/probe/report.h"

namespace keelson::reach {
namespace {

constexpr const char* kFile = "/dev/shm/keelson-reach-file";

void Deed(const std::string& name, const std::function<long()>& what) {
  Tell("deed", name, "do", Apart([&] { return Outcome(what()); }));
}

long OpenAnd(const char* path, int flags, const std::function<long(int)>& what) {
  const int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  return fd < 0 ? fd : what(fd);
}

long WriteTo(const char* path, std::string_view text) {
  return OpenAnd(path, O_WRONLY, [&](int fd) { return write(fd, text.data(), text.size()); });
}

void Namespaces() {
  constexpr std::pair<const char*, int> kinds[] = {
      {"user", CLONE_NEWUSER},     {"mnt", CLONE_NEWNS},  {"net", CLONE_NEWNET},
      {"pid", CLONE_NEWPID},       {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},
      {"cgroup", CLONE_NEWCGROUP}, {"time", 0x80}};
  for (const auto& [name, flag] : kinds) {
    Deed(std::string("unshare ") + name, [flag = flag] { return unshare(flag); });
    Deed(std::string("unshare user and ") + name,
         [flag = flag] { return unshare(CLONE_NEWUSER | flag); });
    Deed(std::string("enter its own ") + name, [name = name, flag = flag] {
      return OpenAnd((std::string("/proc/self/ns/") + name).c_str(), O_RDONLY,
                     [&](int fd) { return setns(fd, flag); });
    });
  }
  Deed("mount in a user namespace of its own", [] {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return -1;
    return mount("tmpfs", "/dev/shm", "tmpfs", 0, nullptr);
  });
  Deed("procfs in a user namespace of its own", [] {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return -1;
    return mount("proc", "/dev/shm", "proc", 0, nullptr);
  });
}

void Mounts() {
  Deed("mount tmpfs", [] { return mount("tmpfs", "/dev/shm", "tmpfs", 0, nullptr); });
  Deed("mount procfs", [] { return mount("proc", "/dev/shm", "proc", 0, nullptr); });
  Deed("mount sysfs", [] { return mount("sysfs", "/dev/shm", "sysfs", 0, nullptr); });
  Deed("mount cgroup", [] { return mount("cgroup", "/dev/shm", "cgroup2", 0, nullptr); });
  Deed("bind /", [] { return mount("/", "/dev/shm", nullptr, MS_BIND, nullptr); });
  for (const char* place : {"/", "/proc", "/proc/sys", "/sys", "/sys/fs/cgroup", "/dev"}) {
    Deed(std::string("make writable ") + place,
         [place] { return mount(nullptr, place, nullptr, MS_REMOUNT | MS_BIND, nullptr); });
    Deed(std::string("make shared ") + place,
         [place] { return mount(nullptr, place, nullptr, MS_SHARED, nullptr); });
  }
  for (const char* place : {"/proc/kcore", "/proc/sys", "/proc/keys", "/sys/firmware", "/sys",
                            "/dev/shm", "/proc/sysrq-trigger"})
    Deed(std::string("unmount ") + place, [place] { return umount2(place, MNT_DETACH); });
  Deed("pivot_root", [] { return syscall(SYS_pivot_root, "/", "/"); });
  Deed("chroot", [] { return chroot("/dev"); });
  Deed("fsopen tmpfs", [] { return syscall(SYS_fsopen, "tmpfs", 0); });
  Deed("fsopen proc", [] { return syscall(SYS_fsopen, "proc", 0); });
  Deed("open_tree clone", [] { return syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE); });
  Deed("mount_setattr", [] {
    struct mount_attr attributes{};
    attributes.attr_clr = MOUNT_ATTR_RDONLY;
    return syscall(SYS_mount_setattr, AT_FDCWD, "/sys", 0, &attributes, sizeof attributes);
  });
}

void Devices() {
  constexpr struct {
    const char* name;
    mode_t kind;
    unsigned major, minor;
  } kNodes[] = {{"mem", S_IFCHR, 1, 1},     {"kmsg", S_IFCHR, 1, 11},
                {"null", S_IFCHR, 1, 3},    {"tty1", S_IFCHR, 4, 1},
                {"console", S_IFCHR, 5, 1}, {"loop0", S_IFBLK, 7, 0},
                {"disk", S_IFBLK, 8, 0},    {"misc", S_IFCHR, 10, 229},
                {"tun", S_IFCHR, 10, 200},  {"virtual disk", S_IFBLK, 254, 0}};
  for (const auto& node : kNodes) {
    for (const char* folder : {"/dev", "/dev/shm"}) {
      Deed(std::string("make and open device ") + node.name + " in " + folder, [&] {
        const std::string path = std::string(folder) + "/keelson-reach-node";
        if (mknod(path.c_str(), node.kind | 0600, makedev(node.major, node.minor)) != 0) return -1;
        const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        const int error = errno;
        unlink(path.c_str());
        errno = error == ENXIO || error == ENODEV ? 0 : error;  // let through, no such device
        return fd < 0 && errno != 0 ? -1 : 0;
      });
    }
    Deed(std::string("make device ") + node.name, [&] {
      const int made =
          mknod("/dev/keelson-reach-node", node.kind | 0600, makedev(node.major, node.minor));
      if (made == 0) unlink("/dev/keelson-reach-node");
      return made;
    });
  }
}

void Rights() {
  Deed("all capabilities", [] {
    struct __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{~0u, ~0u, 0}, {0x1ff, 0x1ff, 0}};
    return syscall(SYS_capset, &header, data);
  });
  for (int bit = 0; bit <= 40; ++bit) {
    Deed("raise ambient capability " + std::to_string(bit),
         [bit] { return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0); });
    Deed("bounding set has capability " + std::to_string(bit), [bit]() -> long {
      errno = EPERM;
      return prctl(PR_CAPBSET_READ, bit, 0, 0, 0) == 1 ? 0 : -1;
    });
  }
  Deed("become user 1234", [] { return setuid(1234); });
  Deed("become root", [] { return setresuid(0, 0, 0); });
  Deed("become group 1234", [] { return setgid(1234); });
  Deed("change groups", [] {
    const gid_t group = 1234;
    return setgroups(1, &group);
  });
  Deed("set securebits", [] { return prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0); });
  Deed("change the program's place", [] {
    return OpenAnd("/proc/self/exe", O_RDONLY,
                   [](int fd) { return prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0); });
  });
  Deed("write its own program",
       [] { return OpenAnd("/proc/self/exe", O_RDWR, [](int) { return 0; }); });
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    Deed("raise limit " + std::to_string(resource), [resource]() -> long {
      struct rlimit limit{};
      (void)getrlimit(static_cast<__rlimit_resource>(resource), &limit);
      if (limit.rlim_max == RLIM_INFINITY) return 0;
      limit.rlim_max += 1;
      return setrlimit(static_cast<__rlimit_resource>(resource), &limit);
    });
  }
  Deed("lower its score for the OOM killer", [] {
    std::ifstream now("/proc/self/oom_score_adj");
    int value = 0;
    now >> value;
    return WriteTo("/proc/self/oom_score_adj", std::to_string(value > -1000 ? value - 1 : value));
  });
  Deed("priority -20", [] { return setpriority(PRIO_PROCESS, 0, -20); });
  Deed("real-time scheduling", [] {
    const struct sched_param priority{1};
    return sched_setscheduler(0, SCHED_FIFO, &priority);
  });
  Deed("real-time input and output", [] { return syscall(SYS_ioprio_set, 1, 0, 1 << 13); });
  Deed("lock 64 MiB", [] {
    void* memory = mmap(nullptr, 64u << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? -1 : mlock(memory, 64u << 20);
  });
}

void Files() {
  Deed("make a file in /", [] {
    return OpenAnd("/keelson-reach-file", O_WRONLY | O_CREAT | O_EXCL,
                   [](int) { return unlink("/keelson-reach-file"); });
  });
  Deed("give a file away", [] { return chown(kFile, 1234, 1234); });
  Deed("set the user bit", [] { return chmod(kFile, 04755); });
  for (const char* name : {"user.keelson", "trusted.keelson", "security.keelson"})
    Deed(std::string("attribute ") + name, [name] { return setxattr(kFile, name, "x", 1, 0); });
  Deed("file capabilities", [] {
    const uint32_t data[5] = {0x02000001, 1u << CAP_NET_RAW, 0, 0, 0};
    return setxattr(kFile, "security.capability", data, sizeof data, 0);
  });
  Deed("an immutable file", [] {
    return OpenAnd(kFile, O_RDONLY, [](int fd) {
      int flags = FS_IMMUTABLE_FL;
      const long result = ioctl(fd, FS_IOC_SETFLAGS, &flags);
      flags = 0;
      if (result == 0) (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
      return result;
    });
  });
  Deed("open by handle", []() -> long {
    alignas(struct file_handle) char room[sizeof(struct file_handle) + 128] = {};
    auto* handle = reinterpret_cast<struct file_handle*>(room);
    handle->handle_bytes = 128;
    int mount = 0;
    if (name_to_handle_at(AT_FDCWD, kFile, handle, &mount, 0) != 0) return -1;
    return OpenAnd("/dev/shm", O_RDONLY | O_DIRECTORY,
                   [&](int fd) { return open_by_handle_at(fd, handle, O_RDONLY); });
  });
  Deed("own process to the group above",
       [] { return WriteTo("/sys/fs/cgroup/cgroup.procs", "0"); });
  Deed("own process to the group above, version 1",
       [] { return WriteTo("/sys/fs/cgroup/memory/cgroup.procs", "0"); });
}

void Kernel() {
  Deed("read the kernel's log", [] {
    char text[16];
    return klogctl(3, text, sizeof text);
  });
  Deed("set the host name to what it is", [] {
    char name[256];
    if (gethostname(name, sizeof name) != 0) return -1;
    return sethostname(name, strlen(name));
  });
  Deed("set the clock's tick to what it is", [] {
    struct timex now{};
    if (adjtimex(&now) < 0) return -1;
    now.modes = ADJ_TICK;
    return adjtimex(&now) < 0 ? -1 : 0;
  });
  Deed("a BPF map", [] {
    union bpf_attr attributes{};
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = attributes.value_size = 4;
    attributes.max_entries = 1;
    return syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes);
  });
  Deed("a BPF program", [] {
    const struct bpf_insn code[] = {{0xb7, 0, 0, 0, 0}, {0x95, 0, 0, 0, 0}};
    union bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = reinterpret_cast<uint64_t>(code);
    attributes.insn_cnt = 2;
    attributes.license = reinterpret_cast<uint64_t>("GPL");
    return syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
  });
  for (const int pid : {0, -1}) {
    Deed(std::string("count events of ") + (pid == 0 ? "itself" : "the machine"), [pid] {
      struct perf_event_attr attributes{};
      attributes.type = PERF_TYPE_SOFTWARE;
      attributes.size = sizeof attributes;
      attributes.config = PERF_COUNT_SW_CPU_CLOCK;
      attributes.exclude_kernel = 1;
      return syscall(SYS_perf_event_open, &attributes, pid, pid == 0 ? -1 : 0, -1, 0);
    });
  }
  Deed("userfaultfd", [] { return syscall(SYS_userfaultfd, O_CLOEXEC); });
  Deed("userfaultfd of its own faults", [] { return syscall(SYS_userfaultfd, O_CLOEXEC | 1); });
  Deed("io_uring", [] {
    char parameters[120] = {};
    return syscall(SYS_io_uring_setup, 1, parameters);
  });
  Deed("fanotify of the mount", [] {
    const int fd = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);
    return fd < 0 ? fd : fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "/");
  });
  Deed("kcmp", [] { return syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0); });
  Deed("personality that reads as it executes", [] { return personality(READ_IMPLIES_EXEC); });
  Deed("personality without random places", [] { return personality(ADDR_NO_RANDOMIZE); });
  Deed("trace the first process", [] { return ptrace(PTRACE_SEIZE, 1, nullptr, nullptr); });
  Deed("read the first process's memory", [] {
    long there = 0;
    struct iovec local{&there, sizeof there}, remote{environ, sizeof there};
    return process_vm_readv(getppid(), &local, 1, &remote, 1, 0);
  });
  Deed("join a new session keyring",
       [] { return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr); });
  Deed("add a key", [] {
    return syscall(SYS_add_key, "user", "keelson-reach-added", "x", 1, KEY_SPEC_PROCESS_KEYRING);
  });
  Deed("type into its own terminal", [] {
    return OpenAnd("/dev/ptmx", O_RDWR, [](int fd) -> long {
      int unlocked = 0;
      if (ioctl(fd, TIOCSPTLCK, &unlocked) != 0) return -1;
      const int peer = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY);
      return peer < 0 ? -1 : ioctl(peer, TIOCSTI, "x");
    });
  });
}

void Network() {
  Deed("mark packets", [] {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0), mark = 1;
    return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
  });
  Deed("send broadcast at priority 7", [] {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0), priority = 7;
    return setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority);
  });
  Deed("set loopback's flags to what they are", [] {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq request{};
    strcpy(request.ifr_name, "lo");
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) return -1;
    return ioctl(fd, SIOCSIFFLAGS, &request);
  });
}

}  // namespace

void TellDeeds() {
  close(open(kFile, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  Namespaces();
  Mounts();
  Devices();
  Rights();
  Files();
  Kernel();
  Network();
  unlink(kFile);
}

}  // namespace keelson::reach
