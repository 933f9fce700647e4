// SPDX-License-Identifier: Apache-2.0
#include "cli/fsck/fsck.h"

#include <gtest/gtest.h>

namespace keelson::cli {
namespace {

const std::vector<inventory::Report> kReports = {
    {.component = "keelson-runtime",
     .items = {{.kind = "layer", .thing = "/l", .bytes = 3 << 20, .owner = "image a"},
               {.kind = "link", .thing = "kl0", .owner = "pod default/web"},
               {.kind = "layer",
                .thing = "/m",
                .bytes = 1 << 20,
                .problem = "no image leads to it",
                .remedy = "remove it"}}},
    {.component = "keelson-kubelet",
     .items = {{.kind = "cgroup",
                .thing = "/g",
                .problem = "no pod has it",
                .remedy = "remove it",
                .refused = "it runs"},
               {.kind = "volumes",
                .thing = "/v\x1b",
                .bytes = 1 << 20,
                .problem = "no pod has them",
                .remedy = "unmount and remove them",
                .mended = true}}}};

TEST(Fsck, SaysWhatIsWrongAndWhoHasHowMuch) {
  EXPECT_EQ(FsckText(kReports, false),
            "KIND      THING   SIZE     OWNER    PROBLEM                REMEDY\n"
            "layer     /m      1.05MB   nobody   no image leads to it   --mend: remove it\n"
            "cgroup    /g      -        nobody   no pod has it          it runs\n"
            "volumes   /v      1.05MB   nobody   no pod has them        mended: unmount and "
            "remove them\n"
            "\n"
            "OWNER             THINGS   SIZE\n"
            "image a           1        3.15MB\n"
            "nobody            2        1.05MB\n"
            "pod default/web   1        -\n"
            "\n"
            "5 things, 5.24MB: something is wrong with 2, 1.05MB; 1 mended\n");
}

TEST(Fsck, ListsWhatIsInOrderWhenAskedTo) {
  const std::string text = FsckText({{.items = {kReports[0].items[0]}}}, true);
  EXPECT_EQ(text,
            "KIND    THING   SIZE     OWNER\n"
            "layer   /l      3.15MB   image a\n"
            "\n"
            "OWNER     THINGS   SIZE\n"
            "image a   1        3.15MB\n"
            "\n"
            "1 things, 3.15MB: each has an owner and is whole\n");
}

TEST(Fsck, TellsProgramsAllOfIt) {
  const std::string text = FsckJson(kReports);
  const auto parsed = json::ParseJson(text);
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->At({"reports"}).items().size(), 2u);
  EXPECT_EQ(parsed->At({"reports"}).items()[1].At({"items"}).items()[1].At({"mended"}).AsBool(),
            true);
}

}  // namespace
}  // namespace keelson::cli
