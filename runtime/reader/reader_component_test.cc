// SPDX-License-Identifier: Apache-2.0
// keelson-read as a process: it says of documents what parsing here says, its limits are kept, and
// its end is an error of the one who asked.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/image/document_codec.h"
#include "runtime/image/parse_documents.h"
#include "runtime/reader/client.h"

namespace keelson::reader {
namespace {

using ::testing::Test;

class Reading : public Test {
 protected:
  // Asking one that ends before it has read everything.
  static void SetUpTestSuite() { signal(SIGPIPE, SIG_IGN); }
  DocumentReader Instead(const std::string& script) {
    const std::string path = dir_.path() + "/keelson-read";
    EXPECT_TRUE(os::WriteFileAtomic(path, "#!/bin/sh\n" + script + "\n", 0755).ok());
    return DocumentReader(path);
  }
  const DocumentReader reader_{base::BinDir() + "/keelson-read"};
  os::TempDir dir_ = os::TempDir::Create("keelson-read").value();
};

std::string Repeated(const std::string& text, size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST_F(Reading, SaysWhatParsingHereSays) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::string config =
      R"({"mediaType":"application/vnd.oci.image.config.v1+json","size":7,"digest":")" + digest +
      "\"}";
  const std::string deep = Repeated("[", 100'000);
  for (const std::string& text :
       {R"({"schemaVersion":2,"layers":[],"config":)" + config + "}",
        R"({"schemaVersion":2,"layers":[],"manifests":[],"config":)" + config + "}",
        R"({"schemaVersion":2,"manifests":[]})" + std::string(), std::string(), std::string("{"),
        std::string(R"({"schemaVersion":1})"), std::string(R"({"mediaType":7})"), deep,
        std::string(image::kMaxDocumentBytes + 1, ' '),
        R"({"schemaVersion":2,"x":[)" + Repeated("[],", 400'000) + "[]],\"manifests\":[]}"}) {
    SCOPED_TRACE(text.substr(0, 80));
    for (const char* type : {"", "application/vnd.oci.image.index.v1+json"}) {
      EXPECT_EQ(image::EncodeAnswer(reader_.Read(text, type)),
                image::EncodeAnswer(image::ParseDocument(text, type)));
    }
    EXPECT_EQ(image::EncodeAnswer(reader_.ReadConfig(text)),
              image::EncodeAnswer(image::ParseConfig(text)));
  }
  const std::string large = R"({"config":{"Env":[)" + Repeated("\"\",", 1'300'000) + "\"\"]}}";
  EXPECT_EQ(reader_.ReadConfig(large).value().config.env.size(), 1'300'001u);
  EXPECT_EQ(reader_.ReadConfig(std::string(image::kMaxQuestionBytes, ' ')).error().code(),
            base::Code::kResourceExhausted);
}

TEST_F(Reading, ItsEndIsAnErrorOfTheOneWhoAsked) {
  const std::string large(1 << 20, ' ');  // more than a pipe holds
  const struct {
    const char *script, *words;
  } cases[] = {{"kill -SEGV $$", "was ended by signal 11"},
               {"exit 3", "ended with code 3"},
               {"exit 0", "malformed answer"},
               {"cat >/dev/null; printf nonsense", "malformed answer"},
               {"exec 0<&-; head -c 40000000 /dev/zero", "wrote more than"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.script);
    const auto read = Instead(c.script).Read(large, "");
    ASSERT_FALSE(read.ok());
    EXPECT_NE(read.error().message().find(c.words), std::string::npos) << read.error().message();
  }
  EXPECT_EQ(DocumentReader(dir_.path() + "/none").ReadConfig("{}").error().code(),
            base::Code::kNotFound);
}

}  // namespace
}  // namespace keelson::reader
