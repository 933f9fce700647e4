// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/store.h"

#include <gtest/gtest.h>

namespace keelson::store {
namespace {

TEST(Bytes, ShareOneBlockAndKnowNullFromEmpty) {
  Bytes nothing;
  const Bytes empty = Bytes::Copy("");
  EXPECT_FALSE(nothing);
  EXPECT_TRUE(empty);
  EXPECT_FALSE(nothing == empty);
  const Bytes joined = Bytes::Join({"ab", "", "c"});
  EXPECT_EQ(joined.view(), "abc");
  nothing = joined;
  EXPECT_TRUE(nothing.Same(joined));
  const Bytes other = Bytes::Copy("abc");
  EXPECT_TRUE(other == joined);
  EXPECT_FALSE(other.Same(joined));
}

TEST(Store, KnowsWhatComesBehindAPrefix) {
  EXPECT_EQ(PrefixEnd("/a/"), "/a0");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

TEST(Store, ErrorsOfRacesNameBothSides) {
  EXPECT_EQ(MakeConflict("/a", kAbsent, 7).message(),
            "key '/a' was expected not to be there: it is 7");
  EXPECT_EQ(MakeConflict("/a", 3, 7).message(), "key '/a' was expected at revision 3: it is 7");
  EXPECT_EQ(MakeConflict("/a", 3, 0).message(),
            "key '/a' was expected at revision 3: it is not there");
  EXPECT_EQ(MakeCompacted(3, 9).message(), "revision 3 is too old: events are kept from 9");
  EXPECT_EQ(ConflictOf(base::NotFound("x")), nullptr);
}

}  // namespace
}  // namespace keelson::store
