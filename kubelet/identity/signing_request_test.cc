// SPDX-License-Identifier: Apache-2.0
#include "kubelet/identity/signing_request.h"

#include <gtest/gtest.h>

#include "kubelet/identity/self_signed.h"

namespace keelson::identity {
namespace {

TEST(SigningRequest, HasAKeyOfItsOwnEachTime) {
  const SigningRequest one = RequestAsNode("a").value(), other = RequestAsNode("a").value();
  EXPECT_TRUE(one.request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
  EXPECT_TRUE(one.key.starts_with("-----BEGIN PRIVATE KEY-----"));
  EXPECT_NE(one.key, other.key);
}

TEST(SigningRequest, WhatWasSignedSaysHowLongItIsGoodAndWhoseItIs) {
  const KeyPair pair = MakeSelfSigned({"a"}, 1'800'000'000).value();
  const Lifetime life = LifetimeOf(pair.certificate + pair.key).value();
  EXPECT_EQ(life.begin, 1'800'000'000 - 3600);
  EXPECT_EQ(life.end, 1'800'000'000 + 365 * 86400);
  EXPECT_TRUE(BelongTogether(pair.certificate, pair.key));
  EXPECT_TRUE(BelongTogether(pair.certificate + pair.key, pair.certificate + pair.key));
  EXPECT_FALSE(BelongTogether(pair.certificate, RequestAsNode("a").value().key));
  EXPECT_FALSE(LifetimeOf("nothing").ok());
  EXPECT_FALSE(BelongTogether("", ""));
}

}  // namespace
}  // namespace keelson::identity
