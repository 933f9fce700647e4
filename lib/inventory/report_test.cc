// SPDX-License-Identifier: Apache-2.0
#include "lib/inventory/report.h"

#include <gtest/gtest.h>

namespace keelson::inventory {
namespace {

TEST(InventoryReport, SurvivesTheWayThroughJson) {
  const Report report{.component = "keelson-runtime",
                      .runs = true,
                      .endpoint = "/run/keelson/cri.sock",
                      .items = {{.kind = "link", .thing = "kl0", .owner = "pod default/web"},
                                {.kind = "layer",
                                 .thing = "/var/lib/a",
                                 .bytes = uint64_t{5} << 40,
                                 .problem = "no image \"leads\" to it",
                                 .remedy = "remove it",
                                 .refused = "busy\n",
                                 .mended = true}},
                      .pods = {{"1", "u", "default", "web"}}};
  const base::Result<Report> back = FromJson(json::WriteJson(ToJson(report)));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, report);
}

TEST(InventoryReport, RefusesWhatIsNone) {
  EXPECT_FALSE(FromJson("").ok());
  EXPECT_FALSE(FromJson("[]").ok());
  EXPECT_FALSE(FromJson("{\"items\":[]}").ok());
}

TEST(InventoryReport, AMendedProblemIsNone) {
  Report report{.component = "c", .items = {{.kind = "k", .thing = "t", .owner = "o"}}};
  EXPECT_FALSE(HasProblem(report));
  report.items.push_back({.kind = "k", .thing = "u", .problem = "p"});
  EXPECT_TRUE(HasProblem(report));
  report.items.back().mended = true;
  EXPECT_FALSE(HasProblem(report));
}

}  // namespace
}  // namespace keelson::inventory
