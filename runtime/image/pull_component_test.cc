// SPDX-License-Identifier: Apache-2.0
// Images pulled from Debian's docker-registry, put there by skopeo: the whole way through
// keelson-fetch and keelson-unpack.
#include <thread>

#include "lib/base/strings.h"
#include "runtime/content/digest.h"
#include "runtime/image/testing/pull_fixture.h"
#include "runtime/image/testing/test_registry.h"

namespace keelson::image {
namespace {

using testing::LayoutMaker;
using testing::Shell;
using testing::TestRegistry;

class PullImage : public testing::PullFixture {
 protected:
  void SetUp() override {
    PullFixture::SetUp();
    if (!TestRegistry::IsInstalled())
      GTEST_SKIP() << "docker-registry and skopeo are not installed";
  }
  void StartRegistry(TestRegistry::Options options = {}) {
    options.dir = NewDir("registry");
    registry_.emplace(options);
  }
  std::string At(const std::string& name) const { return registry_->Address() + "/" + name; }
  void PushLayers(int count, const std::string& name, const std::string& more = "") {
    std::vector<testing::LayerBytes> layers;
    for (int i = 1; i <= count; ++i) {
      const std::string n = std::to_string(i);
      layers.push_back(maker_.MakeLayer("mkdir -p d && echo " + n + " >d/" + n + " && echo " + n +
                                            " >top && seq " + n + " 20000 >numbers",
                                        i % 2 == 0 ? "zstd -q" : "gzip -n"));
    }
    maker_.Make(layers);
    registry_->Push(maker_.Path(), name, more);
  }

  std::optional<TestRegistry> registry_;
};

TEST_F(PullImage, MadeByUmociComesWholeFromARealRegistry) {
  if (access("/usr/bin/umoci", X_OK) != 0) GTEST_SKIP() << "umoci is not installed";
  Shell("cd " + Dir() +
        " && umoci init --layout u && umoci new --image u:t && umoci unpack --image u:t b && mkdir "
        "-p b/rootfs/bin && "
        "cp /bin/true b/rootfs/bin/hello && umoci repack --image u:t b && echo two "
        ">b/rootfs/second && umoci repack --refresh-bundle --image u:t b && "
        "umoci config --image u:t --config.cmd /bin/hello --config.env A=B");
  StartRegistry();
  registry_->Push(Dir() + "/u:t", "team/made:v1");
  options_.plain_http_hosts = {registry_->Address()};
  Open();
  const auto id = Pull(At("team/made:v1"));
  ASSERT_TRUE(id.ok()) << id.error().message();
  const Image image = service_->Find(At("team/made:v1")).value();
  EXPECT_EQ(image.id, *id);
  EXPECT_EQ(image.repo_tags, std::vector<std::string>{At("team/made:v1")});
  ASSERT_EQ(image.repo_digests.size(), 1u);
  EXPECT_EQ(image.config.command, std::vector<std::string>{"/bin/hello"});
  EXPECT_EQ(image.config.env.back(), "A=B");
  EXPECT_EQ(content::DigestOf(image.raw_config), *id);
  EXPECT_EQ(ReadInImage(*id, "/second"), "two\n");
  EXPECT_EQ(ReadInImage(*id, "/bin/hello"), os::ReadFile("/bin/true").value());
  // By digest too, after a restart, with the registry gone: it is here.
  Open();
  EXPECT_EQ(service_->Find(image.repo_digests[0])->id, *id);
}

TEST_F(PullImage, ByTagByDigestAndByBothIsOneImage) {
  StartRegistry();
  PushLayers(2, "app:v1");
  options_.plain_http_hosts = {registry_->Address()};
  Open();
  const std::string id = Pull(At("app:v1")).value();
  EXPECT_EQ(id, maker_.config_digest());
  EXPECT_EQ(Pull(At("app@" + maker_.manifest_digest())).value(), id);
  EXPECT_EQ(Pull(At("app:v1@" + maker_.manifest_digest())).value(), id);
  EXPECT_EQ(service_->List().size(), 1u);
  EXPECT_EQ(service_->Find(id)->repo_digests,
            std::vector<std::string>{At("app@" + maker_.manifest_digest())});
}

TEST_F(PullImage, DockersMediaTypesAreReadAsWell) {
  StartRegistry();
  maker_.Make({maker_.MakeLayer("echo one >one"), maker_.MakeLayer("echo two >two")});
  registry_->Push(maker_.Path(), "docker/form:1", "--format v2s2");
  EXPECT_NE(
      Shell("curl -sf -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' http://" +
            At("").substr(0, At("").size() - 1) + "/v2/docker/form/manifests/1")
          .find("application/vnd.docker.image.rootfs.diff.tar.gzip"),
      std::string::npos);
  options_.plain_http_hosts = {registry_->Address()};
  Open();
  const auto id = Pull(At("docker/form:1"));
  ASSERT_TRUE(id.ok()) << id.error().message();
  EXPECT_EQ(ReadInImage(*id, "/two"), "two\n");
}

TEST_F(PullImage, AnIndexLeadsToThisMachinesPlatform) {
  StartRegistry();
  const std::string http = "http://" + registry_->Address() + "/v2/multi/arch/manifests/";
  std::string entries;
  for (const char* arch : {"s390x", "amd64", "arm64"}) {
    maker_.Make({maker_.MakeLayer(std::string("echo ") + arch + " >arch")}, arch);
    registry_->Push(maker_.Path(), std::string("multi/arch:") + arch);
    entries += std::string(entries.empty() ? "" : ",") +
               LayoutMaker::Describe(
                   "application/vnd.oci.image.manifest.v1+json", maker_.manifest_digest(),
                   maker_.manifest_size(),
                   std::string(R"("platform":{"os":"linux","architecture":")") + arch + "\"}");
  }
  const std::string type = "application/vnd.oci.image.index.v1+json";
  ASSERT_TRUE(os::WriteFileAtomic(Dir() + "/index",
                                  R"({"schemaVersion":2,"mediaType":")" + type +
                                      R"(","manifests":[)" + entries + "]}",
                                  0600)
                  .ok());
  Shell("curl -sf -X PUT -H 'Content-Type: " + type + "' --data-binary @" + Dir() + "/index " +
        http + "all");
  options_.plain_http_hosts = {registry_->Address()};
  options_.platform = {.os = "linux", .architecture = "arm64"};
  Open();
  const auto id = Pull(At("multi/arch:all"));
  ASSERT_TRUE(id.ok()) << id.error().message();
  EXPECT_EQ(*id, maker_.config_digest());
  EXPECT_EQ(ReadInImage(*id, "/arch"), "arm64\n");
  EXPECT_EQ(service_->Find(*id)->repo_digests[0],
            At("multi/arch@" + content::DigestOf(os::ReadFile(Dir() + "/index").value())));
  options_.paths.state += "2";
  options_.platform.architecture = "riscv64";
  Open();
  ExpectRefused(At("multi/arch:all"), {"riscv64", "s390x", At("multi/arch:all")});
}

