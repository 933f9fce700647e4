// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/zone_file.h"

#include <gtest/gtest.h>

namespace keelson::dns {
namespace {

TEST(ZoneFile, IsReadAsItWasWritten) {
  ZoneFile file;
  file.domain = "example.internal";
  file.serial = 4'000'000'000;
  file.services = {{"d", "web", {"10.43.0.9"}, "", {{"http", "tcp", 80}}},
                   {"d", "away", {}, "example.org", {}}};
  file.endpoints = {
      {"d", "db", {{"10.42.0.2", "db-0"}, {"10.42.0.3", ""}}, {{"sql", "tcp", 5432}}}};
  const auto read = ReadZoneFile(WriteZoneFile(file));
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->domain, file.domain);
  EXPECT_EQ(read->serial, file.serial);
  EXPECT_EQ(read->services, file.services);
  EXPECT_EQ(read->endpoints, file.endpoints);
}

TEST(ZoneFile, OfAnotherKindIsRefused) {
  EXPECT_FALSE(ReadZoneFile("").ok());
  EXPECT_FALSE(ReadZoneFile("{}").ok());
  EXPECT_FALSE(ReadZoneFile(R"({"version":2,"domain":"a"})").ok());
  EXPECT_FALSE(ReadZoneFile(R"({"version":1})").ok());
}

}  // namespace
}  // namespace keelson::dns
