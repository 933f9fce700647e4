// SPDX-License-Identifier: Apache-2.0
// What a registry may send that it should not, and what may go wrong on the way: each ends in one
// sentence that names the image, the registry and the digest, and leaves nothing behind.
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include <optional>
#include <thread>

#include "lib/base/strings.h"
#include "runtime/content/digest.h"
#include "runtime/image/testing/fake_registry.h"
#include "runtime/image/testing/pull_fixture.h"

namespace keelson::image {
namespace {

using testing::FakeRegistry;
using testing::LayerBytes;
using testing::Shell;

constexpr char kPlainTar[] = "application/vnd.oci.image.layer.v1.tar";
constexpr char kGzipTar[] = "application/vnd.oci.image.layer.v1.tar+gzip";

class BadInput : public testing::PullFixture {
 protected:
  void Start(const std::string& more = "") {
    registry_.emplace(Dir(),
                      "\"layout\":\"" + maker_.Path() + "\"" + (more.empty() ? "" : "," + more));
    options_.plain_http_hosts = {registry_->Address()};
    Open();
  }
  std::string Name() const { return registry_->Address() + "/team/app:v1"; }
  LayerBytes RandomLayer() { return maker_.MakeLayer("head -c 300000 /dev/urandom >r"); }
  // A layer of whatever the script writes to standard output.
  LayerBytes Raw(const std::string& script, const std::string& type) {
    Shell("cd " + NewDir("raw") + " && (" + script + ") >" + Dir() + "/raw.out");
    const std::string bytes = os::ReadFile(Dir() + "/raw.out").value();
    return {bytes, content::DigestOf(bytes), type};
  }
  std::string RegistryName() const { return "http://" + registry_->Address() + "/v2"; }

