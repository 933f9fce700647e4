// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::cluster {
namespace {

using ::testing::HasSubstr;

TEST(WhoWatches, IsSystemdWhereItIsProcessOneAndAsBeforeOtherwise) {
  struct Case {
    const char* name;
    const char *before = "", *asked = "";
    bool first = true, own_network = false;
    const char* chosen = "";  // empty: refused
    const char* refusal = "";
  };
  const Case cases[] = {
      {.name = "systemd", .chosen = "systemd"},
      {.name = "none", .first = false, .chosen = "own"},
      {.name = "a network of its own", .own_network = true, .chosen = "own"},
      {.name = "own is asked for", .asked = "own", .chosen = "own"},
      {.name = "it stays", .before = "own", .chosen = "own"},
      {.name = "it stays systemd's", .before = "systemd", .asked = "systemd", .chosen = "systemd"},
      {.name = "another",
       .before = "own",
       .asked = "systemd",
       .refusal = "brought up with --supervisor own: take it down first"},
      {.name = "not there",
       .asked = "systemd",
       .first = false,
       .refusal = "systemd is not process 1 of this machine"},
      {.name = "not in a namespace",
       .asked = "systemd",
       .own_network = true,
       .refusal = "would not find the namespace of --network after a reboot"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto chosen = ChooseSupervisor(c.before, c.asked, c.first, c.own_network);
    EXPECT_EQ(chosen.ok() ? *chosen : "", c.chosen);
    if (!chosen.ok()) {
      EXPECT_THAT(chosen.error().message(), HasSubstr(c.refusal));
    }
  }
}

TEST(WhoWatches, ARecordOfBeforeTheChoiceMeansOurOwn) {
  NodeOptions options;
  options.name = "one";
  options.supervisor = "systemd";
  options.cgroup_driver = "systemd";
  EXPECT_EQ(Decode(Encode(options)).value(), options);
  EXPECT_EQ(Decode(R"({"name": "one"})").value().supervisor, "own");
}

}  // namespace
}  // namespace keelson::cluster
