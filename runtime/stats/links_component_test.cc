// SPDX-License-Identifier: Apache-2.0
// Link counters of real network namespaces.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "lib/os/files.h"
#include "runtime/stats/links.h"

namespace keelson::stats {
namespace {

TEST(LinksOfANamespace, AreReadFromOutsideAndLeaveTheCallerWhereItIs) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  // A namespace with a tap device named as a pod's link is, and nobody in it.
  os::UniqueFd netns;
  bool made = false;
  std::thread thread([&] {
    if (unshare(CLONE_NEWNET) != 0) return;
    netns = os::Open("/proc/thread-self/ns/net", O_RDONLY).value();
    const os::UniqueFd tun(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    struct ifreq request{};
    std::string("eth0").copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = 0x1001;  // a tun device without packet information
    constexpr unsigned long kTunSetInterface = 0x400454ca, kTunSetPersistent = 0x400454cb;
    made = tun && ioctl(tun.get(), kTunSetInterface, &request) == 0 &&
           ioctl(tun.get(), kTunSetPersistent, 1) == 0;
  });
  thread.join();
  if (!made) GTEST_SKIP() << "no network namespaces or no tun devices";
  const std::string before = os::ReadFile("/proc/thread-self/net/dev").value();
  const std::string path = "/proc/self/fd/" + std::to_string(netns.get());
  auto files = OpenLinks({path, "/does/not/exist", path});
  ASSERT_EQ(files.size(), 3u);
  ASSERT_TRUE(files[0].ok()) << files[0].error().message();
  EXPECT_FALSE(files[1].ok());
  EXPECT_TRUE(files[2].ok()) << "one that is gone harms no other";
  for (int i = 0; i < 2; ++i) {
    const auto links = ReadLinks(files[0]->get());
    ASSERT_TRUE(links.ok()) << links.error().message();
    ASSERT_EQ(links->size(), 1u);
    EXPECT_EQ(links->front().name, "eth0");
  }
  EXPECT_EQ(os::ReadFile("/proc/thread-self/net/dev").value().substr(0, 200),
            before.substr(0, 200));
}

TEST(LinksOfANamespace, NoneAreAskedNoneAreOpened) { EXPECT_TRUE(OpenLinks({}).empty()); }

}  // namespace
}  // namespace keelson::stats
