// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/program/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::program {
namespace {

std::variant<Options, int> Read(std::vector<const char*> words) {
  words.insert(words.begin(), "keelson-master");
  return ReadOptions(static_cast<int>(words.size()), words.data());
}

Options Good(std::vector<const char*> words) {
  const auto read = Read(std::move(words));
  EXPECT_TRUE(std::holds_alternative<Options>(read));
  return std::holds_alternative<Options>(read) ? std::get<Options>(read) : Options();
}

TEST(Options, NothingSaidServesOnThisMachineAlone) {
  const Options options = Good({});
  EXPECT_EQ(options.task, Task::kServe);
  EXPECT_EQ(options.Endpoint(), "127.0.0.1:6443");
  EXPECT_EQ(options.OwnAddress(), "");
  EXPECT_TRUE(options.schedules);
}

TEST(Options, TheStateFolderIsTheStoresToo) {
  const Options options = Good({"--state-dir", "/somewhere"});
  EXPECT_EQ(options.store.state_dir, "/somewhere");
  EXPECT_EQ(options.Pki("").dir, "/somewhere/pki");
}

TEST(Options, ACommandIsAnotherTaskAndTakesTheSameWords) {
  EXPECT_EQ(Good({"backup", "--store", "/kept", "/to"}).task, Task::kBackUp);
  const Options options = Good({"restore", "/from"});
  EXPECT_EQ(options.task, Task::kRestore);
  EXPECT_EQ(options.backup, "/from");
}

TEST(Options, ListsAreSplitAtCommas) {
  const Options options = Good({"--controllers", "*,-garbage", "--cluster-cidr", "10.0.0.0/8"});
  EXPECT_THAT(options.controllers.enabled, testing::ElementsAre("*", "-garbage"));
  EXPECT_THAT(options.controllers.networks.cluster, testing::ElementsAre("10.0.0.0/8"));
}

TEST(Options, TheAuditLogsSizeIsSaidInMebibytes) {
  EXPECT_EQ(Good({}).controllers.autoscaling_seconds, 15);
  EXPECT_EQ(Good({"--horizontal-pod-autoscaler-sync-period", "2"}).controllers.autoscaling_seconds,
            2);
  EXPECT_EQ(Good({"--audit-log-max-size", "3"}).audit.max_file_bytes, 3 << 20);
}

TEST(Options, ThePageIsOnLoopbackUntilSomebodySaysWhere) {
  EXPECT_EQ(Good({}).page_address, "127.0.0.1:6480");
  EXPECT_FALSE(Good({}).page_address_said);
  EXPECT_EQ(Good({"--page-address", "off"}).page_address, "");
  EXPECT_TRUE(Good({"--page-address", "[::1]:0"}).page_address_said);
}

TEST(Options, WhatIsNotUnderstoodEndsTheProgram) {
  const auto read = Read({"--no-such-thing"});
  ASSERT_TRUE(std::holds_alternative<int>(read));
  EXPECT_NE(std::get<int>(read), 0);
}

TEST(Options, TheServersCertificateNamesWhatItIsReachedBy) {
  const Options options = Good({"--address", "0.0.0.0", "--advertise-address", "192.0.2.7"});
  EXPECT_THAT(options.Pki("10.43.0.1").ips,
              testing::ElementsAre("0.0.0.0", "10.43.0.1", "192.0.2.7"));
  EXPECT_EQ(options.OwnAddress(), "192.0.2.7");
}

TEST(Options, ServicesHaveABlockOfEachFamily) {
  const auto ranges = Good({"--service-cidr", "10.43.0.0/16,fd00:43::/112"}).ServiceRanges();
  ASSERT_TRUE(ranges.ok());
  EXPECT_EQ(ranges->services.size(), 2u);
  EXPECT_FALSE(Good({"--service-cidr", "10.43.0.0"}).ServiceRanges().ok());
}

}  // namespace
}  // namespace keelson::program
