// SPDX-License-Identifier: Apache-2.0
// What containers write and answer, and what any runtime makes of it: output that becomes a log,
// logs that become lines again, answers to a gRPC probe, and a kubelet's figures.
#include <string>
#include <string_view>

#include "kubelet/probe/grpc_probe.h"
#include "kubelet/server/log_lines.h"
#include "minimal-master/usage/resource_metrics.h"
#include "runtime/log/line_splitter.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using namespace keelson;

constexpr int64_t kNow = 1'800'000'000'123'456'789;

std::string LogOf(std::string_view output, size_t piece) {
  std::string entries;
  log::LineSplitter splitter("stdout");
  const auto emit = [&](const std::string& entry) {
    const auto record = server::ParseLogRecord(std::string_view(entry).substr(0, entry.size() - 1));
    Require(entry.ends_with('\n') && record.has_value(), "an entry is no record", entry);
    Require(record->stream == "stdout" && record->text.size() <= log::kMaxLineBytes, "an entry",
            entry);
    entries += entry;
  };
  for (size_t at = 0; at < output.size(); at += piece)
    splitter.Feed(output.substr(at, piece), kNow, emit);
  splitter.Finish(kNow, emit);
  return entries;
}

std::string LinesOf(std::string_view log, size_t piece, const server::LogOptions& options) {
  std::string lines;
  server::LineJoiner joiner(options);
  for (size_t at = 0; at < log.size(); at += piece) joiner.Feed(log.substr(at, piece), lines);
  joiner.Finish(lines);
  Require(!options.limit_bytes || lines.size() <= static_cast<size_t>(*options.limit_bytes),
          "more bytes than asked for", lines);
  return lines;
}

void CheckOutput(std::string_view output) {
  const std::string entries = LogOf(output, output.size() + 1);
  Require(LogOf(output, 5) == entries, "pieces change a log", output);
  Require(LinesOf(entries, 7, {}) == output, "a log is other than what was written", entries);
}

void CheckLog(std::string_view log) {
  server::LogOptions some{.timestamps = true, .since = kNow, .limit_bytes = 100};
  some.stream = "stderr";
  for (const server::LogOptions& options : {server::LogOptions{}, some}) {
    Require(LinesOf(log, log.size() + 1, options) == LinesOf(log, 3, options),
            "pieces change lines", log);
  }
  const auto read = [&](int64_t offset, size_t bytes, std::string& buffer) {
    Require(offset >= 0 && static_cast<size_t>(offset) + bytes <= log.size(),
            "a place outside the file");
    buffer = log.substr(static_cast<size_t>(offset), bytes);
    return true;
  };
  int64_t before = static_cast<int64_t>(log.size());
  for (const int64_t lines : {0, 1, 2, 1000}) {
    const int64_t from = server::FindTail(read, static_cast<int64_t>(log.size()), lines, "stdout");
    Require(from >= 0 && from <= before, "more lines begin later", log);
    const auto at = static_cast<size_t>(from);
    Require(at == 0 || at == log.size() || log[at - 1] == '\n', "not the beginning of a line", log);
    before = from;
  }
}

void CheckFigures(std::string_view text) {
  const usage::NodeReading reading = usage::ReadResourceMetrics(text);
  for (const auto& [pod, containers] : reading.containers) {
    Require(!pod.name.empty() && !containers.empty(), "figures of nobody", text);
    for (const auto& [name, one] : containers) {
      Require(!name.empty() && (one.cpu_seconds || one.memory_bytes), "no figures", text);
      Require(one.cpu_seconds.value_or(0) >= 0 && one.memory_bytes.value_or(0) >= 0,
              "less than nothing", text);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckOutput(text);
  CheckLog(text);
  CheckFigures(text);
  (void)probe::DecodeHealthResponse(text);
  return 0;
}
