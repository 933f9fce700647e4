// SPDX-License-Identifier: Apache-2.0
// keelson-read as a process: it says of documents what parsing here says, its limits are kept, and
// its end is an error of the one who asked.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "lib/base/testing/places.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/cni/parse_result.h"
#include "runtime/cni/result_codec.h"
#include "runtime/cni/result_reader.h"
#include "runtime/image/document_codec.h"
#include "runtime/image/document_reader.h"
#include "runtime/image/parse_documents.h"
#include "runtime/reader/question.h"

namespace keelson::reader {
namespace {

using ::testing::Test;

class Reading : public Test {
 protected:
  // Asking one that ends before it has read everything.
  static void SetUpTestSuite() { signal(SIGPIPE, SIG_IGN); }
  image::DocumentReader Instead(const std::string& script) {
    const std::string path = dir_.path() + "/keelson-read";
    EXPECT_TRUE(os::WriteFileAtomic(path, "#!/bin/sh\n" + script + "\n", 0755).ok());
    return image::DocumentReader(path);
  }
  const image::DocumentReader reader_{base::BinDir() + "/keelson-read"};
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
        R"({"schemaVersion":2,"x":[)" + Repeated("[],", 100'000) + "[]],\"manifests\":[]}"}) {
    SCOPED_TRACE(text.substr(0, 80));
    for (const char* type : {"", "application/vnd.oci.image.index.v1+json"}) {
      EXPECT_EQ(image::EncodeAnswer(reader_.Read(text, type)),
                image::EncodeAnswer(image::ParseDocument(text, type)));
    }
    EXPECT_EQ(image::EncodeAnswer(reader_.ReadConfig(text)),
              image::EncodeAnswer(image::ParseConfig(text)));
  }
  const std::string large = R"({"config":{"Env":[)" + Repeated("\"\",", 300'000) + "\"\"]}}";
  EXPECT_EQ(reader_.ReadConfig(large).value().config.env.size(), 300'001u);
  EXPECT_EQ(reader_.ReadConfig(std::string(kMaxQuestionBytes, ' ')).error().code(),
            base::Code::kResourceExhausted);
}

TEST_F(Reading, SaysOfPluginsWhatParsingHereSays) {
  const cni::ResultReader plugins(base::BinDir() + "/keelson-read");
  for (const std::string& text :
       {std::string(R"({"cniVersion":"1.0.0","interfaces":[{"name":"veth1"},)"
                    R"({"name":"eth0","sandbox":"/x"}],"ips":[{"address":"10.42.0.5/24",)"
                    R"("interface":1}],"dns":{"x":"\u0000\n"}})"),
        std::string(R"({"code":7,"msg":"no room\nleft","details":"10.0.0.0/30"})"),
        std::string(R"({"supportedVersions":["0.4.0","1.1.0"]})"), std::string(),
        std::string("garbage\n\xff"), Repeated("{\"a\":", 100'000),
        R"({"ips":[)" + Repeated(R"({"address":"10.0.0.1/8"},)", 64) +
            R"({"address":"1.1.1.1"}]})"}) {
    SCOPED_TRACE(text.substr(0, 80));
    EXPECT_EQ(cni::EncodeAnswer(plugins.Added(text, "eth0")),
              cni::EncodeAnswer(cni::ParseAddResult(text, "eth0")));
    EXPECT_EQ(cni::EncodeAnswer(plugins.Versions(text)),
              cni::EncodeAnswer(cni::ParseVersions(text)));
    for (const auto& [out, err] : {std::pair{text, std::string("noise\n")}, {"", text}}) {
      const cni::PluginError said = plugins.Failed(out, err);
      const cni::PluginError parsed = cni::ParsePluginError(out, err);
      EXPECT_EQ(said.text, parsed.text);
      EXPECT_EQ(said.code, parsed.code);
    }
  }
  const cni::ResultReader none(dir_.path() + "/none");
  EXPECT_FALSE(none.Added("{}", "eth0").ok());
  EXPECT_NE(none.Failed("{}", "").text.find("read what it wrote"), std::string::npos);
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
  EXPECT_EQ(image::DocumentReader(dir_.path() + "/none").ReadConfig("{}").error().code(),
            base::Code::kNotFound);
}

}  // namespace
}  // namespace keelson::reader
