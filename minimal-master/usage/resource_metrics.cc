// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/usage/resource_metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "lib/base/strings.h"

namespace keelson::usage {
namespace {

struct Line {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string>> labels;
  double value = 0;
  int64_t at_millis = 0;

  std::string Label(std::string_view key) const {
    for (const auto& [name_of, text] : labels)
      if (name_of == key) return text;
    return "";
  }
};

// name="value" with \\, \" and \n; false: not closed.
bool TakeLabels(std::string_view& rest, Line& line) {
  while (!rest.empty() && rest.front() != '}') {
    const size_t equals = rest.find("=\"");
    if (equals == std::string_view::npos) return false;
    const std::string_view name = base::Trim(rest.substr(0, equals));
    rest.remove_prefix(equals + 2);
    std::string value;
    while (!rest.empty() && rest.front() != '"') {
      if (rest.front() == '\\' && rest.size() > 1) {
        rest.remove_prefix(1);
        value += rest.front() == 'n' ? '\n' : rest.front();
      } else {
        value += rest.front();
      }
      rest.remove_prefix(1);
    }
    if (rest.empty()) return false;
    rest.remove_prefix(1);
    if (!rest.empty() && rest.front() == ',') rest.remove_prefix(1);
    line.labels.emplace_back(name, std::move(value));
  }
  if (rest.empty()) return false;
  rest.remove_prefix(1);
  return true;
}

std::optional<Line> ReadLine(std::string_view text) {
  if (text.empty() || text.front() == '#') return std::nullopt;
  Line line;
  const size_t end = text.find_first_of("{ ");
  if (end == std::string_view::npos) return std::nullopt;
  line.name = text.substr(0, end);
  text.remove_prefix(end);
  if (text.front() == '{') {
    text.remove_prefix(1);
    if (!TakeLabels(text, line)) return std::nullopt;
  }
  text = base::Trim(text);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), line.value);
  if (read.ec != std::errc() || !std::isfinite(line.value) || line.value < 0) return std::nullopt;
  const std::string_view time =
      base::Trim(text.substr(static_cast<size_t>(read.ptr - text.data())));
  line.at_millis = base::ParseInt64(time).value_or(0);
  return line;
}

void Take(const Line& line, bool cpu, Reading& reading) {
  (cpu ? reading.cpu_seconds : reading.memory_bytes) = line.value;
  if (line.at_millis > reading.at_millis) reading.at_millis = line.at_millis;
}

}  // namespace

NodeReading ReadResourceMetrics(std::string_view text) {
  NodeReading out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::optional<Line> line = ReadLine(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line) continue;
    const bool cpu = line->name.ends_with("_cpu_usage_seconds_total");
    if (!cpu && !line->name.ends_with("_memory_working_set_bytes")) continue;
    if (line->name.starts_with("node_")) {
      Take(*line, cpu, out.node);
    } else if (line->name.starts_with("container_")) {
      const std::string container = line->Label("container");
      PodName pod{line->Label("namespace"), line->Label("pod")};
      if (!container.empty() && !pod.name.empty())
        Take(*line, cpu, out.containers[std::move(pod)][container]);
    }
  }
  return out;
}

}  // namespace keelson::usage
