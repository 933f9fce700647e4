// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/job/indexes.h"

#include <gmock/gmock.h>

namespace keelson::job {
namespace {

using ::testing::ElementsAre;

TEST(Indexes, AreSpelledAsRanges) {
  struct Case {
    std::vector<int64_t> indexes;
    std::string text;
  };
  for (const Case& c : std::vector<Case>{{{}, ""},
                                         {{4}, "4"},
                                         {{1, 0}, "0,1"},
                                         {{2, 0, 1}, "0-2"},
                                         {{1, 3, 4, 5, 7}, "1,3-5,7"},
                                         {{5, 3, 4, 3}, "3-5"},
                                         {{0, 2, 4, 3, 1}, "0-4"}}) {
    Indexes indexes;
    for (const int64_t index : c.indexes) indexes.Add(index);
    EXPECT_EQ(indexes.Text(), c.text);
    EXPECT_EQ(Indexes::Parse(c.text, 100), indexes);
  }
}

TEST(Indexes, BeyondTheLimitOrIllFormedAreLeftOut) {
  EXPECT_EQ(Indexes::Parse("0,8-12,30", 10).Text(), "0,8,9");
  EXPECT_EQ(Indexes::Parse("x,-1,3-1,2,,5-y", 10).Text(), "2");
}

TEST(Indexes, FindWhatIsMissing) {
  const Indexes some = Indexes::Parse("0,2-4,8", 10);
  EXPECT_THAT(some.Missing(3, 10), ElementsAre(1, 5, 6));
  EXPECT_THAT(some.Missing(9, 10), ElementsAre(1, 5, 6, 7, 9));
  EXPECT_THAT(some.Missing(9, 3), ElementsAre(1));
  EXPECT_EQ(some.size(), 5);
  EXPECT_EQ(some.CountIn(Indexes::Parse("1-3", 10)), 2);
  EXPECT_TRUE(some.Has(3));
  EXPECT_FALSE(some.Has(5));
}

}  // namespace
}  // namespace keelson::job
