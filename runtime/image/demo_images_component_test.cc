// SPDX-License-Identifier: Apache-2.0
// The demo images as scripts/up uses them: made from Debian's packages, pushed to a real registry,
// pulled from there, and their programs started in the overlay of their layers.
#include "lib/base/strings.h"
#include "lib/base/testing/places.h"
#include "runtime/image/testing/pull_fixture.h"
#include "runtime/image/testing/test_registry.h"

namespace keelson::image {
namespace {

using testing::Shell;
using testing::TestRegistry;

class DemoImages : public testing::PullFixture {
 protected:
  // What `command` prints, run with the image as its root in a mount namespace that ends with it.
  std::string RunIn(const std::string& reference, const std::string& command) {
    const auto image = service_->Find(reference);
    if (!image) return "no image";
    std::string lower;
    for (const std::string& layer : image->layer_dirs) lower += (lower.empty() ? "" : ":") + layer;
    // The upper side on a tmpfs: the test's own folder may lie on an overlay.
    return Shell("unshare -m sh -ec 'mount -t tmpfs none " + NewDir("run") + " && mkdir " + Dir() +
                 "/run/u " + Dir() + "/run/w " + Dir() + "/run/m && " +
                 "mount -t overlay -o lowerdir=" + lower + ",upperdir=" + Dir() +
                 "/run/u,workdir=" + Dir() + "/run/w none " + Dir() + "/run/m && " +
                 "mount --bind /dev " + Dir() + "/run/m/dev && mount --bind /proc " + Dir() +
                 "/run/m/proc && chroot " + Dir() + "/run/m " + command + "' 2>&1");
  }
};

TEST_F(DemoImages, AreMadePushedPulledAndRun) {
  if (!TestRegistry::IsInstalled()) GTEST_SKIP() << "docker-registry and skopeo are not installed";
  if (access("/usr/bin/umoci", X_OK) != 0) GTEST_SKIP() << "umoci is not installed";
  const std::string script =
      base::SourceDir() + "/scripts/demo-images.sh " + base::SourceDir() + "/build/demo-images";
  TestRegistry registry({.dir = NewDir("registry")});
  Shell(script + " " + registry.Address());
  EXPECT_NE(Shell(script + " " + registry.Address()).find("has library/nginx:demo"),
            std::string::npos);
  WriteHosts("docker.io", "[host.\"http://" + registry.Address() +
                              "\"]\ncapabilities = [\"pull\", \"resolve\"]\n");
  Open();
  const auto busybox = Pull("docker.io/library/busybox:demo");
  ASSERT_TRUE(busybox.ok()) << busybox.error().message();
  const auto nginx = Pull("nginx:demo");
  ASSERT_TRUE(nginx.ok()) << nginx.error().message();
  EXPECT_GT(service_->Find("nginx:demo")->layer_dirs.size(), 3u);
  EXPECT_EQ(service_->Find("nginx:demo")->config.stop_signal, "SIGQUIT");
  EXPECT_EQ(RunIn("busybox:demo",
                  "/bin/sh -c \"id -un; wc -l </usr/share/demo/numbers; which wget httpd\""),
            "root\n20000\n/usr/bin/wget\n/usr/sbin/httpd\n");
  EXPECT_NE(RunIn("nginx:demo", "/usr/sbin/nginx -t").find("test is successful"),
            std::string::npos);
}

}  // namespace
}  // namespace keelson::image
