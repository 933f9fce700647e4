// SPDX-License-Identifier: Apache-2.0
// keelson-runtime, a pod's keelson-monitor or its keelson-log dies at each of its fail points, and
// at each number of hits: lists are consistent, what is asked again works, exit codes and logs are
// right, Remove works, nothing is left. KEELSON_POINTS_KILLS says how many passes (scripts/crash
// points for many), KEELSON_TEST_SEED repeats the choices.
#include "tests/crash/runtime_scenarios.h"

namespace keelson::node_test {
namespace {

constexpr int64_t kMostHits = 40;  // of one place in one scenario that are aimed at
constexpr int kMostTold = 12;
constexpr int kWhole = 200;  // passes from which on each place must be reached

class RuntimePoints : public RuntimeScenarios {
 protected:
  struct Choice {
    Scenario scenario;
    Aim aim;
  };
  static bool IsOurs(const Place& place) {
    return place.program != "keelson-kubelet" && place.program != "keelson-anchor";
  }
  // What one pass without a kill reaches, and how often.
  void Calibrate() {
    for (const Scenario scenario : kAll) {
      Pod pod;
      const std::map<Place, int64_t> before = points_.Hits();
      const auto begin = std::chrono::steady_clock::now();
      const Pass pass = RunPass(StepsOf(scenario, pod, nullptr), nullptr);
      ASSERT_EQ(pass.wrong, "") << kNames[static_cast<int>(scenario)];
      const std::map<Place, int64_t> after = points_.Hits();
      int64_t reached = 0;
      for (const auto& [place, hits] : after) {
        if (!IsOurs(place)) continue;
        const int64_t times = std::min(hits - before.at(place), kMostHits);
        for (int64_t hit = 1; hit <= times; ++hit)
          choices_[place].push_back({scenario, {place, hit}});
        reached += times > 0 ? 1 : 0;
        if (times > 0 && scenario == Scenario::kRecovery &&
            (place.point.starts_with("runtime.recover.") ||
             place.point.starts_with("runtime.adopt.")))
          recovery_.push_back({place, 1});
      }
      std::fprintf(
          stderr, "%s: %ld places, %.0f ms\n", kNames[static_cast<int>(scenario)],
          static_cast<long>(reached),
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
              .count());
    }
  }
  // Each place once, then each once more, with other scenarios and hits each time.
  std::vector<Choice> Plan() {
    std::vector<Choice> plan;
    for (auto& [place, choices] : choices_) std::shuffle(choices.begin(), choices.end(), random_);
    for (size_t round = 0; plan.size() < static_cast<size_t>(std::max(wanted_, 1)); ++round) {
      for (const auto& [place, choices] : choices_) plan.push_back(choices[round % choices.size()]);
    }
    std::shuffle(plan.begin(), plan.end(), random_);
    if (static_cast<int>(plan.size()) > wanted_) plan.resize(static_cast<size_t>(wanted_));
    return plan;
  }

  std::map<Place, std::vector<Choice>> choices_;
  std::vector<Aim> recovery_;  // what a daemon that begins may die at
};

TEST_F(RuntimePoints, WhereverAProcessDiesNothingIsLostOrLeft) {
  // The first pod makes what stays: the bridge, the rules, the anchor.
  {
    Pod pod;
    for (const Step& step : StepsOf(Scenario::kPod, pod, nullptr))
      ASSERT_EQ(Text(step.ask()), "") << step.name;
    (void)Eventually([&] { return os::ListDir(state() + "/trash").value().empty(); });
    trees_before_ = Trees();
  }
  ASSERT_NO_FATAL_FAILURE(Calibrate());
  int kills = 0, missed = 0, wrong = 0;
  const auto begin = std::chrono::steady_clock::now();
  std::set<Place> died;
  std::map<std::string, int> failures;
  for (const Choice& choice : Plan()) {
    Pod pod;
    const Aim* second = nullptr;
    Aim again;
    if (!recovery_.empty() && Random(0, 9) == 0) {
      again = recovery_[static_cast<size_t>(Random(0, static_cast<int>(recovery_.size()) - 1))];
      second = &again;
    }
    second_ = second;
    const auto at = std::chrono::steady_clock::now();
    const Pass pass = RunPass(StepsOf(choice.scenario, pod, &choice.aim), &choice.aim);
    second_ = nullptr;
    std::fprintf(
        stderr, "%s: %s%s, %.0f ms%s\n", kNames[static_cast<int>(choice.scenario)],
        Describe(choice.aim).c_str(),
        second != nullptr ? (", then " + Describe(*second)).c_str() : "",
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - at).count(),
        pass.died ? "" : " (not reached)");
    if (pass.died) {
      kills += static_cast<int>(points_.Deaths() - deaths_before_);
      died.insert(choice.aim.place);
    } else {
      ++missed;
    }
    if (pass.wrong.empty()) continue;
    ++failures[Describe(choice.aim)];
    if (++wrong <= kMostTold) {
      const std::string log = os::ReadFile(dir_.path() + "/runtime.log", 1u << 30).ValueOr("");
      ADD_FAILURE() << kNames[static_cast<int>(choice.scenario)] << ", " << Describe(choice.aim)
                    << (second != nullptr ? ", then " + Describe(*second) : "") << ": "
                    << pass.wrong << "\n"
                    << log.substr(std::min(log_begin_, log.size()));
    }
    ClearAway();
  }
  const double took =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::fprintf(
      stderr, "%d kills at %zu of %zu places, %d passes whose hit did not come, %d wrong, %.1f s\n",
      kills, died.size(), points_.All().size(), missed, wrong, took);
  const std::map<Place, int64_t> hits = points_.Hits();
  for (const Place& place : points_.All()) {
    if (!IsOurs(place) || wanted_ < kWhole) continue;
    EXPECT_GT(hits.at(place), 0) << place.program << " never reached " << place.point;
  }
}

}  // namespace
}  // namespace keelson::node_test
