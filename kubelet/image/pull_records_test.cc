// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/pull_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/fake_clock.h"
#include "lib/os/files.h"
#include "lib/os/temp_dir.h"

namespace keelson::image_gc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr char kImage[] = "r.example/app:1", kRef[] = "sha256:ab";

Credential Secret(const std::string& name) {
  return {.auth = {}, .of = Credential::Of::kSecret, .source = {"team", name, "u", "h-" + name}};
}

class PullRecordsTest : public testing::Test {
 protected:
  void SetUp() override { Restart(); }
  void Restart(const std::string& policy = "NeverVerifyPreloadedImages") {
    auto opened = PullRecords::Open(dir_.path() + "/image_manager",
                                    ParseVerification(policy, {}).value(), clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    records_ = std::move(opened).value();
  }
  bool MustPull(const std::vector<Credential>& own = {}, const std::string& image = kImage,
                const std::string& ref = kRef) {
    return records_->MustPull(image, ref, [&] { return own; }).value();
  }
  void Pull(const Credential& by, const std::string& image = kImage,
            const std::string& ref = kRef) {
    ASSERT_TRUE(records_->Begin(image).ok());
    records_->Pulled(image, ref, by);
  }
  std::vector<std::string> Names(const std::string& folder) {
    std::vector<std::string> names;
    for (const os::DirEntry& entry : os::ListDir(dir_.path() + "/image_manager/" + folder).value())
      names.push_back(entry.name);
    return names;
  }
  std::string File(const std::string& of, const std::string& folder = "pulled") {
    return dir_.path() + "/image_manager/" + folder + "/" + RecordName(of);
  }

  os::TempDir dir_ = os::TempDir::Create().value();
  base::ManualClock clock_{1'700'000'000'000'000'000};
  std::unique_ptr<PullRecords> records_;
};

TEST_F(PullRecordsTest, WhatASecretFetchedIsForItsOwnersAlsoAfterARestart) {
  EXPECT_FALSE(MustPull()) << "it came with the machine";
  Pull(Secret("s"));
  for (int life = 0; life < 2; ++life) {
    EXPECT_TRUE(MustPull());
    EXPECT_TRUE(MustPull({Secret("t")}));
    EXPECT_FALSE(MustPull({Secret("s")}));
    EXPECT_TRUE(MustPull({Secret("s")}, "q.example/app:1")) << "by another registry's name";
    EXPECT_FALSE(MustPull({Secret("s")}, "r.example/app:2")) << "another tag of it";
    Restart();
  }
  Pull({}, "r.example/open:1", "sha256:cd");
  EXPECT_FALSE(MustPull({}, "r.example/open:1", "sha256:cd"));
  EXPECT_THAT(Names("pulling"), IsEmpty());
  EXPECT_THAT(Names("pulled"), UnorderedElementsAre(RecordName(kRef), RecordName("sha256:cd")));
  Restart("NeverVerify");
  EXPECT_FALSE(MustPull());
  Restart("AlwaysVerify");
  EXPECT_TRUE(MustPull({}, "r.example/preloaded:1", "sha256:ef"));
}

TEST_F(PullRecordsTest, WhatIsBeingPulledIsNobodysAndStaysSoWhenTheKubeletIsKilled) {
  ASSERT_TRUE(records_->Begin(kImage).ok());
  ASSERT_TRUE(records_->Begin(kImage).ok());
  EXPECT_TRUE(MustPull({Secret("s")}));
  records_->Failed(kImage);
  EXPECT_TRUE(MustPull()) << "the other one goes on";
  Restart();
  EXPECT_TRUE(MustPull());
  records_->Settle([](const std::string&) { return std::optional<std::string>(); });
  EXPECT_TRUE(MustPull()) << "it may come yet";
  ASSERT_TRUE(records_->Begin(kImage).ok());
  records_->Failed(kImage);
  EXPECT_TRUE(MustPull()) << "somebody else's failure does not make it everybody's";
  Restart();
  records_->Settle([](const std::string& image) {
    EXPECT_EQ(image, kImage);
    return std::optional<std::string>(kRef);
  });
  EXPECT_THAT(Names("pulling"), IsEmpty());
  EXPECT_THAT(Names("pulled"), ElementsAre(RecordName(kRef)));
  EXPECT_TRUE(MustPull());
  Pull(Secret("s"));
  EXPECT_FALSE(MustPull({Secret("s")}));
  ASSERT_TRUE(records_->Begin("r.example/none:1").ok());
  records_->Failed("r.example/none:1");
  EXPECT_FALSE(MustPull({}, "r.example/none:1", "sha256:12"));
}

TEST_F(PullRecordsTest, AnotherPasswordOfTheSameSecretIsRemembered) {
  Pull(Secret("s"));
  Credential changed = Secret("s");
  changed.source.hash = "h-new";
  EXPECT_FALSE(MustPull({changed}));
  Restart();
  Credential twin = Secret("twin");
  twin.source.hash = "h-new";
  EXPECT_FALSE(MustPull({twin}));
  twin.source.hash = "h-s";
  twin.source.name = "third";
  EXPECT_TRUE(MustPull({twin})) << "the former password";
}

TEST_F(PullRecordsTest, ARecordThatIsSpoiltLocksItsImageAndNoOther) {
  const auto spoil = [](const std::string& path, int how) {
    const std::string bytes = os::ReadFile(path).value();
    std::string flipped = bytes;
    flipped[bytes.find("sha256:")] ^= 4;
    ASSERT_TRUE(os::RemoveFile(path).ok());
    if (how == 3) {
      ASSERT_TRUE(os::MakeDirs(path + "/with", 0700).ok());
      return;
    }
    const std::string texts[] = {"", bytes.substr(0, bytes.size() / 2), flipped};
    ASSERT_TRUE(os::WriteFileAtomic(path, texts[how], 0600).ok());
  };
  for (int how = 0; how < 4; ++how) {
    SCOPED_TRACE(how);
    Pull({});
    Pull({}, "r.example/open:1", "sha256:cd");
    spoil(File(kRef), how);
    for (int life = 0; life < 2; ++life) {
      Restart();
      EXPECT_TRUE(MustPull()) << "who fetched it is not known";
      EXPECT_FALSE(MustPull({}, "r.example/open:1", "sha256:cd"));
      EXPECT_TRUE(os::Exists(File(kRef) + ".bad"));
    }
    Pull({});
    EXPECT_FALSE(MustPull());
    EXPECT_FALSE(os::Exists(File(kRef) + ".bad"));
  }
  ASSERT_TRUE(records_->Begin("r.example/b:1").ok());
  ASSERT_TRUE(os::WriteFileAtomic(File("r.example/b:1", "pulling"), "{}", 0600).ok());
  Restart();
  EXPECT_TRUE(MustPull({}, "r.example/b:1", "sha256:12"));
  Pull({}, "r.example/b:1", "sha256:12");
  EXPECT_THAT(Names("pulling"), IsEmpty());
}

TEST_F(PullRecordsTest, AFileInTheFoldersPlaceIsPutAside) {
  const std::string folder = dir_.path() + "/image_manager/pulled";
  ASSERT_TRUE(os::RemoveTree(folder).ok());
  ASSERT_TRUE(os::WriteFileAtomic(folder, "x", 0600).ok());
  Restart();
  Pull(Secret("s"));
  EXPECT_TRUE(MustPull());
  EXPECT_TRUE(os::Exists(folder + ".bad"));
}

TEST_F(PullRecordsTest, RecordsGoWithTheirImages) {
  Pull({});
  Pull({}, "r.example/open:1", "sha256:cd");
  const int64_t listed = clock_.WallNanos();
  records_->Prune({"sha256:cd"}, listed);
  EXPECT_EQ(Names("pulled").size(), 2u) << "it may have come after that was listed";
  clock_.Advance(std::chrono::seconds(5));
  records_->Prune({"sha256:cd"}, clock_.WallNanos());
  EXPECT_THAT(Names("pulled"), ElementsAre(RecordName("sha256:cd")));
  EXPECT_FALSE(MustPull());
}

}  // namespace
}  // namespace keelson::image_gc
