// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/zone.h"
#include "lib/base/ip_address.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::string Shown(const Record& record) {
  if (record.type == kA || record.type == kAaaa)
    return base::IpAddress::FromBytes(record.data).value().Text();
  if (record.type == kSrv)
    return fmt::format("{} {} {} {}", record.priority, record.weight, record.port, record.data);
  return record.data;
}

class ZoneTest : public ::testing::Test {
 protected:
  std::vector<std::string> Ask(const std::string& name, uint16_t type) {
    Question question;
    question.name = name;
    question.type = type;
    answer_ = Answer();
    ours_ = zone_.Find(question, answer_);
    std::vector<std::string> out;
    for (const Record& one : answer_.answers) out.push_back(Shown(one));
    return out;
  }
  Answer answer_;
  bool ours_ = false;
  const Zone zone_{
      {{"d", "web", {"10.43.0.9", "fd00::9"}, "", {{"http", "tcp", 80}, {"", "udp", 53}}},
       {"d", "db", {}, "", {{"sql", "tcp", 5432}}},
       {"d", "away", {}, "Example.org.", {}}},
      {{"d", "db", {{"10.42.0.2", "db-0"}, {"10.42.1.3", ""}}, {{"sql", "tcp", 5432}}},
       {"d", "web", {{"10.42.0.9", "x"}}, {}}},
      {},
      7};
};

TEST_F(ZoneTest, ServicesHaveTheirAddresses) {
  EXPECT_THAT(Ask("web.d.svc.cluster.local", kA), ElementsAre("10.43.0.9"));
  EXPECT_THAT(Ask("web.d.svc.cluster.local", kAaaa), ElementsAre("fd00::9"));
  EXPECT_TRUE(answer_.authoritative);
  EXPECT_THAT(Ask("_http._tcp.web.d.svc.cluster.local", kSrv),
              ElementsAre("0 100 80 web.d.svc.cluster.local"));
  EXPECT_EQ(answer_.additional.size(), 2u);
  EXPECT_THAT(Ask("9.0.43.10.in-addr.arpa", kPtr), ElementsAre("web.d.svc.cluster.local"));
}

TEST_F(ZoneTest, HeadlessOnesHaveTheirEndpoints) {
  EXPECT_THAT(Ask("db.d.svc.cluster.local", kA), UnorderedElementsAre("10.42.0.2", "10.42.1.3"));
  EXPECT_THAT(Ask("db-0.db.d.svc.cluster.local", kA), ElementsAre("10.42.0.2"));
  EXPECT_THAT(Ask("10-42-1-3.db.d.svc.cluster.local", kA), ElementsAre("10.42.1.3"));
  EXPECT_THAT(Ask("_sql._tcp.db.d.svc.cluster.local", kSrv),
              UnorderedElementsAre("0 100 5432 db-0.db.d.svc.cluster.local",
                                   "0 100 5432 10-42-1-3.db.d.svc.cluster.local"));
  EXPECT_THAT(Ask("2.0.42.10.in-addr.arpa", kPtr), ElementsAre("db-0.db.d.svc.cluster.local"));
  EXPECT_THAT(Ask("3.1.42.10.in-addr.arpa", kPtr), IsEmpty());
  EXPECT_FALSE(ours_);
}

TEST_F(ZoneTest, SeveralAddressesTakeTurns) {
  const auto first = Ask("db.d.svc.cluster.local", kA).front();
  EXPECT_NE(Ask("db.d.svc.cluster.local", kA).front(), first);
}

TEST_F(ZoneTest, ExternalOnesAreAliases) {
  EXPECT_THAT(Ask("away.d.svc.cluster.local", kA), ElementsAre("example.org"));
  EXPECT_EQ(answer_.answers[0].type, kCname);
}

TEST_F(ZoneTest, WhatIsNotThereIsSaidToBeSoByUsAlone) {
  EXPECT_THAT(Ask("other.d.svc.cluster.local", kA), IsEmpty());
  EXPECT_EQ(answer_.code, kNxDomain);
  EXPECT_EQ(answer_.authority.size(), 1u);
  EXPECT_EQ(answer_.serial, 7u);
  Ask("web.d.svc.cluster.local", kTxt);
  EXPECT_EQ(answer_.code, kNoError);  // the name is there, only nothing of that type
  EXPECT_EQ(answer_.authority.size(), 1u);
  for (const char* between : {"d.svc.cluster.local", "svc.cluster.local", "cluster.local",
                              "_tcp.web.d.svc.cluster.local"}) {
    Ask(between, kA);
    EXPECT_EQ(answer_.code, kNoError) << between;
  }
  EXPECT_THAT(Ask("example.org", kA), IsEmpty());
  EXPECT_FALSE(ours_);
  Ask("notcluster.local", kA);
  EXPECT_FALSE(ours_);
}

TEST_F(ZoneTest, PodsAreSpelled) {
  EXPECT_THAT(Ask("10-42-0-2.d.pod.cluster.local", kA), ElementsAre("10.42.0.2"));
  EXPECT_THAT(Ask("fd00--2.d.pod.cluster.local", kAaaa), ElementsAre("fd00::2"));
  EXPECT_THAT(Ask("10-42-0-2.d.pod.cluster.local", kAaaa), IsEmpty());
  EXPECT_EQ(answer_.code, kNoError);
  Ask("nonsense.d.pod.cluster.local", kA);
  EXPECT_EQ(answer_.code, kNxDomain);
}

TEST_F(ZoneTest, TellsTheSchemasVersion) {
  EXPECT_THAT(Ask("dns-version.cluster.local", kTxt), ElementsAre("1.1.0"));
}

TEST(ReverseNames, AreOfBothFamilies) {
  EXPECT_EQ(ReverseName("10.43.0.9"), "9.0.43.10.in-addr.arpa");
  EXPECT_EQ(ReverseName("2001:db8::567:89ab"),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

}  // namespace
}  // namespace keelson::dns
