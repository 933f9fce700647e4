// SPDX-License-Identifier: Apache-2.0
// Files of the kernel, in which names that containers choose stand too: figures of cgroups, links
// of a network namespace, limits, mounts, and the list of AppArmor's profiles. What is not
// understood is passed over.
#include <string>
#include <string_view>

#include "lib/kernel/cgroup/cgroup.h"
#include "lib/kernel/cgroup/usage.h"
#include "runtime/security/apparmor.h"
#include "runtime/stats/links.h"
#include "runtime/stats/processes.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keelson;
  using fuzz::Require;
  const std::string text(reinterpret_cast<const char*>(data), size);
  cgroup::CpuUsage cpu;
  ParseCpuStatV1(text, cpu);
  ParseCpuStatV2(text, cpu);
  for (const uint64_t ticks : {1, 100, 1000}) ParseCpuacctStat(text, ticks, cpu);
  cgroup::MemoryUsage memory;
  ParseMemoryStatV1(text, memory);
  ParseMemoryStatV2(text, memory);
  ParseMemoryEvents(text, memory);
  std::vector<cgroup::DeviceIo> io;
  cgroup::ParseThrottleV1(text, true, io);
  cgroup::ParseThrottleV1(text, false, io);
  cgroup::ParseIoStatV2(text, io);
  (void)cgroup::ParsePressure(text);
  cgroup::Usage usage;
  ParseCpuMax(text, usage);
  if (const auto number = cgroup::ParseNumber(text)) (void)cgroup::WeightToShares(*number);
  const auto layout = cgroup::ParseLayout(text);
  if (!layout.ok()) fuzz::RequireSentence(layout.error().message());
  const auto links = stats::ParseLinks(text);
  Require(links.size() <= 64, "too many links", text);
  for (const stats::Link& link : links) Require(link.name != "lo", "the loopback link", text);
  (void)stats::ParseOpenFilesLimit(text);
  (void)security::ListsProfile(text, "keelson-default");
  const auto profile = security::ParseProfileString(text);
  if (!profile.ok()) fuzz::RequireSentence(profile.error().message());
  return 0;
}
