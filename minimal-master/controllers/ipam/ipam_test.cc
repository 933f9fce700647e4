// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "minimal-master/controllers/ipam/blocks.h"

namespace keelson::controllers::ipam {
namespace {

TEST(NodeNetworks, AreGivenOutInTurn) {
  Blocks blocks = *Blocks::Parse("10.42.0.0/22", 24, 64);
  EXPECT_EQ(blocks.size(), 4u);
  EXPECT_EQ(blocks.Take(), "10.42.0.0/24");
  EXPECT_EQ(blocks.Take(), "10.42.1.0/24");
  blocks.Release("10.42.0.0/24");
  EXPECT_EQ(blocks.Take(), "10.42.2.0/24");
  EXPECT_EQ(blocks.Take(), "10.42.3.0/24");
  EXPECT_EQ(blocks.Take(), "10.42.0.0/24");
  EXPECT_FALSE(blocks.Take());
}

TEST(NodeNetworks, OfTheOtherFamilyToo) {
  Blocks blocks = *Blocks::Parse("fd00:42::/56", 24, 64);
  EXPECT_EQ(blocks.size(), 256u);
  EXPECT_EQ(blocks.Take(), "fd00:42::/64");
  EXPECT_EQ(blocks.Take(), "fd00:42:0:1::/64");
}

TEST(NodeNetworks, WhatOverlapsIsNotGivenOut) {
  Blocks blocks = *Blocks::Parse("10.42.0.0/22", 24, 64);
  blocks.Occupy("10.42.0.0/23");
  blocks.Occupy("10.42.2.128/25");
  blocks.Occupy("10.43.0.0/16");
  blocks.Occupy("fd00::/8");
  blocks.Occupy("nonsense");
  EXPECT_EQ(blocks.Take(), "10.42.3.0/24");
  EXPECT_FALSE(blocks.Take());
  blocks.Occupy("10.42.2.0/24");
  blocks.Release("10.42.2.128/25");
  EXPECT_FALSE(blocks.Take()) << "somebody else still has it";
  blocks.Occupy("0.0.0.0/0");
  blocks.Release("0.0.0.0/0");
  blocks.Release("10.42.2.0/24");
  EXPECT_EQ(blocks.Take(), "10.42.2.0/24");
}

TEST(NodeNetworks, AreOfOneBlockOrOneOfEachFamily) {
  EXPECT_EQ(ReadNetworks({.cluster = {"10.42.0.0/16", "fd00::/56"}})->size(), 2u);
  EXPECT_FALSE(ReadNetworks({.cluster = {"10.42.0.0/16", "10.44.0.0/16"}}).ok());
  auto blocks = ReadNetworks({.cluster = {"10.42.0.0/15"}, .services = {"10.42.0.0/16"}});
  ASSERT_TRUE(blocks.ok());
  EXPECT_EQ(blocks->front().Take(), "10.43.0.0/24");
}

TEST(NodeNetworks, RefusesWhatDoesNotFit) {
  for (const char* block : {"10.42.0.0", "10.42.0.0/33", "x/8", "10.0.0.0/25", "fd00::/40", ""})
    EXPECT_FALSE(Blocks::Parse(block, 24, 64).ok()) << block;
  EXPECT_TRUE(Blocks::Parse("10.0.0.0/8", 24, 64).ok());
}

}  // namespace
}  // namespace keelson::controllers::ipam
