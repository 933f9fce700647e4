// SPDX-License-Identifier: Apache-2.0
// Class U: what grows with what a container or an image sends.
#include <sys/stat.h>
#include <unistd.h>

#include "tests/security/security_case.h"

namespace keelson::security_tests {
namespace {

class BoundsCase : public SecurityCase {
 protected:
  static size_t OpenIn(pid_t pid) {
    return os::ListDir(fmt::format("/proc/{}/fd", pid)).value().size();
  }
  static size_t ThreadsOf(pid_t pid) {
    return os::ListDir(fmt::format("/proc/{}/task", pid)).value().size();
  }
};

using Cve_2022_1708 = BoundsCase;
TEST_F(Cve_2022_1708, AnEndlessOutputIsCutAndTheDaemonStaysSmall) {
  const std::string id = Run(Start("p"), Script("c", "while true; do sleep 1; done"));
  Watch();
  const size_t bytes = size_t{24} << 20;
  const base::Result<cri_server::ExecOutput> done =
      runtime_->ExecSync(id, {"sh", "-c", fmt::format("busybox yes | busybox head -c {}", bytes)},
                         std::chrono::seconds(600));
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(done->exit_code, 0) << "the command went on to its end";
  EXPECT_LE(done->out.size(), size_t{16} << 20);
  EXPECT_GE(done->out.size(), size_t{15} << 20);
}

using Cve_2022_23471 = BoundsCase;
TEST_F(Cve_2022_23471, CommandsThatFailOrLeaveOthersBehindCostNothingAfterwards) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  Watch();
  const std::vector<pid_t> monitors = cri_server::ProcessesOf("keelson-monitor", pod);
  ASSERT_EQ(monitors.size(), 1u);
  const auto run = [&](int times) {
    for (int i = 0; i < times; ++i) {
      EXPECT_FALSE(runtime_->ExecSync(id, {"/bin/no-such-program"}, std::chrono::seconds(60)).ok());
      EXPECT_EQ(Out(id, "exit 3"), "");
    }
    // One stays behind and keeps the command's streams: nobody waits for it.
    EXPECT_EQ(Out(id, "sleep 2 & exit 0"), "");
  };
  run(3);
  const size_t ours = OpenIn(getpid()), theirs = OpenIn(monitors[0]);
  const size_t threads = ThreadsOf(getpid());
  run(IsLong() ? 5000 : 20);
  EXPECT_TRUE(Eventually([&] { return OpenIn(getpid()) <= ours; })) << OpenIn(getpid());
  EXPECT_TRUE(Eventually([&] { return OpenIn(monitors[0]) <= theirs; })) << OpenIn(monitors[0]);
  EXPECT_LE(ThreadsOf(getpid()), threads + 2);
}

using Cve_2025_4437 = BoundsCase;
TEST_F(Cve_2025_4437, HugeIdentityFilesOfAnImageAreErrors) {
  const std::string pod = Start("p");
  images_->config().user = "last";
  struct Case {
    const char* file;
    std::function<void(const std::string&)> make;
  };
  const auto many = [](const char* line) {
    return [line](const std::string& path) {
      std::string text = "root:x:0:0::/:/bin/sh\nlast:x:77:77::/:/bin/sh\n";
      for (int i = 0; text.size() < (3u << 20); ++i) text += fmt::format(fmt::runtime(line), i, i);
      EXPECT_TRUE(os::WriteFileAtomic(path, text, 0644).ok());
    };
  };
  const auto sparse = [](const std::string& path) {
    EXPECT_TRUE(os::WriteFileAtomic(path, "last:x:77:77::/:/bin/sh\n", 0644).ok());
    EXPECT_EQ(truncate(path.c_str(), off_t{3} << 20), 0);
  };
  Watch();
  for (const Case& one :
       {Case{"/etc/passwd", many("u{}:x:{}:1::/:/bin/sh\n")},
        Case{"/etc/group", many("g{}:x:{}:last\n")}, Case{"/etc/passwd", sparse}}) {
    Write(layer() + "/etc/passwd", "root:x:0:0::/:/bin/sh\nlast:x:77:77::/:/bin/sh\n");
    Write(layer() + "/etc/group", "root:x:0:\n");
    one.make(layer() + one.file);
    const std::string refusal = Refusal(pod, Next("exit 0"));
    EXPECT_NE(refusal.find("more than the 1048576 bytes"), std::string::npos)
        << one.file << ": " << refusal.substr(0, 300);
  }
}

}  // namespace
}  // namespace keelson::security_tests
