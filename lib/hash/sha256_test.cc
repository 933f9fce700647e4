// SPDX-License-Identifier: Apache-2.0
#include "lib/hash/sha256.h"

#include <gtest/gtest.h>

#include "lib/base/strings.h"

namespace keelson::hash {
namespace {

// FIPS 180-4's examples.
TEST(Sha256, IsTheStandards) {
  EXPECT_EQ(Sha256HexOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256HexOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256HexOf("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, IsTheSameInPieces) {
  const std::string text(1000, 'x');
  Sha256 hash;
  for (size_t at = 0; at < text.size(); at += 7) hash.Update(std::string_view(text).substr(at, 7));
  const std::string sum = hash.Finish();
  EXPECT_EQ(sum.size(), kSha256Bytes);
  EXPECT_EQ(sum, Sha256Of(text));
  EXPECT_EQ(base::HexEncode(sum), Sha256HexOf(text));
}

}  // namespace
}  // namespace keelson::hash
