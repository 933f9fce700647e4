// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/units/unit_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <functional>

#include "cli/cluster/units/unit_text.h"

namespace keelson::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NodeOptions Node() {
  NodeOptions node;
  node.name = "one";
  return node;
}
const supervise::Process kRuntime{"runtime", {"/opt/keelson-runtime"}, ""};
const supervise::Process kDns{"dns", {"/opt/keelson-dns"}, ""};
const supervise::Layout kWanted{{kRuntime, kDns}};

// As it is when all is well.
SeenUnit Seen(const supervise::Process& process) {
  const std::string name = UnitName(Node(), process.name);
  return {process.name,
          UnitText(Node(), process, 252),
          true,
          {.load = "loaded",
           .file = std::string(kUnitDir) + "/" + name,
           .active = "active",
           .sub = "running",
           .main_pid = 7,
           .result = "success"}};
}
SeenUnit Nothing(const char* process) {
  return {process, "", false, {.load = "not-found", .active = "inactive", .sub = "dead"}};
}
UnitActions Plan(const std::vector<SeenUnit>& seen) {
  return PlanUnits(Node(), kWanted, seen, 252);
}

TEST(UnitPlan, OnANewMachineAllIsWrittenEnabledAndStarted) {
  const UnitActions plan = Plan({Nothing("runtime"), Nothing("dns"), Nothing("kubelet")});
  ASSERT_EQ(plan.write.size(), 2u);
  EXPECT_EQ(plan.write[0].first, "keelson-runtime.service");
  EXPECT_EQ(plan.write[0].second, UnitText(Node(), kRuntime, 252));
  EXPECT_THAT(plan.enable, ElementsAre("keelson-runtime.service", "keelson-dns.service"));
  EXPECT_TRUE(plan.reload);
  EXPECT_THAT(plan.start, ElementsAre("keelson-runtime.service", "keelson-dns.service"));
  EXPECT_THAT(plan.restart, IsEmpty());
  EXPECT_THAT(plan.stop, IsEmpty());
}

TEST(UnitPlan, WhatIsAsItShouldBeIsLeftAlone) {
  EXPECT_EQ(Plan({Seen(kRuntime), Seen(kDns), Nothing("kubelet")}), UnitActions());
}

