// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/outcome.h"

#include <gtest/gtest.h>

namespace keelson::stream {
namespace {

TEST(Outcome, IsAStatusFromVersionFour) {
  EXPECT_EQ(FormatOutcome({}, 4), R"({"metadata":{},"status":"Success"})");
  EXPECT_EQ(FormatOutcome({.exit_code = 3}, 5),
            R"({"metadata":{},"status":"Failure","reason":"NonZeroExitCode","message":)"
            R"("command terminated with non-zero exit code: exit status 3",)"
            R"("details":{"causes":[{"reason":"ExitCode","message":"3"}]}})");
  EXPECT_EQ(FormatOutcome({.error = "no \"x\"\n"}, 4),
            R"({"metadata":{},"status":"Failure","reason":"InternalError","code":500,"message":)"
            R"("Internal error occurred: error executing command in container: no \"x\"\u000a"})");
}

TEST(Outcome, IsTextBefore) {
  EXPECT_EQ(FormatOutcome({}, 3), "");
  EXPECT_EQ(FormatOutcome({.exit_code = 3}, 1),
            "command terminated with non-zero exit code: exit status 3");
  EXPECT_EQ(FormatOutcome({.error = "gone"}, 2), "error executing command in container: gone");
}

}  // namespace
}  // namespace keelson::stream
