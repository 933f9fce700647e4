// SPDX-License-Identifier: Apache-2.0
// Images loaded from layouts on disk, through the real jail.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <thread>

#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/content/digest.h"
#include "runtime/image/image_service_impl.h"
#include "runtime/image/records.h"
#include "runtime/image/testing/layout_maker.h"

namespace keelson::image {
namespace {

using testing::LayerBytes;
using testing::Shell;

class LoadImage : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    service_ = OpenService();
  }
  std::unique_ptr<ImageServiceImpl> OpenService(uint64_t max_layer_bytes = uint64_t{1} << 30) {
    ImageServiceImpl::Options options;
    options.paths = {dir_.path() + "/state", dir_.path() + "/config"};
    options.program_dir = base::BinDir();
    options.docker_config = "";
    options.max_layer_bytes = max_layer_bytes;
    options.pinned_images = {"team/kept", "team/other:v2"};
    auto service = ImageServiceImpl::Open(options);
    EXPECT_TRUE(service.ok()) << (service.ok() ? "" : service.error().message());
    return std::move(service).value();
  }
  std::string Layout() const { return maker_.Path(); }
  LayerBytes MakeLayer(const std::string& script, const std::string& compressor = "gzip -n") const {
    return maker_.MakeLayer(script, compressor);
  }
  void MakeLayout(const std::vector<LayerBytes>& layers, const std::string& arch = "amd64") {
    maker_.Make(layers, arch);
  }
  void ExpectNothingLeft() {
    service_->WaitForSweep();
    EXPECT_EQ(Shell("cd " + dir_.path() +
                    "/state && find layers images -type f -o -path '*/sha256/*' -o -path "
                    "'*/staging/*' -o -path '*/trash/*' -o -path '*/import/*'"),
              "");
  }

  os::TempDir dir_ = os::TempDir::Create("keelson-load").value();
  std::unique_ptr<ImageServiceImpl> service_;
  testing::LayoutMaker maker_{dir_.path()};
};

