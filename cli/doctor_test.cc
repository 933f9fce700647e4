// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::cli {
namespace {

using testing::HasSubstr;

MachineFacts Fine() {
  MachineFacts facts;
  facts.kernel_release = "6.12.3-amd64";
  facts.root = true;
  facts.features = {{"overlay", true, true, true, "works"},
                    {"nftables", true, false, true, "works"},
                    {"iptables-nft", true, false, true, "found"},
                    {"iptables-legacy", false, false, true, "not installed"}};
  facts.disks = {{"/var/lib/keelson", 100ull << 30, 50ull << 30, 1000, 500}};
  facts.daemons = {{"keelson-runtime", "/run/r.sock", true, "keelson 1 answers", std::nullopt}};
  return facts;
}

Finding Of(const MachineFacts& facts, const std::string& name) {
  for (const Finding& finding : Diagnose(facts)) {
    if (finding.name == name) return finding;
  }
  ADD_FAILURE() << "no finding " << name;
  return {};
}

TEST(Doctor, FindsNothingWrongWithAMachineThatIsFine) {
  for (const Finding& finding : Diagnose(Fine()))
    EXPECT_TRUE(finding.grade == Grade::kOk || finding.grade == Grade::kAbsent) << finding.name;
}

TEST(Doctor, GradesWhatIsMissingByWhatItIsFor) {
  MachineFacts facts = Fine();
  facts.features = {
      {"cgroup memory", false, true, true, "limits of this kind are refused"},
      {"overlay lowerdir+", false, false, true, "no such option: layers are given as one string"},
      {"IPVS", false, false, false, "services in IPVS mode are not possible"},
      {"ip_forward", false, false, true, "off: switched on with the first pod network"}};
  EXPECT_EQ(Of(facts, "cgroup memory").grade, Grade::kFail);
  EXPECT_THAT(Of(facts, "cgroup memory").text, HasSubstr("cgroup_enable=memory"));
  EXPECT_EQ(Of(facts, "overlay lowerdir+").grade, Grade::kWarn);
  EXPECT_EQ(Of(facts, "IPVS").grade, Grade::kAbsent);
  EXPECT_EQ(Of(facts, "ip_forward").grade, Grade::kAbsent);
}

TEST(Doctor, OneFlavourOfIptablesIsEnough) {
  struct Case {
    bool nft, kernel_nft, legacy;
    Grade grade;
    const char* text;
  };
  const Case cases[] = {{true, true, false, Grade::kOk, "iptables-nft"},
                        {true, true, true, Grade::kOk, "iptables-nft"},
                        {false, true, true, Grade::kOk, "iptables-legacy"},
                        {true, false, true, Grade::kOk, "iptables-legacy"},
                        {true, false, false, Grade::kFail, "modprobe nf_tables"},
                        {false, true, false, Grade::kFail, "install iptables"}};
  for (const Case& c : cases) {
    MachineFacts facts = Fine();
    facts.features = {{"iptables-nft", c.nft, false, true, ""},
                      {"nftables", c.kernel_nft, false, true, ""},
                      {"iptables-legacy", c.legacy, false, true, ""}};
    EXPECT_EQ(Of(facts, "firewall").grade, c.grade) << c.text;
    EXPECT_THAT(Of(facts, "firewall").text, HasSubstr(c.text));
  }
}

TEST(Doctor, WatchesTheDisk) {
  constexpr uint64_t kGiB = 1u << 30;
  struct Case {
    DiskSpace disk;
    Grade grade;
  };
  const Case cases[] = {{{"/a", 100 * kGiB, 16 * kGiB, 0, 0}, Grade::kOk},
                        {{"/a", 100 * kGiB, 14 * kGiB, 0, 0}, Grade::kWarn},
                        {{"/a", 100 * kGiB, kGiB / 8, 0, 0}, Grade::kFail},
                        {{"/a", 100 * kGiB, 50 * kGiB, 1000, 40}, Grade::kWarn},
                        {{"/a", 100 * kGiB, 50 * kGiB, 1000, 0}, Grade::kFail},
                        {{"/a", kGiB / 8, kGiB / 16, 0, 0}, Grade::kOk}};
  for (const Case& c : cases) {
    MachineFacts facts = Fine();
    facts.disks = {c.disk};
    EXPECT_EQ(Of(facts, "disk").grade, c.grade) << Of(facts, "disk").text;
  }
}

TEST(Doctor, TellsADaemonThatIsNotThereFromOneThatIsNotWell) {
  MachineFacts facts = Fine();
  facts.daemons = {{"keelson-runtime", "/run/r.sock", false, "", std::nullopt},
                   {"keelson-kubelet", "/run/k.sock", true, "", "runtime: no answer"}};
  EXPECT_EQ(Of(facts, "keelson-runtime").grade, Grade::kWarn);
  EXPECT_THAT(Of(facts, "keelson-runtime").text, HasSubstr("start it"));
  EXPECT_EQ(Of(facts, "keelson-kubelet").grade, Grade::kFail);
  EXPECT_EQ(Of(facts, "keelson-kubelet").text, "runtime: no answer");
}

TEST(Doctor, KnowsOldKernelsAndOrdinaryUsers) {
  MachineFacts facts = Fine();
  for (const char* release : {"5.10.0", "4.18", "odd"}) {
    facts.kernel_release = release;
    EXPECT_EQ(Of(facts, "kernel").grade, Grade::kWarn) << release;
  }
  facts.kernel_release = "5.15.0-generic";
  EXPECT_EQ(Of(facts, "kernel").grade, Grade::kOk);
  facts.root = false;
  facts.features.push_back({"bridge", false, true, true, "Operation not permitted"});
  EXPECT_EQ(Of(facts, "user").grade, Grade::kFail);
  EXPECT_EQ(Of(facts, "bridge").grade, Grade::kWarn);
}

TEST(Doctor, WritesALineForEachAndASum) {
  const std::vector<Finding> findings = {{Grade::kOk, "kernel", "6.12"},
                                         {Grade::kAbsent, "IPVS", "not there"},
                                         {Grade::kFail, "overlay", "missing"}};
  EXPECT_EQ(FindingsText(findings),
            "       CHECK     FOUND\n"
            "OK     kernel    6.12\n"
            "-      IPVS      not there\n"
            "FAIL   overlay   missing\n"
            "1 OK, 0 WARN, 1 FAIL; - is not there and not needed\n");
  EXPECT_EQ(json::ParseJson(FindingsJson(findings)).value().At({"findings"}).items().size(), 3u);
}

}  // namespace
}  // namespace keelson::cli
