// SPDX-License-Identifier: Apache-2.0
#include "lib/certificate/signing_request.h"

#include <gtest/gtest.h>

namespace keelson::certificate {
namespace {

TEST(SigningRequest, HasAKeyOfItsOwnEachTime) {
  const SigningRequest one = RequestAsNode("a").value(), other = RequestAsNode("a").value();
  EXPECT_TRUE(one.request.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
  EXPECT_TRUE(one.key.starts_with("-----BEGIN PRIVATE KEY-----"));
  EXPECT_NE(one.key, other.key);
}

TEST(SigningRequest, WhatIsNoneIsSaid) {
  EXPECT_FALSE(LifetimeOf("nothing").ok());
  EXPECT_FALSE(BelongTogether("", ""));
}

}  // namespace
}  // namespace keelson::certificate
