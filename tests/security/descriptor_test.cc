// SPDX-License-Identifier: Apache-2.0
// Classes F and X: what is open in a process that a container can see, and whose program runs.
#include <elf.h>
#include <sys/stat.h>

#include "lib/base/testing/places.h"
#include "tests/security/security_case.h"

namespace keelson::security_tests {
namespace {

constexpr const char* kLoop = "while true; do sleep 1; done";

class DescriptorCase : public SecurityCase {
 protected:
  static std::map<std::string, std::string> Programs() {
    std::map<std::string, std::string> programs;
    for (const os::DirEntry& entry : os::ListDir(base::BinDir()).value()) {
      if (!entry.name.starts_with("keelson-")) continue;
      const std::string path = base::BinDir() + "/" + entry.name;
      struct stat st{};
      EXPECT_EQ(stat(path.c_str(), &st), 0);
      // Whoever writes to it changes these, for good.
      programs[path] = fmt::format("{} bytes of {}.{} {}.{}", st.st_size, st.st_mtim.tv_sec,
                                   st.st_mtim.tv_nsec, st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
    }
    EXPECT_GE(programs.size(), 6u);
    return programs;
  }
};

using Cve_2024_21626 = DescriptorCase;
TEST_F(Cve_2024_21626, NoWorkingDirectoryThroughADescriptorOfOurs) {
  const std::string pod = Start("p");
  Watch();
  for (int fd = 3; fd <= 24; ++fd) {
    cri::ContainerConfig config = Next("busybox readlink /proc/self/cwd; ls -a");
    config.set_working_dir(fmt::format("/proc/self/fd/{}", fd));
    const auto said = Says(pod, config);
    if (said) ADD_FAILURE() << "started in descriptor " << fd << ": " << *said;
  }
}

TEST_F(Cve_2024_21626, AProgramFindsThreeDescriptorsAndNoMore) {
  const std::string pod = Start("p");
  Watch();
  EXPECT_EQ(Says(pod, Next("ls /proc/1/fd; exit 0")), "0\n1\n2\n");
  const std::string id = Run(pod, Script("c", kLoop));
  EXPECT_EQ(Out(id,
                "cd /proc/self/fd; for f in [0-9]*; do case $f in 0|1|2) ;; *) [ -d $f ] && "
                "echo $f is a folder;; esac; done"),
            "");
}

using Cve_2016_9962 = DescriptorCase;
TEST_F(Cve_2016_9962, AContainerThatWatchesSeesNothingOfOursWhileACommandEnters) {
  // With the right to look into every process it sees.
  cri::ContainerConfig config = Script(
      "c",
      "while true; do ls -l /proc/[0-9]*/fd/ /proc/[0-9]*/cwd /proc/[0-9]*/root 2>/dev/null | "
      "busybox grep -e '->' | busybox grep -v -e '-> pipe:' -e '-> socket:' -e '-> /dev/null' "
      "-e '-> /$' -e '-> /proc/[0-9]*/fd' -e '-> /proc$' -e '-> /seen$' >>/seen; done");
  SecurityOf(config).mutable_capabilities()->add_add_capabilities("SYS_PTRACE");
  const std::string id = Run(Start("p"), config);
  Watch();
  for (int i = 0; i < (IsLong() ? 2000 : 60); ++i) (void)Out(id, "exit 0");
  const std::string seen = os::ReadFile(runtime_->DirectoryOf(id) + "/diff/seen").ValueOr("");
  EXPECT_EQ(seen, "");
}

using Cve_2019_5736 = DescriptorCase;
TEST_F(Cve_2019_5736, ProgramsOfOursStayAsTheyAre) {
  const auto programs = Programs();
  Write(layer() + "/bin/entry", "#!/proc/self/exe\n", 0755);
  const std::string pod = Start("p");
  Watch();
  cri::ContainerConfig config = Next("");
  config.clear_command();
  config.add_command("/bin/entry");
  (void)Says(pod, config);
  // A container that may look into every process takes the program of whatever enters it in hand,
  // and writes to it as soon as nobody runs it any more.
  config = Script("c",
                  "while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || { [ /proc/self/fd/9 "
                  "-ef /bin/busybox ] || { touch /taken; while :; do echo evil "
                  "1<>/proc/self/fd/9 && touch /written; done; }; } 9<$p/exe; done; done "
                  "2>/dev/null");
  SecurityOf(config).mutable_capabilities()->add_add_capabilities("SYS_PTRACE");
  const std::string id = Run(pod, config);
  const std::string files = runtime_->DirectoryOf(id) + "/diff";
  for (int i = 0; i < (IsLong() ? 2000 : 60) && !os::Exists(files + "/taken"); ++i)
    (void)Out(id, "exit 0");
  // Whether it was quick enough or not: the pod's monitor dies, and no other comes for a while.
  const std::vector<pid_t> anchors = cri_server::ProcessesOf("keelson-anchor", run_);
  const std::vector<pid_t> monitors = cri_server::ProcessesOf("keelson-monitor", pod);
  ASSERT_EQ(anchors.size(), 1u);
  ASSERT_EQ(monitors.size(), 1u);
  ASSERT_EQ(kill(anchors.front(), SIGSTOP), 0);
  EXPECT_EQ(kill(monitors.front(), SIGKILL), 0);
  if (os::Exists(files + "/taken")) {
    // Long enough for thousands of tries; nothing tells of a write that does not come.
    const base::SteadyTime end = clock_.Steady() + std::chrono::seconds(2);
    while (!os::Exists(files + "/written") && clock_.Steady() < end) (void)poll(nullptr, 0, 10);
  }
  const bool written = os::Exists(files + "/written");
  if (written) {
    // No monitor starts any more, and so nothing can be put in order.
    ADD_FAILURE() << "a container has written to our programs";
    (void)cgroup::Group(cgroup::DetectLayout().value(),
                        runtime_->GetContainer(id).value().record.cgroup_path)
        .Kill();
    (void)kill(anchors.front(), SIGKILL);
    _exit(1);
  }
  ASSERT_EQ(kill(anchors.front(), SIGCONT), 0);
  EXPECT_EQ(Programs(), programs);
  EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(0)).ok());
}

// No interpreter in the file: the kernel starts it, and no loader that would look for libraries.
bool IsStatic(const std::string& path) {
  const std::string file = os::ReadFile(path, size_t{1} << 30).value();
  const auto* const head = reinterpret_cast<const Elf64_Ehdr*>(file.data());
  for (int i = 0; i < head->e_phnum; ++i) {
    const auto* const part = reinterpret_cast<const Elf64_Phdr*>(
        file.data() + head->e_phoff + static_cast<size_t>(i) * head->e_phentsize);
    if (part->p_type == PT_INTERP) return false;
  }
  return true;
}

using Cve_2019_14271 = DescriptorCase;
TEST_F(Cve_2019_14271, NothingOfOursLoadsCodeThatAnImageBrings) {
  for (const char* name :
       {"keelson-monitor", "keelson-init", "keelson-log", "keelson-anchor", "keelson-volume"})
    EXPECT_TRUE(IsStatic(base::BinDir() + "/" + name)) << name;
  // Libraries of the name service where a program of ours in this root would look for them.
  for (const char* folder : {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64"}) {
    ASSERT_TRUE(os::MakeDirs(layer() + folder, 0755).ok());
    for (const char* name : {"libnss_files.so.2", "libnss_dns.so.2", "libc.so.6"})
      Write(layer() + folder + "/" + name, "no library", 0755);
  }
  Write(layer() + "/etc/nsswitch.conf", "passwd: files dns\n");
  images_->config().user = "web";
  const std::string pod = Start("p");
  Watch();
  EXPECT_EQ(Says(pod, Next("id -u")), "33\n");
}

using Cve_2015_1335 = DescriptorCase;
TEST_F(Cve_2015_1335, NothingOfOursIsSetUid) {
  for (const auto& [path, digest] : Programs()) {
    struct stat st{};
    ASSERT_EQ(stat(path.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & (S_ISUID | S_ISGID), 0u) << path;
  }
}

}  // namespace
}  // namespace keelson::security_tests
