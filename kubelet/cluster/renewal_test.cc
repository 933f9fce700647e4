// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/renewal.h"

#include <gtest/gtest.h>

namespace keelson::cluster {
namespace {

TEST(Renewal, IsRenewedBetweenSevenAndNineTenthsOfItsLife) {
  EXPECT_EQ(RenewAt(1000, 2000, 0), 1700);
  EXPECT_EQ(RenewAt(1000, 2000, 0.5), 1800);
  EXPECT_LE(RenewAt(1000, 2000, 0.999999), 1900);
}

TEST(Renewal, AShortLifeIsRenewedMoreOften) {
  struct Case {
    int64_t left, pause, retry;
  };
  for (const auto& [left, pause, retry] : {Case{int64_t{365} * 86400, 60, 3600}, Case{600, 60, 60},
                                           Case{30, 15, 3}, Case{3, 2, 2}, Case{-500, 2, 2}}) {
    EXPECT_EQ(RenewalPause(left), pause) << left;
    EXPECT_EQ(RetryPause(left, 1), retry) << left;
  }
}

TEST(Renewal, WhatHasEndedIsAskedForMoreAndMoreSeldom) {
  EXPECT_EQ(RetryPause(0, 1), 2);
  EXPECT_EQ(RetryPause(-5, 2), 4);
  EXPECT_EQ(RetryPause(-5, 5), 32);
  EXPECT_EQ(RetryPause(-5, 100), 300);
  EXPECT_EQ(RetryPause(1000, 100), 100);
}

}  // namespace
}  // namespace keelson::cluster
