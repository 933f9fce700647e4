// SPDX-License-Identifier: Apache-2.0
#include "oci/command/stats.h"

#include <gtest/gtest.h>

namespace keelson::oci {
namespace {

TEST(PressureText, IsTheKernelsLinesAsObjects) {
  EXPECT_EQ(json::WriteJson(PressureText("some avg10=1.50 avg60=0.00 avg300=0.25 total=4096\n"
                                         "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n")),
            R"({"some":{"avg10":1.5,"avg60":0,"avg300":0.25,"total":4096},)"
            R"("full":{"avg10":0,"avg60":0,"avg300":0,"total":7}})");
  EXPECT_TRUE(PressureText("").IsNull());
  EXPECT_TRUE(PressureText("other avg10=1\nsome").IsNull());
}

}  // namespace
}  // namespace keelson::oci
