// SPDX-License-Identifier: Apache-2.0
#include "lib/os/shared_marks.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace keelson::os {
namespace {

TEST(SharedMarks, OfAChildStandBesideItsParents) {
  SharedMarks marks;
  marks.Mark(3);
  const pid_t child = fork();
  if (child == 0) {
    marks.Mark(1);
    (void)poll(nullptr, 0, 20);
    marks.Mark(7);
    _exit(0);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  const auto spans = marks.Spans();
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0].first, 3);
  EXPECT_EQ(spans[1].first, 1);
  EXPECT_EQ(spans[2].first, 7);
  EXPECT_GE(spans[1].second, std::chrono::milliseconds(20));
  EXPECT_GE(spans[0].second.count(), 0);
}

TEST(SharedMarks, AreForgottenAndBounded) {
  SharedMarks marks;
  marks.Mark(SharedMarks::kSlots);
  EXPECT_TRUE(marks.Spans().empty());
  marks.Mark(0);
  EXPECT_EQ(marks.Spans().size(), 1u);
  marks.Clear();
  EXPECT_TRUE(marks.Spans().empty());
}

}  // namespace
}  // namespace keelson::os