  std::optional<FakeRegistry> registry_;
};

TEST_F(BadInput, OtherBytesThanTheDigestSays) {
  const LayerBytes layer = RandomLayer();
  maker_.Make({layer});
  const std::string digest = content::DigestOf(layer.compressed);
  Start("\"flip\":150000");
  ExpectRefused(Name(), {Name(), RegistryName(), "digest mismatch", digest, "layer 1 of 1"});
  EXPECT_EQ(Pull(Name()).error().code(), base::Code::kDataLoss);
  Start("\"shorten\":1000");
  ExpectRefused(Name(),
                {Name(), digest, "the manifest says " + std::to_string(layer.compressed.size())});
  Start("\"endless\":true");
  ExpectRefused(Name(), {Name(), digest, "sends more than"});
}

TEST_F(BadInput, AnotherManifestThanTheDigestSays) {
  maker_.Make({RandomLayer()});
  Start("\"manifest_suffix\":\" \"");
  const std::string name = registry_->Address() + "/team/app@" + maker_.manifest_digest();
  ExpectRefused(name, {registry_->Address(), "digest mismatch", maker_.manifest_digest()});
}

TEST_F(BadInput, AConfigurationThatIsNotWhatTheManifestSays) {
  maker_.Make({RandomLayer()});
  ASSERT_TRUE(
      os::WriteFileAtomic(maker_.BlobPath(maker_.config_digest()), R"({"os":"linux"})", 0600).ok());
  Start();
  ExpectRefused(Name(), {Name(), maker_.config_digest()});
}

TEST_F(BadInput, LayersThatReachOutOfTheRoot) {
  struct Case {
    std::string name, python, word;
  };
  const std::string begin =
      "python3 -c \"\nimport tarfile,io,sys\nt=tarfile.open(fileobj=sys.stdout.buffer,mode='w|')\n"
      "def add(n,k=tarfile.REGTYPE,l='',d=b''):\n "
      "i=tarfile.TarInfo(n);i.type=k;i.linkname=l;i.size=len(d);t.addfile(i,io.BytesIO(d))\n";
  const std::string canary = Dir() + "/canary";
  ASSERT_TRUE(os::WriteFileAtomic(canary, "untouched", 0644).ok());
  for (const Case& c :
       {Case{"dot dot", "add('../../../../canary',d=b'evil')", "reaches out"},
        Case{"hard link outward", "add('l',tarfile.LNKTYPE,'../../../../canary')", "reaches out"},
        Case{"write through a symlink",
             "add('d',tarfile.SYMTYPE,'" + Dir() + "')\nadd('d/canary',d=b'evil')", "symlink"},
        Case{"write through a relative symlink",
             "add('d',tarfile.SYMTYPE,'../../../..')\nadd('d/canary',d=b'evil')", "symlink"}}) {
    SCOPED_TRACE(c.name);
    maker_.Make({RandomLayer(), Raw(begin + c.python + "\nt.close()\"", kPlainTar)});
    Start();
    ExpectRefused(Name(), {Name(), c.word, "layer 2 of 2"});
    EXPECT_EQ(os::ReadFile(canary).value(), "untouched");
  }
}

TEST_F(BadInput, TruncatedAndEndlessStreams) {
  const LayerBytes good = RandomLayer();
  maker_.Make({{good.compressed.substr(0, 200000), good.diff_id, kGzipTar}});
  Start();
  ExpectRefused(Name(), {Name(), "truncated", "layer 1 of 1"});
  // 3 GB of zeros in 3 MB: a file in a tar, for ever.
  options_.max_layer_bytes = 200 << 20;
  maker_.Make({Raw(
      "python3 -c \"import "
      "tarfile,sys;i=tarfile.TarInfo('z');i.size=1<<40;sys.stdout.buffer.write(i.tobuf())\" >h && "
      "(cat h && head -c 500000000 /dev/zero) | gzip -1",
      kGzipTar)});
  Start();
  ExpectRefused(Name(), {Name(), "budget", "layer 1 of 1"});
  maker_.Make({Raw("head -c 100000 /dev/urandom", kGzipTar)});
  Start();
  ExpectRefused(Name(), {Name(), "layer 1 of 1"});
}

TEST_F(BadInput, WhatCameWholeIsKeptForAnotherTryOnlyWhileTheRegistryIsAway) {
  maker_.Make({RandomLayer(), RandomLayer()});
  options_.no_progress_timeout = std::chrono::seconds(5);
  Start("\"stall\":[false,true]");
  EXPECT_EQ(Pull(Name()).error().code(), base::Code::kDeadlineExceeded);
  EXPECT_EQ(os::ListDir(options_.paths.state + "/layers/sha256")->size(), 1u);
  ExpectRefused(registry_->Address() + "/another:v1@sha256:" + std::string(64, 'a'), {"404"});
}

TEST_F(BadInput, DocumentsThatAreNone) {
  maker_.Make({RandomLayer()});
  struct Case {
    std::string options, word;
  };
  for (const Case& c :
       {Case{"\"manifest_type\":\"application/vnd.docker.distribution.manifest.v1+prettyjws\"",
             "schema 1"},
        Case{"\"manifest_type\":\"application/vnd.oci.image.index.v1+json\"",
             "of type application/vnd.oci.image.index"},
        Case{"\"manifest_suffix\":\"rubbish\"", "JSON"}}) {
    SCOPED_TRACE(c.options);
    Start(c.options);
    ExpectRefused(Name(), {Name(), c.word});
  }
}

TEST_F(BadInput, RedirectsThatLeadNowhere) {
  maker_.Make({RandomLayer()});
  Start("\"redirect\":\"file:///etc\"");
  ExpectRefused(Name(), {Name(), "redirect"});
  Start("\"redirect\":\"http://127.0.0.1:1\"");
  ExpectRefused(Name(), {Name(), "127.0.0.1:1"});
}

TEST_F(BadInput, PullImage_FromARegistryThatFallsSilentEnds) {
  maker_.Make({RandomLayer()});
  options_.no_progress_timeout = std::chrono::seconds(5);
  Start("\"stall\":true");
  ExpectRefused(Name(), {Name(), "nothing received for 5 s", "layer 1 of 1"});
  EXPECT_EQ(Pull(Name()).error().code(), base::Code::kDeadlineExceeded);
}

TEST_F(BadInput, PullImage_ThatNobodyWaitsForAnyMoreEnds) {
  maker_.Make({RandomLayer()});
  Start("\"stall\":true");
  std::stop_source stop;
  std::jthread puller([&] {
    EXPECT_EQ(service_->Pull(Name(), {}, stop.get_token()).error().code(), base::Code::kCancelled);
  });
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (registry_->Count("GET /v2/team/app/blobs") < 2 && std::chrono::steady_clock::now() < end)
    (void)poll(nullptr, 0, 5);
  stop.request_stop();
  puller.join();
  service_.reset();  // waits for what is under way
  Open();
  ExpectNothingLeft();
}

// A process of ours of that name, once there is one.
std::optional<pid_t> ChildNamed(const std::string& name) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  const std::string parent = "\nPPid:\t" + std::to_string(getpid()) + "\n";
  while (std::chrono::steady_clock::now() < end) {
    for (const os::DirEntry& entry : os::ListDir("/proc").ValueOr({})) {
      const auto pid = base::ParseUint64(entry.name);
      if (!pid) continue;
      const std::string status = os::ReadFile("/proc/" + entry.name + "/status").ValueOr("");
      if (status.starts_with("Name:\t" + name + "\n") && status.find(parent) != std::string::npos)
        return static_cast<pid_t>(*pid);
    }
    (void)poll(nullptr, 0, 5);
  }
  return std::nullopt;
}

TEST_F(BadInput, WhicheverProcessOfAPullIsKilledNothingIsLeftAndTheNextOneGoesThrough) {
  maker_.Make({RandomLayer()});
  // Whoever feeds a process that is gone sees it with the next byte, or when none comes.
  options_.no_progress_timeout = std::chrono::seconds(5);
  for (const std::string name : {"keelson-fetch", "keelson-unpack"}) {
    SCOPED_TRACE(name);
    Start("\"stall\":true");
    base::Result<std::string> pulled = std::string();
    std::jthread puller([&] { pulled = Pull(Name()); });
    const std::optional<pid_t> child = ChildNamed(name);
    ASSERT_TRUE(child);
    ASSERT_EQ(kill(*child, SIGKILL), 0);
    puller.join();
    ASSERT_FALSE(pulled.ok());
    EXPECT_NE(pulled.error().message().find(Name()), std::string::npos) << pulled.error().message();
    ExpectNothingLeft();
    Start();
    const auto again = Pull(Name());
    ASSERT_TRUE(again.ok()) << again.error().message();
    EXPECT_NE(ReadInImage(Name(), "/r"), "no file");
    ASSERT_TRUE(service_->Remove(Name()).ok());
  }
}

TEST_F(BadInput, ConfigurationFilesWithMistakes) {
  maker_.Make({RandomLayer()});
  Start();
  WriteHosts("_default", "[host.\"http://x\"\n");
  ExpectRefused(Name(), {Name(), Dir() + "/config/registries/_default/hosts.toml", "line 1"});
  ASSERT_TRUE(os::RemoveTree(Dir() + "/config").ok());
  ASSERT_TRUE(os::WriteFileAtomic(options_.docker_config, "{\"auths\":", 0600).ok());
  ExpectRefused(Name(), {Name(), options_.docker_config});
}

TEST_F(BadInput, AFullDisk) {
  maker_.Make({RandomLayer(), maker_.MakeLayer("seq 1 1500000 >large")});
  // Mounts of this test are seen by nobody else and go with the process.
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(mount("none", NewDir("state").c_str(), "tmpfs", 0, "size=8m,mode=0700"), 0);
  Start();
  ExpectRefused(Name(), {Name(), "No space left on device", "layer 2 of 2"});
  EXPECT_EQ(Pull(Name()).error().code(), base::Code::kResourceExhausted);
  // With room it goes.
  ASSERT_EQ(mount("none", (Dir() + "/state").c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  EXPECT_TRUE(Pull(Name()).ok());
  service_.reset();
  EXPECT_EQ(umount2((Dir() + "/state").c_str(), MNT_DETACH), 0);
}

TEST_F(BadInput, HelpersThatAreNotInstalled) {
  maker_.Make({RandomLayer()});
  options_.program_dir = NewDir("empty");
  Start();
  ExpectRefused(Name(), {Name(), "keelson-fetch"});
}

}  // namespace
}  // namespace keelson::image