TEST(UnitPlan, OnlyWhatDiffersIsChanged) {
  struct Case {
    const char* name;
    std::function<void(SeenUnit&)> change;  // of dns
    std::vector<std::string> write, enable, start, restart;
    bool reload = false;
  };
  const std::vector<std::string> dns = {"keelson-dns.service"}, none;
  const Case cases[] = {
      {"other words", [](SeenUnit& s) { s.text += "#\n"; }, dns, none, none, dns, true},
      {"it has ended", [](SeenUnit& s) { s.unit.active = "failed"; }, none, none, dns, none, false},
      {"it is about to be started again", [](SeenUnit& s) { s.unit.active = "activating"; }, none,
       none, none, none, false},
      {"not enabled", [](SeenUnit& s) { s.enabled = false; }, none, dns, none, none, true},
      {"written, not read", [](SeenUnit& s) { s.unit.outdated = true; }, none, none, none, dns,
       true},
      {"the file was deleted", [](SeenUnit& s) { s.text = ""; }, dns, none, none, dns, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    SeenUnit changed = Seen(kDns);
    c.change(changed);
    const UnitActions plan = Plan({Seen(kRuntime), changed});
    std::vector<std::string> written;
    for (const auto& [name, text] : plan.write) written.push_back(name);
    EXPECT_EQ(written, c.write);
    EXPECT_EQ(plan.enable, c.enable);
    EXPECT_EQ(plan.start, c.start);
    EXPECT_EQ(plan.restart, c.restart);
    EXPECT_EQ(plan.reload, c.reload);
    EXPECT_THAT(plan.refusals, IsEmpty());
  }
}

TEST(UnitPlan, WhatIsNoLongerNamedGoes) {
  const supervise::Process kubelet{"kubelet", {"/opt/keelson-kubelet"}, ""};
  const UnitActions plan = Plan({Seen(kRuntime), Seen(kDns), Seen(kubelet)});
  EXPECT_THAT(plan.stop, ElementsAre("keelson-kubelet.service"));
  EXPECT_TRUE(plan.reload);
  EXPECT_THAT(plan.start, IsEmpty());
}

TEST(UnitPlan, AStrangersUnitIsRefusedAndNothingElseIsPlanned) {
  struct Case {
    const char* name;
    std::function<void(SeenUnit&)> change;  // of dns
    const char* words;
  };
  const Case cases[] = {
      {"an operator's", [](SeenUnit& s) { s.text = "[Service]\n"; },
       "keelson-dns.service is not this node's (/etc/systemd/system/keelson-dns.service)"},
      {"of another node",
       [](SeenUnit& s) {
         NodeOptions other = Node();
         other.state_dir = "/srv/two";
         s.text = UnitText(other, kDns, 252);
       },
       "is not this node's (/etc/systemd/system/keelson-dns.service)"},
      {"a package's",
       [](SeenUnit& s) {
         s.text = "";
         s.unit.file = "/lib/systemd/system/keelson-dns.service";
       },
       "is not this node's (/lib/systemd/system/keelson-dns.service)"},
      {"masked",
       [](SeenUnit& s) {
         s.text = s.unit.file = "";
         s.unit.load = "masked";
       },
       "is not this node's (it is masked)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    SeenUnit changed = Seen(kDns);
    c.change(changed);
    const UnitActions plan = Plan({Nothing("runtime"), changed});
    EXPECT_THAT(plan.refusals, ElementsAre(HasSubstr(c.words)));
    EXPECT_THAT(plan.write, IsEmpty());
    EXPECT_THAT(plan.start, IsEmpty());
  }
}

TEST(UnitPlan, AUnitIsToldAsTheOtherSupervisorTellsIt) {
  systemd::Service unit = Seen(kDns).unit;
  unit.changed = 5'000'000;
  unit.restarts = 3;
  supervise::ProcessStatus status = StatusOf("dns", unit);
  EXPECT_EQ(status.state, supervise::State::kRunning);
  EXPECT_EQ(status.pid, 7);
  EXPECT_EQ(status.since, 5'000'000'000);
  EXPECT_EQ(status.restarts, 3u);
  EXPECT_EQ(status.last_end, "");
  unit.active = "activating";
  unit.main_pid = 0;
  unit.result = "signal";
  unit.end_kind = CLD_KILLED;
  unit.end_status = 9;
  status = StatusOf("dns", unit);
  EXPECT_EQ(status.state, supervise::State::kWaiting);
  EXPECT_EQ(status.last_end, "killed by signal 9");
  unit.active = "failed";
  unit.result = "oom-kill";
  EXPECT_EQ(StatusOf("dns", unit).state, supervise::State::kStopped);
  EXPECT_EQ(StatusOf("dns", unit).last_end, "killed by signal 9, oom-kill");
  unit.result = "exit-code";
  unit.end_kind = CLD_EXITED;
  unit.end_status = 1;
  EXPECT_EQ(StatusOf("dns", unit).last_end, "exited with code 1");
}

TEST(UnitPlan, WhatIsWrongWithAUnitIsSaid) {
  const std::string name = "keelson-dns.service";
  EXPECT_EQ(ProblemOf(name, Seen(kDns)), "");
  EXPECT_THAT(ProblemOf(name, Nothing("dns")), HasSubstr("is not there"));
  SeenUnit unit = Seen(kDns);
  unit.enabled = false;
  EXPECT_THAT(ProblemOf(name, unit), HasSubstr("would not come back after a reboot"));
  unit = Seen(kDns);
  unit.unit.outdated = true;
  EXPECT_THAT(ProblemOf(name, unit), HasSubstr("since systemd has read it"));
  unit.unit.load = "bad-setting";
  EXPECT_THAT(ProblemOf(name, unit), HasSubstr("says 'bad-setting' of it"));
}

}  // namespace
}  // namespace keelson::cluster
