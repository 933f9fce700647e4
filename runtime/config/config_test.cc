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
           Case{"log-rate: 1Mi\n", {}, "runtime.yaml:1: log-rate: expected a number of bytes"},
           Case{"log-rate: -1\n", {}, "runtime.yaml:1: log-rate: expected a number of bytes"},
           Case{"log-rate-policy: block\n", {}, "log-rate-policy: expected one of: wait, drop"},
           Case{"log-level: loud\n", {}, "runtime.yaml:1: log-level: expected one of: debug"},
           Case{"bridge: [a]\n", {}, "runtime.yaml:1: bridge: expected a string"},
           Case{"- bridge\n", {}, "runtime.yaml: expected settings"},
           Case{"bridge: a\nbridge: b\n", {}, "runtime.yaml: line 2"},
           Case{"handlers: crun\n", {}, "runtime.yaml:1: handlers: expected a list"},
           Case{"handlers:\n- name: crun\n  runtme: /x\n",
                {},
                "runtime.yaml:3: handlers: a handler has no 'runtme'"},
           Case{"handlers:\n- name: crun\n  runtime: crun\n",
                {},
                "runtime.yaml:3: handlers: runtime: 'crun' is not an absolute path"},
           Case{"handlers:\n- runtime: /x\n", {}, "handlers: a handler must have a name"},
           Case{"handlers:\n- name: a\n- name: a\n", {}, "handlers: handler 'a' is there twice"},
           Case{"pinned-images: base:1\n", {}, "runtime.yaml:1: pinned-images: expected a list"},
           Case{"pinned-images:\n- 3\n", {}, "runtime.yaml:2: pinned-images: expected a name"},
           Case{"handlers:\n- name: keelson\n", {}, "runtime.yaml:2: handlers: name: 'keelson' is"},
           Case{"handlers:\n- name: Crun\n", {}, "runtime.yaml:2: handlers: name: 'Crun' is no"},
           Case{"handlers:\n- name: a\n  annotations: [x]\n", {}, "has no runtime to pass them to"},
           Case{"handlers:\n- name: a\n  arguments: [x]\n", {}, "has no runtime to pass them to"},
           Case{"handlers:\n- name: a\n  arguments: x\n", {}, "expected a list of words"},
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

TEST(Config, HandlersReadBackAsTheyWere) {
  const base::Result<Effective> effective =
      Resolve(kFile,
              "handlers:\n- name: crun\n  runtime: /usr/bin/crun\n  annotations: ['run.oci.*', a]\n"
              "  arguments: [--debug]\n- name: safe\n  privileged-without-host-devices: true\n",
              {});
  ASSERT_TRUE(effective.ok()) << effective.error().message();
  const std::vector<Handler> expected = {
      {"crun", "/usr/bin/crun", {"run.oci.*", "a"}, false, {"--debug"}}, {"safe", "", {}, true}};
  EXPECT_EQ(effective->config.handlers, expected);
  EXPECT_EQ(effective->origins.at("handlers"), "/etc/keelson/runtime.yaml:1");
  const base::Result<Effective> again = Resolve(kFile, Explain(*effective), {});
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(again->config.handlers, expected);
  EXPECT_EQ(Resolve(kFile, "", {{"handlers", "[{name: crun, runtime: /usr/bin/crun}]"}})
                ->config.handlers.size(),
            1u);
}

TEST(Config, PinnedImagesReadBackAsTheyWere) {
  const base::Result<Effective> effective =
      Resolve(kFile, "pinned-images:\n- base:1\n- registry.example/tools\n", {});
  ASSERT_TRUE(effective.ok()) << effective.error().message();
  const std::vector<std::string> expected = {"base:1", "registry.example/tools"};
  EXPECT_EQ(effective->config.pinned_images, expected);
  EXPECT_EQ(Resolve(kFile, Explain(*effective), {})->config.pinned_images, expected);
  EXPECT_EQ(Resolve(kFile, "", {{"pinned-images", "[base:1]"}})->config.pinned_images.size(), 1u);
}

TEST(Config, AFileOfCommentsChangesNothing) {
  EXPECT_TRUE(Resolve(kFile, "# nothing yet\n\n", {}).ok());
}

}  // namespace
}  // namespace keelson::runtime_config
