// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/program_log.h"

#include <gtest/gtest.h>

namespace keelson::oci {
namespace {

TEST(ProgramLog, TheLastErrorIsTheReason) {
  struct Case {
    const char* log;
    const char* expected;
  };
  for (const Case& c : {
           Case{"", ""},
           Case{"no json at all\n", ""},
           Case{R"({"msg":"executable file `x` not found in $PATH: No such file or directory",)"
                R"("level":"error","time":"2026"})"
                "\n",
                "executable file `x` not found in $PATH: No such file or directory"},
           Case{"{\"level\":\"warning\",\"msg\":\"old\"}\n"
                "{\"level\":\"error\",\"msg\":\"exec: \\\"x\\\": \\u003cnone\\u003e\\n\"}\n"
                "{\"level\":\"warning\",\"msg\":\"later\"}\n",
                "exec: \"x\": <none>"},
           Case{"{\"level\":\"warning\",\"msg\":\"only\"}\n", "only"},
           Case{"{\"msg\":\"cut off", "cut off"},
           Case{"{\"msg\":\"cut off\\", "cut off\\"},
           Case{"{\"msg\":\"cut \\u00", "cut u00"},
       }) {
    EXPECT_EQ(ErrorIn(c.log), c.expected) << c.log;
  }
  EXPECT_LE(ErrorIn("{\"msg\":\"" + std::string(100000, 'x') + "\"}").size(), 2000u);
}

}  // namespace
}  // namespace keelson::oci
