// SPDX-License-Identifier: Apache-2.0
#include "proxy/apply/iptables/blame.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace keelson::proxy::iptables {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

struct Many {
  Pieces pieces;
  std::vector<std::string> names;
  explicit Many(int count) {
    for (int i = 0; i < count; ++i) {
      names.push_back(fmt::format("d/s{:04}", i));
      pieces[names.back()].nat_services = {"-A KUBE-SERVICES"};
    }
  }
};

// Refuses whatever holds one of `bad`.
Trial Refusing(std::set<std::string> bad, int& tries) {
  return [bad = std::move(bad), &tries](const Pieces& pieces) -> base::Status {
    ++tries;
    for (const auto& [name, piece] : pieces)
      if (bad.count(name) != 0) return base::Internal("not {}", name);
    return base::Ok();
  };
}

TEST(Blame, EveryRefusedServiceIsFoundAmongManyInFewTries) {
  const Many many(1000);
  int tries = 0;
  EXPECT_THAT(
      FindRefused(many.pieces, many.names, Refusing({"d/s0007", "d/s0008", "d/s0999"}, tries)),
      ElementsAre(Pair("d/s0007", "not d/s0007"), Pair("d/s0008", "not d/s0008"),
                  Pair("d/s0999", "not d/s0999")));
  EXPECT_LT(tries, 70);
}

TEST(Blame, NobodyIsBlamedForWhatIsNobodysFault) {
  const Many many(10);
  int tries = 0;
  EXPECT_THAT(FindRefused(many.pieces, many.names, Refusing({}, tries)), IsEmpty());
  // Nothing can be applied at all.
  EXPECT_THAT(FindRefused(many.pieces, many.names,
                          [](const Pieces&) -> base::Status { return base::Internal("locked"); }),
              IsEmpty());
  // Refused once and never again.
  bool first = true;
  EXPECT_THAT(FindRefused(many.pieces, {"d/s0001"},
                          [&](const Pieces& pieces) -> base::Status {
                            if (pieces.empty() || !first) return base::Ok();
                            first = false;
                            return base::Internal("locked");
                          }),
              IsEmpty());
}

}  // namespace
}  // namespace keelson::proxy::iptables
