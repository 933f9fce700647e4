// SPDX-License-Identifier: Apache-2.0
// What an image or its registry brings: archives that reach out or have no end, documents of two
// meanings, addresses that would like to have credentials.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/os/pipe.h"
#include "runtime/content/digest.h"
#include "runtime/image/testing/fake_registry.h"
#include "runtime/image/testing/pull_fixture.h"

namespace keelson::security_tests {
namespace {

using image::testing::FakeRegistry;
using image::testing::LayerBytes;
using image::testing::Shell;

class ImageCase : public image::testing::PullFixture {
 protected:
  void SetUp() override {
    image::testing::PullFixture::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(os::MakeDirs(Canary() + "/in", 0755).ok());
    ASSERT_TRUE(os::WriteFileAtomic(Canary() + "/file", "untouched", 0600).ok());
    before_ = CanaryState();
  }
  void TearDown() override {
    if (!before_.empty()) {
      EXPECT_EQ(CanaryState(), before_);
    }
  }
  std::string Canary() const { return Dir() + "/canary"; }
  std::string CanaryState() const {
    return Shell("cd " + Canary() + " && find . -printf '%p %M %U:%G %s %l\\n' | sort && cat file");
  }
  void Serve(const std::string& more = "") {
    registry_.emplace(Dir(),
                      "\"layout\":\"" + maker_.Path() + "\"" + (more.empty() ? "" : "," + more));
    options_.plain_http_hosts = {registry_->Address()};
    Open();
  }
  std::string Name() const { return registry_->Address() + "/team/app:v1"; }
  // A layer from a tar that a few lines of Python make: add(NAME, KIND, LINK, DATA, MODE).
  LayerBytes Tar(const std::string& lines) {
    const std::string file = Dir() + "/tar.out";
    Shell(
        "python3 -c \"\nimport "
        "tarfile,io,sys\nt=tarfile.open(fileobj=sys.stdout.buffer,mode='w|')\n"
        "def add(n,k=tarfile.REGTYPE,l='',d=b'',m=0o644):\n "
        "i=tarfile.TarInfo(n);i.type=k;i.linkname=l;i.size=len(d);i.mode=m;"
        "t.addfile(i,io.BytesIO(d))\n"
        "L,H,D=tarfile.SYMTYPE,tarfile.LNKTYPE,tarfile.DIRTYPE\n" +
        lines + "\nt.close()\" >" + file);
    const std::string bytes = os::ReadFile(file, size_t{1} << 30).value();
    return {bytes, content::DigestOf(bytes), "application/vnd.oci.image.layer.v1.tar"};
  }
  std::optional<FakeRegistry> registry_;

