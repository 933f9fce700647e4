// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/daemonset/history.h"

#include <gmock/gmock.h>

#include "lib/json/value.h"

namespace keelson::daemonset {
namespace {

using control::Write;
using json::Value;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Value Set(const std::string& image) {
  return *json::ParseJson(
      R"({"metadata":{"name":"log","namespace":"ns","uid":"uid-log"},"spec":{)"
      R"("revisionHistoryLimit":1,"template":{"metadata":{"labels":{"app":"log"}},)"
      R"("spec":{"containers":[{"image":")" +
      image + R"("}]}}}})");
}

// The revision that is made for it, with this number.
Value Revision(const std::string& image, int64_t number) {
  Value out = PlanHistory(Set(image), {}).writes.at(0).body;
  out.Set("revision", Value(number));
  return out;
}

TEST(DaemonHistory, BeginsWithTheFirstTemplate) {
  const History history = PlanHistory(Set("one"), {});
  ASSERT_THAT(history.writes, SizeIs(1));
  const Value& made = history.writes[0].body;
  EXPECT_EQ(made.At({"revision"}).AsInt(), 1);
  EXPECT_EQ(made.At({"metadata", "name"}).AsString(), "log-" + history.hash);
  EXPECT_EQ(made.At({"metadata", "labels", "controller-revision-hash"}).AsString(), history.hash);
  EXPECT_EQ(made.At({"data", "spec", "template", "$patch"}).AsString(), "replace");
}

TEST(DaemonHistory, StaysAsItIs) {
  const History history = PlanHistory(Set("two"), {Revision("one", 1), Revision("two", 2)});
  EXPECT_THAT(history.writes, IsEmpty());
  EXPECT_THAT(history.old, SizeIs(1));
}

TEST(DaemonHistory, GivesWhatIsGoneBackToANewNumber) {
  const History history = PlanHistory(Set("one"), {Revision("two", 2), Revision("one", 1)});
  ASSERT_THAT(history.writes, SizeIs(1));
  EXPECT_EQ(history.writes[0].verb, Write::Verb::kUpdate);
  EXPECT_EQ(history.writes[0].body.At({"revision"}).AsInt(), 3);
  EXPECT_EQ(history.hash, PlanHistory(Set("one"), {}).hash);
}

TEST(DaemonHistory, ForgetsWhatNoPodIsOf) {
  const Value set = Set("four");
  const std::vector<Value> old = {Revision("one", 1), Revision("two", 2), Revision("three", 3)};
  const std::string first =
      old[0].At({"metadata", "labels", "controller-revision-hash"}).AsString();
  EXPECT_THAT(PlanForgetting(set, old, {}), SizeIs(2));
  const std::vector<Write> writes = PlanForgetting(set, old, {first});
  ASSERT_THAT(writes, SizeIs(2));
  EXPECT_EQ(writes[0].name, old[1].At({"metadata", "name"}).AsString());
}

TEST(DaemonHistory, FindsAnotherNameForOneThatIsTaken) {
  const Value set = Set("one");
  const auto write = AfterCollision(set, Revision("other", 1));
  ASSERT_TRUE(write);
  EXPECT_EQ(write->body.At({"status", "collisionCount"}).AsInt(), 1);
  EXPECT_FALSE(AfterCollision(set, Revision("one", 1)));
}

}  // namespace
}  // namespace keelson::daemonset
