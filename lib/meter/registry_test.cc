// SPDX-License-Identifier: Apache-2.0
#include "lib/meter/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "lib/meter/process.h"

namespace keelson::meter {
namespace {

constexpr double kBounds[] = {0.1, 1, 10};

TEST(Registry, WritesFamiliesByNameAndEscapesLabels) {
  Registry registry;
  registry.Counters("b_total", "B\nmore.", {"verb", "code"}).With({"GET", "200"}).Add();
  registry.Counters("b_total", "", {"verb", "code"}).With({"GET", "200"}).Add(2);
  registry.Counters("b_total", "", {"verb", "code"}).With({"a\"b\\\n", ""}).Add();
  registry.Gauges("a", "A.").With({}).Set(1.5);
  registry.ReadGauges("c", "C.", {"x"},
                      [] { return std::vector<Registry::Read>{{{"one"}, 1}, {{"two"}, 2}}; });
  EXPECT_EQ(registry.Text(),
            "# HELP a A.\n# TYPE a gauge\na 1.5\n"
            "# HELP b_total B\\nmore.\n# TYPE b_total counter\n"
            "b_total{verb=\"GET\",code=\"200\"} 3\nb_total{verb=\"a\\\"b\\\\\\n\",code=\"\"} 1\n"
            "# HELP c C.\n# TYPE c gauge\nc{x=\"one\"} 1\nc{x=\"two\"} 2\n");
}

TEST(Registry, HistogramsCountWhatIsBelowEachBound) {
  Registry registry;
  Histogram& times = registry.Histograms("t", "T.", {"v"}, kBounds).With({"x"});
  for (const double value : {0.05, 0.1, 0.5, 100.0}) times.Observe(value);
  EXPECT_EQ(registry.Text(),
            "# HELP t T.\n# TYPE t histogram\nt_bucket{v=\"x\",le=\"0.1\"} 2\n"
            "t_bucket{v=\"x\",le=\"1\"} 3\nt_bucket{v=\"x\",le=\"10\"} 3\n"
            "t_bucket{v=\"x\",le=\"+Inf\"} 4\nt_sum{v=\"x\"} 100.65\nt_count{v=\"x\"} 4\n");
}

TEST(Registry, CountsFromManyThreadsAndBoundsItsMembers) {
  Registry registry;
  Family<Counter>& family = registry.Counters("n", "N.", {"i"});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) family.With({std::to_string(i % 10)}).Add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(family.With({"3"}).value(), 400);
  for (size_t i = 0; i < kMostMembers + 5; ++i) family.With({"x" + std::to_string(i)}).Add();
  EXPECT_EQ(family.With({"other"}).value(), 15);
}

TEST(Process, TellsItsOwnFigures) {
  Registry registry;
  AddProcess(registry);
  const std::string text = registry.Text();
  for (const char* name : {"process_cpu_seconds_total ", "process_resident_memory_bytes ",
                           "process_start_time_seconds ", "process_open_fds ", "process_max_fds "})
    EXPECT_THAT(text, testing::HasSubstr(std::string("\n") + name));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("process_resident_memory_bytes 0\n")));
}

}  // namespace
}  // namespace keelson::meter
