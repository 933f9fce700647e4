// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/temp_dir.h"
#include "runtime/content/blob_store.h"
#include "runtime/content/digest.h"

namespace keelson::content {
namespace {

TEST(Digest, OfNothingAndOfAbc) {
  EXPECT_EQ(DigestOf(""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(DigestOf("abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, TakesOnlyLowerCaseSha256OfTheRightLength) {
  const std::string hex(64, 'a');
  EXPECT_TRUE(IsDigest("sha256:" + hex));
  EXPECT_FALSE(IsDigest("sha256:" + hex + "a"));
  EXPECT_FALSE(IsDigest("sha256:" + std::string(64, 'A')));
  EXPECT_FALSE(IsDigest("sha512:" + hex));
  EXPECT_FALSE(IsDigest("sha256:../../../../etc/passwd"));
  EXPECT_FALSE(IsDigest(""));
}

TEST(BlobStore, GivesBackWhatItGotAndForgetsWhatIsRemoved) {
  auto dir = os::TempDir::Create().value();
  const BlobStore store = BlobStore::Open(dir.path() + "/blobs").value();
  const std::string digest = store.Put("hello").value();
  EXPECT_EQ(store.Put("hello").value(), digest);
  EXPECT_EQ(store.Get(digest).value(), "hello");
  EXPECT_EQ(store.List().value(), std::vector<std::string>{digest});
  ASSERT_TRUE(store.Remove(digest).ok());
  ASSERT_TRUE(store.Remove(digest).ok());
  EXPECT_EQ(store.Get(digest).error().code(), base::Code::kNotFound);
}

TEST(BlobStore, NeverHandsOutADamagedDocumentAndRepairsItWhenPutAgain) {
  auto dir = os::TempDir::Create().value();
  const BlobStore store = BlobStore::Open(dir.path()).value();
  const std::string digest = store.Put("hello").value();
  ASSERT_TRUE(os::WriteFileAtomic(dir.path() + "/sha256/" + digest.substr(7), "hellO", 0600).ok());
  EXPECT_EQ(store.Get(digest).error().code(), base::Code::kDataLoss);
  ASSERT_TRUE(store.Put("hello").ok());
  EXPECT_EQ(store.Get(digest).value(), "hello");
}

}  // namespace
}  // namespace keelson::content
