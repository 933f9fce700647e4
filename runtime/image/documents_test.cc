// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/documents.h"

#include <gtest/gtest.h>

#include "runtime/image/parse_documents.h"

namespace keelson::image {
namespace {

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

std::string Descriptor(const std::string& type, const std::string& digest,
                       const std::string& more = "") {
  return R"({"mediaType":")" + type + R"(","digest":")" + digest + R"(","size":7)" + more + "}";
}
const std::string kConfig = Descriptor("application/vnd.oci.image.config.v1+json", kA);
const std::string kLayer = Descriptor("application/vnd.oci.image.layer.v1.tar+zstd", kB);
const std::string kManifest =
    R"({"schemaVersion":2,"config":)" + kConfig + R"(,"layers":[)" + kLayer + "]}";

std::string Entry(const std::string& platform, const std::string& digest) {
  return Descriptor("application/vnd.oci.image.manifest.v1+json", digest,
                    R"(,"platform":)" + platform);
}

TEST(ImageDocuments, ReadsAManifest) {
  const Document document =
      ParseDocument(kManifest, "application/vnd.oci.image.manifest.v1+json; charset=utf-8").value();
  const Manifest& manifest = std::get<Manifest>(document);
  EXPECT_EQ(manifest.config.digest, kA);
  ASSERT_EQ(manifest.layers.size(), 1u);
  EXPECT_EQ(manifest.layers[0].digest, kB);
  EXPECT_EQ(manifest.layers[0].size, 7u);
}

TEST(ImageDocuments, RefusesWhatCouldBeReadInTwoWaysOrNotAtAll) {
  struct Case {
    std::string name, text, type, word;
  };
  const std::string manifests = R"("manifests":[])";
  const Case cases[] = {
      {"both", R"({"schemaVersion":2,"layers":[],"manifests":[]})", "", "two ways"},
      {"config and manifests", R"({"schemaVersion":2,"config":{},"manifests":[]})", "", "two ways"},
      {"neither", R"({"schemaVersion":2})", "", "neither"},
      {"own type differs",
       R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":{},"layers":[]})",
       "", "says"},
      {"header differs", kManifest, "application/vnd.oci.image.index.v1+json", "says"},
      {"header differs the other way", "{\"schemaVersion\":2," + manifests + "}",
       "application/vnd.docker.distribution.manifest.v2+json", "says"},
      {"schema 1 by version", R"({"schemaVersion":1,"fsLayers":[]})", "", "schema 1"},
      {"schema 1 by type", "{}", "application/vnd.docker.distribution.manifest.v1+prettyjws",
       "schema 1"},
      {"not JSON", "<html>", "", "JSON"},
      {"a list", "[]", "", "object"},
      {"artifact",
       R"({"schemaVersion":2,"config":)" + Descriptor("application/vnd.oci.empty.v1+json", kA) +
           R"(,"layers":[]})",
       "", "artifact"},
      {"encrypted layer",
       R"({"schemaVersion":2,"config":)" + kConfig + R"(,"layers":[)" +
           Descriptor("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", kB) + "]}",
       "", "not supported"},
      {"bad digest",
       R"({"schemaVersion":2,"config":)" +
           Descriptor("application/vnd.oci.image.config.v1+json", "sha256:../../x") +
           R"(,"layers":[]})",
       "", "digest"},
      {"negative size",
       R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
           kA + R"(","size":-1},"layers":[]})",
       "", "number"},
      {"layers no list", R"({"schemaVersion":2,"config":)" + kConfig + R"(,"layers":{}})", "",
       "list"},
      {"no config", R"({"schemaVersion":2,"layers":[]})", "", "configuration"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto document = ParseDocument(c.text, c.type);
    ASSERT_FALSE(document.ok());
    EXPECT_NE(document.error().message().find(c.word), std::string::npos)
        << document.error().message();
  }
  EXPECT_EQ(ParseDocument(std::string(kMaxDocumentBytes + 1, ' '), "").error().code(),
            base::Code::kResourceExhausted);
  EXPECT_FALSE(ParseDocument(std::string(100000, '['), "").ok());
}

TEST(ImageDocuments, ChoosesTheEntryOfThisPlatform) {
  const auto choose = [](const std::string& entries, const Platform& wanted) {
    const Document document =
        ParseDocument("{\"schemaVersion\":2,\"manifests\":[" + entries + "]}", "").value();
    return ChoosePlatform(std::get<Index>(document), wanted);
  };
  const Platform amd64{"linux", "amd64", ""};
  const std::string arm = Entry(R"({"os":"linux","architecture":"arm64","variant":"v8"})", kA);
  const std::string plain = Entry(R"({"os":"linux","architecture":"amd64"})", kB);
  const std::string newer = Entry(R"({"os":"linux","architecture":"amd64","variant":"v3"})", kA);
  const std::string windows = Entry(R"({"os":"windows","architecture":"amd64"})", kA);
  const std::string attestation = Entry(R"({"os":"unknown","architecture":"unknown"})", kA);
  EXPECT_EQ(
      choose(arm + "," + windows + "," + newer + "," + attestation + "," + plain, amd64)->digest,
      kB);
  EXPECT_EQ(choose(arm, {"linux", "arm64", ""})->digest, kA);
  const auto none = choose(arm + "," + windows, amd64);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().message(),
            "the image is not made for linux/amd64; it is for linux/arm64/v8, windows/amd64");
  EXPECT_FALSE(choose(newer, amd64).ok());
  EXPECT_EQ(choose(Descriptor("application/vnd.oci.image.manifest.v1+json", kB), amd64)->digest,
            kB);
  EXPECT_FALSE(choose("", amd64).ok());
}

TEST(ImageDocuments, ReadsAConfiguration) {
  const auto config = ParseConfig(
      R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[")" + kA +
      R"("]},
    "config":{"Env":["A=b"],"Entrypoint":["/x"],"Cmd":null,"WorkingDir":"/w","User":"7:8","StopSignal":"SIGQUIT","Volumes":{"/v":{}}}})");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->config.env, std::vector<std::string>{"A=b"});
  EXPECT_EQ(config->config.entrypoint, std::vector<std::string>{"/x"});
  EXPECT_TRUE(config->config.command.empty());
  EXPECT_EQ(config->config.user, "7:8");
  EXPECT_EQ(config->config.volumes, std::vector<std::string>{"/v"});
  EXPECT_EQ(config->diff_ids, std::vector<std::string>{kA});
  EXPECT_FALSE(ParseConfig(R"({"config":{"Env":"A=b"}})").ok());
  EXPECT_FALSE(ParseConfig(R"({"config":{"Cmd":["a\u0000b"]}})").ok());
  EXPECT_FALSE(ParseConfig(R"({"rootfs":{"diff_ids":["x"]}})").ok());
}

}  // namespace
}  // namespace keelson::image
