// SPDX-License-Identifier: Apache-2.0
#include "kubelet/program/options.h"

#include <gtest/gtest.h>

#include <vector>

namespace keelson::program {
namespace {

std::variant<Options, int> Read(std::vector<const char*> words) {
  words.insert(words.begin(), "keelson-kubelet");
  return ReadOptions(static_cast<int>(words.size()), words.data());
}

TEST(Options, AreWhatTheCommandLineSaysElseTheirDefaults) {
  const auto read = Read({"--port", "0", "--hostname-override=n1"});
  const auto& options = std::get<Options>(read);
  EXPECT_EQ(options.task, Task::kRun);
  EXPECT_EQ(options.port, 0);
  EXPECT_FALSE(options.healthz_port.has_value());
  EXPECT_EQ(options.node_name, "n1");
  EXPECT_EQ(options.root_dir, "/var/lib/kubelet");
  EXPECT_EQ(options.flags.at("hostname-override"), "n1");
  EXPECT_EQ(options.flags.at("root-dir"), "/var/lib/kubelet");
}

TEST(Options, NameTheTask) {
  EXPECT_EQ(std::get<Options>(Read({"cleanup", "--root-dir", "/r"})).task, Task::kCleanUp);
  const auto read = Read({"fsck", "--mend", "--runtime", "-", "--root-dir", "/r"});
  const auto& options = std::get<Options>(read);
  EXPECT_EQ(options.task, Task::kCheck);
  EXPECT_TRUE(options.mend);
  EXPECT_EQ(options.runtime_report, "-");
  EXPECT_EQ(options.root_dir, "/r");
}

TEST(Options, ThatAreNoneEndTheProgram) {
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{"--no-such"}, {"--port", "x"}, {"cleanup", "fsck"}})
    EXPECT_NE(std::get<int>(Read(words)), 0);
  EXPECT_EQ(std::get<int>(Read({"--help"})), 0);
}

}  // namespace
}  // namespace keelson::program