 private:
  std::string before_;
};

using Cve_2021_32760 = ImageCase;
TEST_F(Cve_2021_32760, NoEntryChangesWhatLiesOutside) {
  const std::string out = Canary();
  for (const std::string& lines :
       {"add('d',L,'" + out + "')\nadd('d/in',D,m=0o777)",
        "add('d',L,'" + out + "')\nadd('d/made',D,m=0o777)",
        "add('d',L,'" + out + "')\nadd('d/new',d=b'evil')",
        "add('f',L,'" + out + "/file')\nadd('f',H,'f',m=0o777)",
        "add('d',L,'" + out + "')\nadd('h',H,'d/file')\nadd('h',d=b'evil',m=0o777)",
        "add('d',D)\nadd('d',L,'" + out + "')\nadd('d/.wh.file')",
        "add('../../../../.." + out + "/new',d=b'evil')"}) {
    maker_.Make({Tar(lines)});
    Serve();
    (void)Pull(Name());  // refused or taken: what counts is outside
    EXPECT_EQ(CanaryState().find("evil"), std::string::npos) << lines;
  }
}

using Cve_2025_47290 = ImageCase;
TEST_F(Cve_2025_47290, UnpackingHappensInARootOfItsOwn) {
  // The unpacking program waits for the rest of its stream and is looked at meanwhile.
  os::Pipe in = std::move(os::CreatePipe()).value(), report = std::move(os::CreatePipe()).value();
  const std::string layer = NewDir("jailed");
  const os::UniqueFd directory = std::move(os::Open(layer, O_RDONLY | O_DIRECTORY)).value();
  os::SpawnOptions options;
  options.argv = {base::BinDir() + "/keelson-unpack", "1000000", "1000", "64"};
  options.fds = {{in.read_end.get(), 0}, {report.write_end.get(), 3}, {directory.get(), 4}};
  os::ChildProcess child = std::move(os::ChildProcess::Spawn(options)).value();
  const std::string process = "/proc/" + std::to_string(child.pid());
  // It reads once it is jailed: a header half-way makes it wait there.
  ASSERT_TRUE(os::WriteAll(in.write_end.get(), std::string(100, 'x')).ok());
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  int waiting = 1;
  while (waiting != 0 && std::chrono::steady_clock::now() < end) {
    ASSERT_EQ(ioctl(in.read_end.get(), FIONREAD, &waiting), 0);
    (void)poll(nullptr, 0, 10);
  }
  struct stat root{}, own{};
  ASSERT_EQ(stat((process + "/root").c_str(), &root), 0);
  ASSERT_EQ(stat(layer.c_str(), &own), 0);
  EXPECT_EQ(root.st_ino, own.st_ino) << "its root is the layer's folder";
  const std::string status = os::ReadFile(process + "/status").value();
  for (const char* line : {"\nSeccomp:\t2", "\nNoNewPrivs:\t1"})
    EXPECT_NE(status.find(line), std::string::npos) << status;
  EXPECT_EQ(Shell("wc -l <" + process + "/mountinfo"), "1\n");
  EXPECT_TRUE(child.Signal(SIGKILL).ok());
  (void)child.Wait();
}

using Cve_2021_20291 = ImageCase;
TEST_F(Cve_2021_20291, NoOtherProgramUnpacks) {
  // Programs of those names come first in PATH, and one of them in the layer itself.
  const std::string traps = NewDir("traps");
  for (const char* name : {"xz", "gzip", "gunzip", "unpigz", "pigz", "zstd", "tar"}) {
    ASSERT_TRUE(os::WriteFileAtomic(traps + "/" + name,
                                    "#!/bin/sh\necho evil >" + Canary() + "/file\n", 0755)
                    .ok());
  }
  const std::string layer =
      "mkdir -p usr/bin; cp " + traps + "/* usr/bin; head -c 9000 /dev/urandom >r";
  const LayerBytes gzip = maker_.MakeLayer(layer), zstd = maker_.MakeLayer(layer, "zstd -q");
  LayerBytes xz = maker_.MakeLayer(layer, "xz");
  const std::string before = std::getenv("PATH");
  ASSERT_EQ(setenv("PATH", (traps + ":" + before).c_str(), 1), 0);
  maker_.Make({gzip, zstd});
  Serve();
  EXPECT_TRUE(Pull(Name()).ok());
  maker_.Make({gzip, xz});
  Serve();
  const auto pulled = Pull(Name());
  EXPECT_FALSE(pulled.ok()) << "an xz stream is no layer";
  ASSERT_EQ(setenv("PATH", before.c_str(), 1), 0);
}

using Ghsa_rp3h_jf77_q9p4 = ImageCase;
TEST_F(Ghsa_rp3h_jf77_q9p4, ALayerThatIsLargeInsideEndsByItsBudget) {
  struct Case {
    const char* lines;
    bool taken;
  };
  for (const Case& one : {Case{"add('/'.join(['d']*1500)+'/f')", false},
                          Case{"for i in range(400): add('d/%d/.wh.%d'%(i%7,i))", true},
                          Case{"for i in range(400): add('d/%d/.wh..wh..opq'%i)", true},
                          Case{"for i in range(40): add('n%d'%i+'x'*3000)", false},
                          Case{"for i in range(400): add('same',d=b'x')", true}}) {
    maker_.Make({Tar(one.lines)});
    Serve();
    EXPECT_EQ(Pull(Name()).ok(), one.taken) << one.lines;
  }
}

using Cve_2021_41190 = ImageCase;
TEST_F(Cve_2021_41190, ADocumentOfTwoMeaningsIsNone) {
  maker_.Make({maker_.MakeLayer("echo hello >hello")});
  Serve();
  ASSERT_TRUE(Pull(Name()).ok());
  ASSERT_TRUE(service_->Remove(Name()).ok());
  const std::string manifest = os::ReadFile(maker_.BlobPath(maker_.manifest_digest())).value();
  const std::string list =
      R"("manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:)" +
      std::string(64, 'b') + R"(","size":7}])";
  const std::string index_type = "application/vnd.oci.image.index.v1+json";
  const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
  std::string other_type = manifest;
  other_type.replace(other_type.find(manifest_type), manifest_type.size(), index_type);
  for (const std::string& spoilt : {"{" + list + "," + manifest.substr(1), other_type}) {
    const std::string digest = maker_.AddBlob(spoilt);
    maker_.WriteIndex(R"({"schemaVersion":2,"manifests":[)" +
                      image::testing::LayoutMaker::Describe(manifest_type, digest, spoilt.size()) +
                      "]}");
    Serve("\"manifest_type\":\"" + manifest_type + "\"");
    EXPECT_FALSE(Pull(Name()).ok()) << spoilt;
  }
}