TEST_F(LoadImage, KeepsOwnersModesLinksTimesAndAttributes) {
  MakeLayout({MakeLayer("mkdir -p etc tmp home && chmod 1777 tmp && echo hi >etc/motd && touch -d "
                        "@1000000000 etc/motd && chown 12:34 etc/motd && "
                        "ln etc/motd etc/again && ln -s /etc/motd home/abs && ln -s ../etc "
                        "home/rel && cp /bin/true su && chmod 4755 su && "
                        "setcap cap_net_raw+ep su || true; mkfifo pipe; touch -d @7 home"),
              MakeLayer("mkdir -p srv && echo two >srv/file", "zstd -q")});
  const auto id = service_->Load(Layout(), "demo:1");
  ASSERT_TRUE(id.ok()) << id.error().message();
  EXPECT_EQ(*id, maker_.config_digest());
  const Image image = service_->Find("demo:1").value();
  EXPECT_EQ(image.id, *id);
  EXPECT_EQ(image.repo_tags, std::vector<std::string>{"docker.io/library/demo:1"});
  EXPECT_EQ(image.repo_digests.size(), 1u);
  EXPECT_EQ(image.config.user, "1000");
  EXPECT_GT(image.size, 0u);
  ASSERT_EQ(image.layer_dirs.size(), 2u);
  const std::string top = image.layer_dirs[0], bottom = image.layer_dirs[1];
  EXPECT_EQ(os::ReadFile(top + "/srv/file").value(), "two\n");
  struct stat st{};
  ASSERT_EQ(lstat((bottom + "/etc/motd").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 12u);
  EXPECT_EQ(st.st_gid, 34u);
  EXPECT_EQ(st.st_mtime, 1000000000);
  EXPECT_EQ(st.st_nlink, 2u);
  ASSERT_EQ(lstat((bottom + "/tmp").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 01777u);
  ASSERT_EQ(lstat((bottom + "/su").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 04755u);
  ASSERT_EQ(lstat((bottom + "/home").c_str(), &st), 0);
  EXPECT_EQ(st.st_mtime, 7);
  ASSERT_EQ(lstat((bottom + "/pipe").c_str(), &st), 0);
  EXPECT_TRUE(S_ISFIFO(st.st_mode));
  char target[64] = {};
  ASSERT_GT(readlink((bottom + "/home/abs").c_str(), target, sizeof target), 0);
  EXPECT_STREQ(target, "/etc/motd");
  EXPECT_TRUE(service_->Usage()->used_bytes > 0);
}

TEST_F(LoadImage, TurnsWhiteoutsIntoWhatOverlayWants) {
  MakeLayout({MakeLayer("mkdir -p a/b c && echo 1 >a/b/gone && echo 1 >c/old"),
              MakeLayer("mkdir -p a/b c && touch a/b/.wh.gone c/.wh..wh..opq && echo 2 >c/new")});
  ASSERT_TRUE(service_->Load(Layout(), "demo:2").ok());
  const std::string top = service_->Find("demo:2")->layer_dirs[0];
  struct stat st{};
  ASSERT_EQ(lstat((top + "/a/b/gone").c_str(), &st), 0);
  EXPECT_TRUE(S_ISCHR(st.st_mode));
  EXPECT_EQ(st.st_rdev, makedev(0, 0));
  char value[4] = {};
  EXPECT_EQ(getxattr((top + "/c").c_str(), "trusted.overlay.opaque", value, sizeof value), 1);
  EXPECT_EQ(value[0], 'y');
  EXPECT_FALSE(os::Exists(top + "/c/.wh..wh..opq"));
}

TEST_F(LoadImage, AcceptsAnArchiveThatEndsRightAfterItsLastByteOfContent) {
  // As umoci's insert writes it: neither padding nor closing blocks.
  Shell("cd " + dir_.path() +
        " && mkdir w && printf hello >w/f && tar -C w -cf t f && head -c 517 t >short.tar");
  const std::string tar = os::ReadFile(dir_.path() + "/short.tar").value();
  MakeLayout({{tar, content::DigestOf(tar), "application/vnd.oci.image.layer.v1.tar"}});
  const auto id = service_->Load(Layout(), "short:1");
  ASSERT_TRUE(id.ok()) << id.error().message();
  EXPECT_EQ(os::ReadFile(service_->Find(*id)->layer_dirs[0] + "/f").value(), "hello");
}

TEST_F(LoadImage, FromAnArchiveOfALayoutToo) {
  MakeLayout({MakeLayer("echo x >x")});
  Shell("cd " + Layout() + " && tar -cf " + dir_.path() + "/image.tar .");
  const auto id = service_->Load(dir_.path() + "/image.tar", "localhost/from/tar:v1");
  ASSERT_TRUE(id.ok()) << id.error().message();
  EXPECT_EQ(os::ReadFile(service_->Find(*id)->layer_dirs[0] + "/x").value(), "x\n");
  EXPECT_TRUE(os::ListDir(dir_.path() + "/state/images/import")->empty());
}

TEST_F(LoadImage, ImageStatus_FindsByEveryKindOfNameAlsoAfterARestart) {
  MakeLayout({MakeLayer("echo x >x")});
  const std::string id = service_->Load(Layout(), "team/app:v1").value();
  service_.reset();
  service_ = OpenService();
  const Image image = service_->Find("team/app:v1").value();
  for (const std::string& name : {id, id.substr(7), id.substr(7, 12), image.repo_digests.at(0),
                                  std::string("docker.io/team/app:v1")}) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(service_->Find(name).has_value());
    EXPECT_EQ(service_->Find(name)->id, id);
  }
  EXPECT_FALSE(service_->Find("team/app:v2").has_value());
  EXPECT_FALSE(service_->Find(id.substr(7, 11)).has_value());
  EXPECT_FALSE(service_->Find("").has_value());
}

TEST_F(LoadImage, ListImages_SayWhichAreToBeKept) {
  MakeLayout({MakeLayer("echo x >x")});
  const std::string id = service_->Load(Layout(), "team/other:v1").value();
  EXPECT_FALSE(service_->Find(id)->pinned);
  ASSERT_EQ(service_->Load(Layout(), "team/kept:latest").value(), id);
  EXPECT_TRUE(service_->Find(id)->pinned) << "by one of its names";
  ASSERT_TRUE(service_->Remove("team/kept").ok());
  ASSERT_EQ(service_->Load(Layout(), "team/other:v1").value(), id);
  EXPECT_FALSE(service_->Find(id)->pinned);
}

TEST_F(LoadImage, RemoveImage_TakesAllNamesAtOnceAndLayersWhenNoContainerHoldsThem) {
  MakeLayout({MakeLayer("echo x >x")});
  const std::string id = service_->Load(Layout(), "team/app:v1").value();
  ASSERT_EQ(service_->Load(Layout(), "team/app:v2").value(), id);
  EXPECT_EQ(service_->Find(id)->repo_tags.size(), 2u);
  const std::string layer = service_->Find(id)->layer_dirs[0];
  service_->Hold(id, "container-1");
  ASSERT_TRUE(service_->Remove("team/app:v1").ok());
  ASSERT_TRUE(service_->Remove("team/app:v1").ok());
  EXPECT_TRUE(service_->List().empty());
  EXPECT_FALSE(service_->Find(id).has_value());
  EXPECT_TRUE(os::Exists(layer + "/x"));
  ASSERT_TRUE(service_->FindHeld(id).has_value())
      << "its container may still be started and entered";
  EXPECT_EQ(service_->FindHeld(id)->layer_dirs, std::vector<std::string>{layer});
  service_->Release("container-1");
  EXPECT_FALSE(service_->FindHeld(id).has_value());
  EXPECT_FALSE(os::Exists(layer));
  ExpectNothingLeft();
}

TEST_F(LoadImage, RemoveImage_ManyAtOnceAreAllFine) {
  MakeLayout({MakeLayer("echo x >x")});
  ASSERT_TRUE(service_->Load(Layout(), "team/app:v1").ok());
  const std::string id = service_->Load(Layout(), "team/app:v2").value();
  std::vector<std::thread> clients;
  for (const std::string& name : {std::string("team/app:v1"), std::string("team/app:v2"), id, id}) {
    clients.emplace_back([this, name] {
      const base::Status removed = service_->Remove(name);
      EXPECT_TRUE(removed.ok()) << removed.error().message();
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(service_->List().empty());
  ExpectNothingLeft();
}

TEST_F(LoadImage, SharesLayersBetweenImagesAndCollectsOnlyWhatNobodyNeeds) {
  const LayerBytes common = MakeLayer("echo base >base");
  MakeLayout({common, MakeLayer("echo one >one")});
  ASSERT_TRUE(service_->Load(Layout(), "one").ok());
  MakeLayout({common, MakeLayer("echo two >two")});
  ASSERT_TRUE(service_->Load(Layout(), "two").ok());
  const Image one = *service_->Find("one"), two = *service_->Find("two");
  EXPECT_EQ(one.layer_dirs[1], two.layer_dirs[1]);
  ASSERT_TRUE(service_->Remove("one").ok());
  EXPECT_FALSE(os::Exists(one.layer_dirs[0]));
  EXPECT_TRUE(os::Exists(two.layer_dirs[1] + "/base"));
}

TEST_F(LoadImage, BadInputIsRefusedWithASentenceAndLeavesNothingBehind) {
  struct Case {
    std::string name, script, word;
  };
  // Each makes bad.tar out of the directory that it runs in.
  const Case cases[] = {
      {"dot dot", "echo x >x && tar -P --transform 's,^x,../../x,' -cf ../bad.tar x",
       "reaches out"},
      {"hard link outward",
       "echo x >x && ln x y && tar -P --transform 's,^x$,../../etc/passwd,h;flags=h' -cf "
       "../bad.tar x y 2>/dev/null || tar -cf ../bad.tar x y; "
       "python3 - <<'P'\nimport "
       "tarfile,io\nt=tarfile.open('../"
       "bad.tar','w')\ni=tarfile.TarInfo('link');i.type=tarfile.LNKTYPE;i.linkname='../../../etc/"
       "passwd'\nt.addfile(i);t.close()\nP",
       "reaches out"},
      {"absolute hard link stays inside and is not there",
       "python3 - <<'P'\nimport "
       "tarfile\nt=tarfile.open('../"
       "bad.tar','w')\ni=tarfile.TarInfo('link');i.type=tarfile.LNKTYPE;i.linkname='/etc/"
       "passwd'\nt.addfile(i);t.close()\nP",
       "does not bring"},
      {"through a symlink",
       "python3 - <<'P'\nimport "
       "tarfile,io\nt=tarfile.open('../"
       "bad.tar','w')\ni=tarfile.TarInfo('d');i.type=tarfile.SYMTYPE;i.linkname='/"
       "tmp'\nt.addfile(i)\n"
       "i=tarfile.TarInfo('d/evil');i.size=1\nt.addfile(i,io.BytesIO(b'x'));t.close()\nP",
       "symlink"},
      {"sparse", "truncate -s 1M s && echo x >>s && tar --sparse --format=gnu -cf ../bad.tar s",
       "sparse"},
      {"truncated", "head -c 100000 /dev/urandom >r && tar -cf - r | head -c 50000 >../bad.tar",
       "ends inside"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string work = dir_.path() + "/bad";
    Shell("rm -rf " + work + " && mkdir " + work + " && cd " + work + " && " + c.script);
    const std::string tar = os::ReadFile(dir_.path() + "/bad.tar").value();
    MakeLayout({{tar, content::DigestOf(tar), "application/vnd.oci.image.layer.v1.tar"}});
    const auto loaded = service_->Load(Layout(), "bad:" + std::to_string(&c - cases));
    ASSERT_FALSE(loaded.ok());
    EXPECT_NE(loaded.error().message().find(c.word), std::string::npos) << loaded.error().message();
    EXPECT_NE(loaded.error().message().find("layer 1 of 1"), std::string::npos)
        << loaded.error().message();
    ExpectNothingLeft();
  }
}

TEST_F(LoadImage, RefusesWrongDigestsTruncatedStreamsAndBombs) {
  const LayerBytes good = MakeLayer("head -c 300000 /dev/urandom >r");
  const auto expect = [this](const std::vector<LayerBytes>& layers, const std::string& word) {
    MakeLayout(layers);
    const auto loaded = service_->Load(Layout(), "bad");
    ASSERT_FALSE(loaded.ok());
    EXPECT_NE(loaded.error().message().find(word), std::string::npos) << loaded.error().message();
    ExpectNothingLeft();
  };
  expect({{good.compressed, content::DigestOf("other")}}, "configuration says");
  expect({{good.compressed.substr(0, 100000), good.diff_id}}, "truncated");
  expect({{good.compressed + "garbage", good.diff_id}}, "something else");
  std::string flipped = good.compressed;
  flipped[150000] = static_cast<char>(flipped[150000] ^ 1);
  expect({{flipped, good.diff_id}}, "");
  MakeLayout({good});
  const std::string blob =
      Layout() + "/blobs/sha256/" + content::DigestOf(good.compressed).substr(7);
  ASSERT_TRUE(os::WriteFileAtomic(blob, MakeLayer("echo other >o").compressed, 0644).ok());
  EXPECT_NE(service_->Load(Layout(), "bad").error().message().find("digest mismatch"),
            std::string::npos);
  ExpectNothingLeft();
  service_.reset();
  service_ = OpenService(1 << 20);
  expect({MakeLayer("head -c 3000000 /dev/zero >z")}, "budget");
}

TEST_F(LoadImage, RefusesAnotherMachinesImage) {
  MakeLayout({MakeLayer("echo x >x")}, "s390x");
  EXPECT_NE(service_->Load(Layout(), "bad").error().message().find("made for linux/s390x"),
            std::string::npos);
  ExpectNothingLeft();
}

TEST_F(LoadImage, ADamagedRecordIsSetAsideAndTheOthersStay) {
  MakeLayout({MakeLayer("echo x >x")});
  ASSERT_TRUE(service_->Load(Layout(), "one:1").ok());
  MakeLayout({MakeLayer("echo y >y")});
  ASSERT_TRUE(service_->Load(Layout(), "two:1").ok());
  const std::string id = service_->Find("one:1")->id;
  service_.reset();
  ASSERT_TRUE(os::WriteFileAtomic(dir_.path() + "/state/images/images/" + id.substr(7) + ".rec",
                                  "rubbish", 0600)
                  .ok());
  service_ = OpenService();
  EXPECT_FALSE(service_->Find("one:1").has_value());
  EXPECT_TRUE(service_->Find("two:1").has_value());
  EXPECT_FALSE(os::ListDir(dir_.path() + "/state/images/quarantine")->empty());
  EXPECT_EQ(os::ListDir(dir_.path() + "/state/images/blobs/sha256")->size(), 2u)
      << "documents of the other one alone";
  service_->CollectGarbage();
  service_->WaitForSweep();
  EXPECT_EQ(os::ListDir(dir_.path() + "/state/layers/sha256")->size(), 1u);
}

TEST_F(LoadImage, SaysWhatIsWrongWithALayout) {
  ASSERT_TRUE(os::MakeDirs(Layout(), 0755).ok());
  EXPECT_NE(service_->Load(Layout(), "x").error().message().find("not an OCI image layout"),
            std::string::npos);
  EXPECT_NE(service_->Load(dir_.path() + "/absent", "x").error().message().find("absent"),
            std::string::npos);
  EXPECT_NE(service_->Load(Layout(), "X Y").error().message().find("X Y"), std::string::npos);
}

// What an image's configuration says is in its record: a start reads no JSON of strangers.
TEST_F(LoadImage, AStartReadsNoDocumentAndAnOlderRecordLearnsOnceWhatItsOwnSays) {
  MakeLayout({MakeLayer("echo a >a")});
  const std::string id = service_->Load(Layout(), "team/app:v1").value();
  const ImageConfig said = service_->Find("team/app:v1")->config;
  ASSERT_FALSE(said.env.empty() && said.command.empty() && said.entrypoint.empty());
  service_.reset();
  const auto found = [&](const std::string& programs) -> std::optional<Image> {
    ImageServiceImpl::Options options;
    options.paths = {dir_.path() + "/state", dir_.path() + "/config"};
    options.program_dir = programs;
    auto service = ImageServiceImpl::Open(options);
    return service.ok() ? (*service)->Find("team/app:v1") : std::nullopt;
  };
  const std::string nowhere = dir_.path() + "/none";
  const auto expect_said = [&](const std::optional<Image>& image) {
    ASSERT_TRUE(image.has_value());
    EXPECT_EQ(image->id, id);
    EXPECT_EQ(image->config.env, said.env);
    EXPECT_EQ(image->config.command, said.command);
  };
  expect_said(found(nowhere));
  const std::string path = dir_.path() + "/state/images/images/" + id.substr(7) + ".rec";
  ImageRecord record;
  ASSERT_TRUE(Decode(os::ReadFile(path).value(), &record).ok());
  ASSERT_TRUE(record.config.has_value());
  record.config.reset();
  ASSERT_TRUE(os::WriteFileAtomic(path, Encode(record), 0600).ok());
  expect_said(found(base::BinDir()));
  expect_said(found(nowhere));
}

}  // namespace
}  // namespace keelson::image
