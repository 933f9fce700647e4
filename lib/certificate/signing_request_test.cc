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

TEST(SigningRequest, NamesAreOneEach) {
  EXPECT_EQ(AlternativeNames({"a", "192.0.2.1", "::1"}).value(), "DNS:a,IP:192.0.2.1,IP:::1");
  EXPECT_EQ(AlternativeNames({}).value(), "");
  for (const char* name : {"", "a,DNS:b", "a b"}) {
    EXPECT_FALSE(AlternativeNames({name}).ok()) << name;
    EXPECT_FALSE(RequestAsNode("a", {name}).ok()) << name;
  }
  EXPECT_FALSE(ServesFor("nothing", {}));
}

TEST(SigningRequest, WhatIsNoneIsSaid) {
  EXPECT_FALSE(LifetimeOf("nothing").ok());
  EXPECT_FALSE(BelongTogether("", ""));
}

}  // namespace
}  // namespace keelson::certificate