using Cve_2020_15157 = ImageCase;
TEST_F(Cve_2020_15157, CredentialsGoToTheRegistryAlone) {
  maker_.Make({maker_.MakeLayer("head -c 9000 /dev/urandom >r")});
  // Where the registry sends us, and where the manifest would like to.
  const std::string elsewhere = NewDir("elsewhere");
  const FakeRegistry other(elsewhere, "\"layout\":\"" + maker_.Path() + "\"");
  const std::string manifest = os::ReadFile(maker_.BlobPath(maker_.manifest_digest())).value();
  std::string foreign = manifest;
  const size_t layers = foreign.find(R"("layers":[{)") + 11;
  foreign.insert(layers, R"("urls":["http://)" + other.Address() + R"(/foreign"],)");
  const std::string digest = maker_.AddBlob(foreign);
  maker_.WriteIndex(R"({"schemaVersion":2,"manifests":[)" +
                    image::testing::LayoutMaker::Describe(
                        "application/vnd.oci.image.manifest.v1+json", digest, foreign.size()) +
                    "]}");
  Serve("\"auth\":\"basic\",\"user\":\"me\",\"password\":\"secret\",\"redirect\":\"http://" +
        other.Address() + "\"");
  options_.plain_http_hosts.push_back(other.Address());
  Open();
  fetch::Credentials credentials;
  credentials.username = "me";
  credentials.password = "secret";
  const auto pulled = Pull(Name(), credentials);
  EXPECT_TRUE(pulled.ok()) << pulled.error().message();
  EXPECT_GE(registry_->Count("auth=Basic"), 1u);
  EXPECT_GE(other.Count("GET /elsewhere/"), 1u) << "it was sent there";
  EXPECT_EQ(other.Count("auth=Basic"), 0u) << other.Log();
  EXPECT_EQ(other.Count("/foreign"), 0u) << other.Log();
}

using Cve_2026_53488 = ImageCase;
TEST_F(Cve_2026_53488, LabelsOfAnImageAreNoOrders) {
  maker_.Make({maker_.MakeLayer("echo hello >hello")});
  const std::string config = os::ReadFile(maker_.BlobPath(maker_.config_digest())).value();
  const auto taken = [&](const std::string& text) {
    const std::string config_digest = maker_.AddBlob(text);
    std::string manifest = os::ReadFile(maker_.BlobPath(maker_.manifest_digest())).value();
    const std::string old =
        "\"digest\":\"" + maker_.config_digest() + "\",\"size\":" + std::to_string(config.size());
    const size_t at = manifest.find(old);
    EXPECT_NE(at, std::string::npos) << manifest;
    manifest.replace(
        at, old.size(),
        "\"digest\":\"" + config_digest + "\",\"size\":" + std::to_string(text.size()));
    const std::string digest = maker_.AddBlob(manifest);
    maker_.WriteIndex(R"({"schemaVersion":2,"manifests":[)" +
                      image::testing::LayoutMaker::Describe(
                          "application/vnd.oci.image.manifest.v1+json", digest, manifest.size()) +
                      "]}");
    Serve();
    const auto pulled = Pull(Name());
    EXPECT_TRUE(pulled.ok()) << pulled.error().message();
    return service_->Find(Name());
  };
  const auto plain = taken(config);
  std::string labelled = config;
  const size_t at = labelled.find(R"("config":{)") + 10;
  labelled.insert(at, R"("Labels":{"containerd.io/gc.root":"x","nri.io/plugin":"/bin/sh","User":"0",
"io.containerd.image.mark":"../../etc"},"OnBuild":["RUN x"],"Healthcheck":{"Test":["CMD","evil"]},)");
  const auto spoilt = taken(labelled);
  ASSERT_TRUE(plain && spoilt);
  EXPECT_EQ(spoilt->config.user, plain->config.user);
  EXPECT_EQ(spoilt->config.env, plain->config.env);
  EXPECT_EQ(spoilt->config.command, plain->config.command);
  EXPECT_EQ(spoilt->config.entrypoint, plain->config.entrypoint);
  EXPECT_EQ(spoilt->layer_dirs, plain->layer_dirs);
}

}  // namespace
}  // namespace keelson::security_tests
