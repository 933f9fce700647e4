// SPDX-License-Identifier: Apache-2.0
// What was broken by a bundle or a command line: keelson-oci on the real kernel.
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/testing/places.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/os/process.h"
#include "tests/security/security_case.h"

namespace keelson::security_tests {
namespace {

class OciCase : public testing::Test {
 protected:
  struct Ran {
    int code = -1;
    std::string out, err;
  };
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    for (const char* folder : {"/bin", "/etc", "/proc", "/sys"})
      ASSERT_TRUE(os::MakeDirs(Root() + folder, 0755).ok());
    ASSERT_TRUE(
        os::WriteFileAtomic(Root() + "/bin/busybox", os::ReadFile("/bin/busybox").value(), 0755)
            .ok());
    ASSERT_EQ(symlink("busybox", (Root() + "/bin/sh").c_str()), 0);
    ASSERT_TRUE(os::WriteFileAtomic(Root() + "/etc/passwd",
                                    "root:x:0:0::/:/bin/sh\n1:x:0:0::/:/bin/sh\n", 0644)
                    .ok());
    ASSERT_TRUE(os::MakeDirs(Canary(), 0777).ok());
    ASSERT_TRUE(os::WriteFileAtomic(Canary() + "/file", "untouched", 0666).ok());
    before_ = Describe(Canary());
  }
  void TearDown() override {
    if (before_.empty()) return;
    EXPECT_EQ(Describe(Canary()), before_);
    (void)Oci({"delete", "--force", "c"});
    (void)cgroup::Group(cgroup::DetectLayout().value(), group_).Remove();
  }
  std::string Root() const { return dir_.path() + "/bundle/rootfs"; }
  std::string Canary() const { return dir_.path() + "/canary"; }
  Ran Oci(const std::vector<std::string>& words) {
    os::SpawnOptions options;
    options.argv = {base::BinDir() + "/keelson-oci", "--root", dir_.path() + "/state"};
    options.argv.insert(options.argv.end(), words.begin(), words.end());
    options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    const base::Result<os::CommandResult> done =
        os::RunCommand(options, "", std::chrono::minutes(3));
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message());
    return done.ok() ? Ran{done->status.code(), done->out, done->err} : Ran{};
  }
  // `mounts`: further ones, each with a comma before it.
  void Write(const std::string& script, const std::string& mounts) {
    const std::string text = R"({"ociVersion":"1.0.2","process":{"terminal":false,"user":{"uid":0,
"gid":0},"args":["sh","-c",")" +
                             script + R"("],"cwd":"/","env":["PATH=/bin"],"noNewPrivileges":true,
"capabilities":{}},"root":{"path":"rootfs"},"mounts":[{"destination":"/proc","type":"proc",
"source":"proc"})" + mounts + R"(],"linux":{"cgroupsPath":")" +
                             group_ +
                             R"(/c","namespaces":[{"type":"pid"},{"type":"network"},{"type":"ipc"},
{"type":"uts"},{"type":"mount"}],"maskedPaths":["/proc/kcore","/etc/passwd"]}})";
    ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/bundle/config.json", text, 0644).ok());
  }
  Ran RunBundle() { return Oci({"run", "--bundle", dir_.path() + "/bundle", "c"}); }

  os::TempDir dir_ = std::move(os::TempDir::Create("keelson-security")).value();
  const std::string group_ = "/keelson-security-" + base::RandomHex(4);
  std::string before_;
};

using Cve_2026_88264 = OciCase;
TEST_F(Cve_2026_88264, NullOfARootWithoutADevOfItsOwnIsALink) {
  ASSERT_TRUE(os::MakeDirs(Root() + "/dev", 0755).ok());
  ASSERT_EQ(symlink(("../../../../../../.." + Canary() + "/file").c_str(),
                    (Root() + "/dev/null").c_str()),
            0);
  Write("cat /etc/passwd; echo overwritten >/dev/null", "");
  const Ran ran = RunBundle();
  EXPECT_NE(ran.code, 0) << ran.out;
  EXPECT_NE(ran.err.find("something else is there"), std::string::npos) << ran.err;
}

using Cve_2026_88265 = OciCase;
TEST_F(Cve_2026_88265, ADeviceOfARootWithoutADevOfItsOwnIsAFile) {
  ASSERT_TRUE(os::MakeDirs(Root() + "/dev", 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(Root() + "/dev/zero", "no device", 0644).ok());
  Write("cat /dev/zero", "");
  const Ran ran = RunBundle();
  EXPECT_NE(ran.code, 0) << ran.out;
  EXPECT_EQ(ran.out.find("no device"), std::string::npos) << ran.out;
}

using Cve_2026_30892 = OciCase;
TEST_F(Cve_2026_30892, TheUserOfACommandIsWhoIsNamed) {
  Write("while true; do busybox sleep 1; done",
        R"(,{"destination":"/dev","type":"tmpfs","source":"tmpfs"})");
  // The container's streams go nowhere: nobody waits for their end.
  os::SpawnOptions options;
  options.argv = {"/bin/sh", "-c",
                  base::BinDir() + "/keelson-oci --root " + dir_.path() + "/state run --detach " +
                      "--bundle " + dir_.path() + "/bundle c >/dev/null 2>&1 </dev/null"};
  const auto begun = os::RunCommand(options, "", std::chrono::minutes(3));
  ASSERT_TRUE(begun.ok() && begun->status.code() == 0);
  for (const auto& [user, expected] :
       std::vector<std::pair<std::string, std::string>>{{"1", "1 0"},
                                                        {"01", "1 0"},
                                                        {"1:2", "1 2"},
                                                        {"0:7", "0 7"},
                                                        {"65534:65534", "65534 65534"}}) {
    const Ran ran =
        Oci({"exec", "--user", user, "c", "sh", "-c", "echo $(busybox id -u) $(busybox id -g)"});
    EXPECT_EQ(ran.code, 0) << user << ": " << ran.err;
    EXPECT_EQ(base::Trim(ran.out), expected) << user;
  }
  for (const char* user : {"", "1:", ":1", "root", "-1", "+1", " 1", "1 ", "0x1", "1:2:3",
                           "4294967295", "4294967296", "18446744073709551617", "1,0"}) {
    const Ran ran = Oci({"exec", "--user", user, "c", "sh", "-c", "busybox id -u"});
    EXPECT_NE(ran.code, 0) << "'" << user << "' became " << ran.out;
  }
}

}  // namespace
}  // namespace keelson::security_tests
