// SPDX-License-Identifier: Apache-2.0
// keelson-oci: the runtime's core as a command with runc's and crun's command line.
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "oci/command/command.h"
#include "oci/log/log.h"

namespace keelson::oci {
namespace {

constexpr char kHelp[] =
    "keelson-oci runs containers from OCI bundles, with runc's command line.\n\n"
    "usage: keelson-oci [GLOBAL-OPTION]… COMMAND [OPTION]… [ARGUMENT]…\n\n"
    "  --root DIR              where containers are kept track of\n"
    "  --log FILE              errors go there too\n"
    "  --log-format text|json\n"
    "  --debug                 each step is told: to --log, else to standard error\n"
    "  --systemd-cgroup        cgroups are systemd scopes: cgroupsPath is slice:prefix:name\n"
    "  --cgroup-manager cgroupfs|systemd|disabled\n"
    "  --rootless true|false|auto\n"
    "  --version, --help\n\n";

void Help() {
  std::printf("NAME:\n   keelson-oci - Open Container Initiative runtime of Keelson\n\n");
  std::fputs(kHelp, stdout);
  for (const Command& command : Commands()) {
    if (command.usage[0] != '\0') std::printf("  keelson-oci %s\n", command.usage);
  }
}

// How much of the program the kernel loads: debugging information behind it may be ten times as
// much, and is not copied at every start.
base::Result<size_t> LoadedSize(int file) {
  struct stat st{};
  if (fstat(file, &st) != 0) return base::Error::FromErrno(errno, "look at the program");
  const auto all = static_cast<size_t>(st.st_size);
  Elf64_Ehdr head{};
  if (pread(file, &head, sizeof head, 0) != sizeof head || head.e_phentsize != sizeof(Elf64_Phdr))
    return all;
  size_t size = 0;
  for (uint16_t i = 0; i < head.e_phnum; ++i) {
    Elf64_Phdr segment{};
    const auto at = static_cast<off_t>(head.e_phoff + i * sizeof segment);
    if (pread(file, &segment, sizeof segment, at) != sizeof segment) return all;
    size = std::max<size_t>(size, segment.p_offset + segment.p_filesz);
  }
  return size;
}

// A container's program may get at the file of the process that became it (CVE-2019-5736): that
// file is a sealed copy in memory. Does not return when it had to be made.
base::Status BecomeSealedCopy(char** argv) {
  ASSIGN_OR_RETURN(const os::UniqueFd own, os::Open("/proc/self/exe", O_RDONLY));
  const int seals = fcntl(own.get(), F_GET_SEALS);
  if (seals >= 0 && (seals & F_SEAL_WRITE) != 0) return base::Ok();
  ASSIGN_OR_RETURN(const size_t size, LoadedSize(own.get()));
  ASSIGN_OR_RETURN(const os::UniqueFd copy, os::CreateSealedCopy("keelson-oci", own.get(), size));
  // Above what --preserve-fds may name.
  const int high = fcntl(copy.get(), F_DUPFD_CLOEXEC, 900);
  (void)syscall(SYS_execveat, high >= 0 ? high : copy.get(), "", argv, environ, AT_EMPTY_PATH);
  return base::Error::FromErrno(errno, "run a sealed copy of the program");
}

bool HasHostRights() {
  if (geteuid() != 0) return false;
  const base::Result<std::string> map = os::ReadFile("/proc/self/uid_map", 4096);
  return map.ok() && map->find("4294967295") != std::string::npos;
}

base::Result<Global> ReadGlobal(const Arguments& arguments) {
  Global global;
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  const bool host = HasHostRights();
  global.root = arguments.Get("root", host || runtime_dir == nullptr
                                          ? "/run/keelson-oci"
                                          : std::string(runtime_dir) + "/keelson-oci");
  const std::string manager = arguments.Get("cgroup-manager", "cgroupfs");
  if (manager != "cgroupfs" && manager != "systemd" && manager != "disabled")
    return base::InvalidArgument("--cgroup-manager: {} is not known: cgroupfs, systemd, disabled",
                                 manager);
  global.systemd = arguments.Is("systemd-cgroup") || manager == "systemd";
  global.no_cgroup = manager == "disabled";
  const std::string rootless = arguments.Get("rootless", "auto");
  global.rootless = rootless == "auto" ? !host : arguments.Is("rootless");
  global.debug = arguments.Is("debug");
  global.root_given = arguments.Has("root");
  return global;
}

Outcome Main(std::vector<std::string> words, char** argv) {
  ASSIGN_OR_RETURN(const Arguments arguments, Arguments::Parse(words,
                                                               {{"root"},
                                                                {"log"},
                                                                {"log-format"},
                                                                {"log-level"},
                                                                {"debug", "", false},
                                                                {"systemd-cgroup", "s", false},
                                                                {"cgroup-manager"},
                                                                {"rootless"},
                                                                {"criu"},
                                                                {"version", "v", false},
                                                                {"help", "h", false}},
                                                               false));
  if (arguments.Is("version")) {
    std::printf("keelson-oci version %s\nspec: %s\n+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP\n",
                KEELSON_VERSION, kSpecVersion);
    return 0;
  }
  if (arguments.Is("help") || arguments.rest().empty() || arguments.rest()[0] == "help") {
    Help();
    return 0;
  }
  const std::string format = arguments.Get("log-format", "text");
  if (format != "text" && format != "json")
    return base::InvalidArgument("--log-format: {} is not known: text, json", format);
  LogPlace log_place{-1, format == "json", arguments.Is("debug")};
  ASSIGN_OR_RETURN(const Global global, ReadGlobal(arguments));
  const std::string& name = arguments.rest()[0];
  for (const Command& command : Commands()) {
    if (name != command.name) continue;
    if (command.becomes) RETURN_IF_ERROR(BecomeSealedCopy(argv));
    if (arguments.Has("log")) {
      ASSIGN_OR_RETURN(os::UniqueFd log,
                       os::Open(arguments.Get("log"), O_WRONLY | O_APPEND | O_CREAT, 0600));
      // Out of the way of descriptors that are to be kept.
      log_place.file = fcntl(log.get(), F_DUPFD_CLOEXEC, 900);
    }
    SetLogPlace(log_place);
    const std::vector<std::string> own(arguments.rest().begin() + 1, arguments.rest().end());
    std::vector<Flag> flags = command.flags;
    flags.push_back({"help", "h", false});
    ASSIGN_OR_RETURN(const Arguments given, Arguments::Parse(own, flags, command.anywhere));
    if (given.Is("help")) {
      const std::string usage = command.usage[0] != '\0' ? command.usage : command.name;
      std::printf("NAME:\n   keelson-oci %s - %s\n\nUSAGE:\n   keelson-oci %s\n", command.name,
                  command.about, usage.c_str());
      return 0;
    }
    const size_t count = given.rest().size();
    if (count < command.least || count > command.most)
      return base::InvalidArgument("usage: keelson-oci {}", command.usage);
    return command.run(global, given);
  }
  return base::InvalidArgument("No help topic for '{}': no such command; try --help",
                               name.substr(0, 100));
}

// A caller that has closed one of them: the next descriptor that is opened would be taken for it,
// by a hook or by the container.
void HaveStreams() {
  for (int fd = 0; fd < 3; ++fd)
    if (fcntl(fd, F_GETFD) < 0) (void)open("/dev/null", O_RDWR);
}

}  // namespace

}  // namespace keelson::oci

int main(int argc, char** argv) {
  keelson::oci::HaveStreams();
  umask(022);
  const keelson::oci::Outcome outcome =
      keelson::oci::Main(std::vector<std::string>(argv + 1, argv + argc), argv);
  if (outcome.ok()) return *outcome;
  keelson::oci::Complain(outcome.error());
  return 1;
}