TEST_F(PullImage, ManyAtOnceOfOneImageFetchEachLayerOnce) {
  StartRegistry();
  PushLayers(6, "many:1");
  options_.plain_http_hosts = {registry_->Address()};
  Open();
  std::vector<std::jthread> pullers;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    pullers.emplace_back(
        [&] { good += Pull(At("many:1")).ValueOr("") == maker_.config_digest() ? 1 : 0; });
  }
  pullers.clear();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(service_->Find(At("many:1"))->layer_dirs.size(), 6u);
  EXPECT_EQ(ReadInImage(At("many:1"), "/top"), "6\n");
}

TEST_F(PullImage, WhatIsNotThereIsNamedAndLeavesNothing) {
  StartRegistry();
  PushLayers(1, "app:v1");
  options_.plain_http_hosts = {registry_->Address()};
  Open();
  ExpectRefused(At("app:v2"), {At("app:v2"), "404"});
  ExpectRefused(At("no/such/thing"), {At("no/such/thing"), "404"});
  const std::string unknown = "sha256:" + std::string(64, 'a');
  ExpectRefused(At("app@" + unknown), {unknown, "404"});
  EXPECT_EQ(Pull(At("app:v2")).error().code(), base::Code::kNotFound);
  registry_->Stop();
  ExpectRefused(At("app:v1"), {At("app:v1"), "http://" + registry_->Address(), "onnect"});
  EXPECT_EQ(Pull(At("app:v1")).error().code(), base::Code::kUnavailable);
}

TEST_F(PullImage, TheCatchAllMirrorServesImagesOfEveryRegistry) {
  StartRegistry();
  PushLayers(2, "library/busybox:demo");
  WriteHosts("_default", "[host.\"http://" + registry_->Address() +
                             "\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
  Open();
  const auto id = Pull("busybox:demo");
  ASSERT_TRUE(id.ok()) << id.error().message();
  const Image image = service_->Find("busybox:demo").value();
  EXPECT_EQ(image.repo_tags, std::vector<std::string>{"docker.io/library/busybox:demo"});
  EXPECT_EQ(image.repo_digests[0].substr(0, 34),
            "docker.io/library/busybox@sha256:" + image.repo_digests[0].substr(33, 1));
  ASSERT_TRUE(Pull("quay.example.invalid/library/busybox:demo").ok());
  EXPECT_EQ(service_->Find(*id)->repo_tags.size(), 2u);
}

}  // namespace
}  // namespace keelson::image
