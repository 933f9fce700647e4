// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/document_codec.h"

#include <gtest/gtest.h>

#include <functional>

#include "runtime/reader/question.h"

namespace keelson::image {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');
constexpr char kConfigType[] = "application/vnd.oci.image.config.v1+json";
constexpr char kLayerType[] = "application/vnd.oci.image.layer.v1.tar+gzip";

Manifest AManifest() { return {{kConfigType, kDigest, 7}, {{kLayerType, kDigest, 8}}}; }
Index AnIndex() {
  return {{{{"application/vnd.oci.image.manifest.v1+json", kDigest, 9},
            {"linux", "amd64", "v1"},
            "team/app:v1"}}};
}
ConfigDocument AConfig() {
  return {
      {{"A=b"}, {"/e"}, {"c", ""}, "/w", "u", "SIGINT", {"/v"}}, {"linux", "arm64", ""}, {kDigest}};
}

TEST(DocumentCodec, AnswersComeBackAsTheyWere) {
  const auto manifest =
      std::get<Manifest>(DecodeDocument(EncodeAnswer(Document(AManifest()))).value());
  EXPECT_EQ(manifest.config.media_type, kConfigType);
  EXPECT_EQ(manifest.config.size, 7u);
  ASSERT_EQ(manifest.layers.size(), 1u);
  EXPECT_EQ(manifest.layers[0].digest, kDigest);
  const auto index = std::get<Index>(DecodeDocument(EncodeAnswer(Document(AnIndex()))).value());
  ASSERT_EQ(index.entries.size(), 1u);
  EXPECT_EQ(index.entries[0].platform.ToString(), "linux/amd64/v1");
  EXPECT_EQ(index.entries[0].ref_name, "team/app:v1");
  const ConfigDocument config = DecodeConfig(EncodeAnswer(AConfig())).value();
  EXPECT_EQ(config.config.env, std::vector<std::string>{"A=b"});
  EXPECT_EQ(config.config.command, (std::vector<std::string>{"c", ""}));
  EXPECT_EQ(config.config.volumes, std::vector<std::string>{"/v"});
  EXPECT_EQ(config.platform.architecture, "arm64");
  EXPECT_EQ(config.diff_ids, std::vector<std::string>{kDigest});
  const auto refused =
      DecodeDocument(EncodeAnswer(base::Result<Document>(base::Unimplemented("two\nlines"))));
  EXPECT_EQ(refused.error().code(), base::Code::kUnimplemented);
  EXPECT_EQ(refused.error().message(), "two?lines");
}

TEST(DocumentCodec, QuestionsComeBackAsTheyWere) {
  using reader::Question;
  const Question question =
      reader::DecodeQuestion(reader::EncodeQuestion(Question::Kind::kImageConfig, "t", "bytes"))
          .value();
  EXPECT_EQ(question.kind, Question::Kind::kImageConfig);
  EXPECT_EQ(question.words, "t");
  EXPECT_EQ(question.bytes, "bytes");
  for (const std::string& bad :
       {std::string(), std::string("\1\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0", 16),
        reader::EncodeQuestion(Question::Kind::kImageConfig, "", "") + "more"})
    EXPECT_FALSE(reader::DecodeQuestion(bad).ok());
}

// What a process says that a document has taken over.
TEST(DocumentCodec, NothingThatParsingWouldNotGiveIsTaken) {
  const struct {
    const char* name;
    std::function<void(Manifest&)> change;
  } manifests[] = {
      {"no digest", [](Manifest& m) { m.config.digest = "../../../etc/passwd"; }},
      {"a layer's digest", [](Manifest& m) { m.layers[0].digest.back() = 'G'; }},
      {"a size", [](Manifest& m) { m.layers[0].size = uint64_t{1} << 60; }},
      {"a kind of configuration", [](Manifest& m) { m.config.media_type = "text/plain"; }},
      {"a kind of layer", [](Manifest& m) { m.layers[0].media_type = kConfigType; }},
      {"many layers", [](Manifest& m) { m.layers.resize(kMaxLayers + 1, m.layers[0]); }},
  };
  for (const auto& c : manifests) {
    SCOPED_TRACE(c.name);
    Manifest manifest = AManifest();
    c.change(manifest);
    EXPECT_EQ(DecodeDocument(EncodeAnswer(Document(manifest))).error().code(),
              base::Code::kInternal);
  }
  const struct {
    const char* name;
    std::function<void(Index&)> change;
  } indexes[] = {
      {"no digest", [](Index& i) { i.entries[0].descriptor.digest = ""; }},
      {"no text", [](Index& i) { i.entries[0].platform.os = "\xff"; }},
      {"NUL", [](Index& i) { i.entries[0].ref_name = std::string("a\0b", 3); }},
      {"many", [](Index& i) { i.entries.resize(kMaxIndexEntries + 1, i.entries[0]); }},
  };
  for (const auto& c : indexes) {
    SCOPED_TRACE(c.name);
    Index index = AnIndex();
    c.change(index);
    EXPECT_FALSE(DecodeDocument(EncodeAnswer(Document(index))).ok());
  }
  const struct {
    const char* name;
    std::function<void(ConfigDocument&)> change;
  } configs[] = {
      {"NUL", [](ConfigDocument& d) { d.config.env[0] = std::string("A=\0", 3); }},
      {"no text", [](ConfigDocument& d) { d.config.command[1] = "\xc3"; }},
      {"the user", [](ConfigDocument& d) { d.config.user = "\xed\xa0\x80"; }},
      {"a volume", [](ConfigDocument& d) { d.config.volumes[0] = std::string(1, '\0'); }},
      {"the platform", [](ConfigDocument& d) { d.platform.variant = "\xfe"; }},
      {"no digest", [](ConfigDocument& d) { d.diff_ids[0] = "sha512:aa"; }},
  };
  for (const auto& c : configs) {
    SCOPED_TRACE(c.name);
    ConfigDocument config = AConfig();
    c.change(config);
    EXPECT_FALSE(DecodeConfig(EncodeAnswer(config)).ok());
  }
}

TEST(DocumentCodec, CutOrLongerAnswersAreNone) {
  const std::string document = EncodeAnswer(Document(AManifest()));
  const std::string config = EncodeAnswer(AConfig());
  for (size_t size = 0; size < document.size(); ++size)
    EXPECT_FALSE(DecodeDocument(document.substr(0, size)).ok()) << size;
  for (size_t size = 0; size < config.size(); ++size)
    EXPECT_FALSE(DecodeConfig(config.substr(0, size)).ok()) << size;
  EXPECT_FALSE(DecodeDocument(document + '\0').ok());
  EXPECT_FALSE(DecodeConfig(config + '\0').ok());
  EXPECT_FALSE(DecodeConfig(document).ok());
  EXPECT_FALSE(DecodeDocument(config).ok());
  const std::string code_zero("\1\0\0\0\0\0\0\0\0\0\0\0\0", 13);
  EXPECT_FALSE(DecodeDocument(code_zero).ok());
}

}  // namespace
}  // namespace keelson::image
