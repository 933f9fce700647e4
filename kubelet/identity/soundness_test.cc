// SPDX-License-Identifier: Apache-2.0
#include "kubelet/identity/soundness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/identity/self_signed.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/temp_dir.h"

namespace keelson::identity {
namespace {

using ::testing::HasSubstr;

// An authority and a client of it, as openssl makes them.
class Soundness : public testing::Test {
 protected:
  void SetUp() override {
    const std::string script =
        "exec 2>&1; set -e; cd \"$1\"; for a in ca other; do openssl req -x509 -newkey ec -pkeyopt "
        "ec_paramgen_curve:P-256 -nodes -keyout $a.key -out $a.crt -subj /CN=kubernetes -days 2; "
        "done; openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key "
        "-subj /CN=node -out own.csr; printf 'authorityKeyIdentifier=keyid\\n' >ext; openssl x509 "
        "-req -in own.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 -extfile ext -out "
        "own.crt";
    const auto made = os::RunCommand(
        {.argv = {"sh", "-c", script, "sh", dir_.path()}, .env = {"PATH=/usr/bin:/bin"}}, "",
        std::chrono::minutes(2));
    ASSERT_TRUE(made.ok() && made->status.code() == 0) << (made.ok() ? made->out : "");
    certificate_ = Text("own.crt");
    key_ = Text("own.key");
    authority_ = Text("ca.crt");
  }
  std::string Text(const std::string& name) const {
    return os::ReadFile(dir_.path() + "/" + name).value();
  }
  std::string Why(const std::string& certificate, const std::string& key,
                  const std::string& authorities) const {
    const base::Status status = CheckClient(certificate, key, authorities);
    return status.ok() ? "" : status.error().message();
  }

  const os::TempDir dir_ = os::TempDir::Create("keelson-soundness").value();
  std::string certificate_, key_, authority_;
};

TEST_F(Soundness, SaysWhatIsWrongWithWhat) {
  EXPECT_EQ(Why(certificate_, key_, authority_), "");
  EXPECT_EQ(Why(certificate_ + key_, certificate_ + key_, ""), "");
  EXPECT_THAT(Why("", key_, authority_), HasSubstr("certificate cannot be read"));
  EXPECT_THAT(Why(certificate_.substr(0, 300), key_, authority_), HasSubstr("cannot be read"));
  EXPECT_THAT(Why(certificate_, key_.substr(0, 60), authority_), HasSubstr("client key"));
  EXPECT_THAT(Why(certificate_, Text("ca.key"), authority_), HasSubstr("client key"));
  EXPECT_THAT(Why(certificate_, key_, "garbage"), HasSubstr("authority's"));
}

TEST_F(Soundness, AnotherAuthorityOfTheSameNameIsNoDamage) {
  EXPECT_EQ(Why(certificate_, key_, Text("other.crt")), "");
  EXPECT_EQ(Why(certificate_, key_, Text("other.crt") + authority_), "");
}

// All but what makes it another authority's: the issuer's name and key identifier.
TEST_F(Soundness, NearlyEveryCharacterOfACertificateCounts) {
  const size_t begin = certificate_.find('\n') + 1, end = certificate_.find("\n-----END");
  size_t unseen = 0;
  for (size_t at = begin; at < end; ++at) {
    if (certificate_[at] == '\n') continue;
    std::string spoilt = certificate_;
    spoilt[at] = spoilt[at] == 'A' ? 'B' : 'A';
    unseen += Why(spoilt, key_, authority_).empty() ? 1 : 0;
  }
  EXPECT_LT(unseen, (end - begin) / 4);
}

}  // namespace
}  // namespace keelson::identity
