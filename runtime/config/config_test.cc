// SPDX-License-Identifier: Apache-2.0
#include "runtime/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::runtime_config {
namespace {

using testing::HasSubstr;

constexpr char kFile[] = "/etc/keelson/runtime.yaml";

TEST(Config, AFlagIsStrongerThanTheFileAndTheFileThanTheDefault) {
  const base::Result<Effective> effective =
      Resolve(kFile, "# ours\nbridge: pods0\nlog-level: warn\n", {{"log-level", "debug"}});
  ASSERT_TRUE(effective.ok()) << effective.error().message();
  EXPECT_EQ(effective->config.bridge, "pods0");
  EXPECT_EQ(effective->config.log_level, "debug");
  EXPECT_EQ(effective->config.run_dir, "/run/keelson");
  EXPECT_EQ(effective->origins.at("bridge"), "/etc/keelson/runtime.yaml:2");
  EXPECT_EQ(effective->origins.at("log-level"), "--log-level");
  EXPECT_FALSE(effective->origins.contains("run-dir"));
}

TEST(Config, WhatIsWrongIsRefusedWithItsPlace) {
  struct Case {
    const char* text;
    Flags flags;
    const char* message;
  };
  for (const Case& c : {
           Case{"bridge: a\nbrigde: b\n", {}, "runtime.yaml:2: there is no setting 'brigde'"},
           Case{"state-dir: here\n", {}, "runtime.yaml:1: state-dir: 'here' is not an absolute"},
           Case{"log-level: loud\n", {}, "runtime.yaml:1: log-level: expected one of: debug"},
           Case{"bridge: [a]\n", {}, "runtime.yaml:1: bridge: expected a string"},
           Case{"- bridge\n", {}, "runtime.yaml: expected settings"},
           Case{"bridge: a\nbridge: b\n", {}, "runtime.yaml: line 2"},
           Case{"", {{"run-dir", "run"}}, "--run-dir: 'run' is not an absolute path"},
       }) {
    const base::Result<Effective> effective = Resolve(kFile, c.text, c.flags);
    ASSERT_FALSE(effective.ok()) << c.text;
    EXPECT_THAT(effective.error().message(), HasSubstr(c.message));
  }
}

TEST(Config, WhatIsExplainedReadsBackAsItWas) {
  const base::Result<Effective> effective = Resolve(kFile, "", {{"pod-subnet", "10.9.0.0/24"}});
  ASSERT_TRUE(effective.ok());
  const std::string text = Explain(*effective);
  EXPECT_THAT(
      text, HasSubstr("# From: --pod-subnet; default: \"10.42.0.0/24\"\npod-subnet: 10.9.0.0/24"));
  EXPECT_THAT(text, HasSubstr("# From: default\nbridge: keelson0"));
  const base::Result<Effective> again = Resolve(kFile, text, {});
  ASSERT_TRUE(again.ok()) << again.error().message();
  for (const Setting& setting : Settings()) {
    EXPECT_EQ(setting.show(again->config), setting.show(effective->config)) << setting.name;
  }
}

TEST(Config, AFileOfCommentsChangesNothing) {
  EXPECT_TRUE(Resolve(kFile, "# nothing yet\n\n", {}).ok());
}

}  // namespace
}  // namespace keelson::runtime_config
