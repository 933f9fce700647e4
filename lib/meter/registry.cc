// SPDX-License-Identifier: Apache-2.0
#include "lib/meter/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace keelson::meter {
namespace {

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

std::string Escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || (quotes && c == '"')) out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

void Line(std::string& to, std::string_view name, const std::vector<std::string>& labels,
          const std::vector<std::string>& values, const Sample& sample) {
  to.append(name).append(sample.suffix);
  std::string inner;
  const auto add = [&inner](std::string_view label, std::string_view value) {
    if (!inner.empty()) inner += ',';
    inner += fmt::format("{}=\"{}\"", label, Escaped(value, true));
  };
  for (size_t i = 0; i < labels.size(); ++i) add(labels[i], i < values.size() ? values[i] : "");
  for (const auto& [label, value] : sample.more) add(label, value);
  if (!inner.empty()) to += fmt::format("{{{}}}", inner);
  to += fmt::format(" {}\n", Number(sample.value));
}

std::vector<Sample> SamplesOf(std::span<const double> bounds, const std::vector<uint64_t>& in,
                              double sum) {
  std::vector<Sample> out;
  uint64_t below = 0;
  for (size_t i = 0; i < bounds.size(); ++i) {
    below += in[i];
    out.push_back({"_bucket", {{"le", Number(bounds[i])}}, static_cast<double>(below)});
  }
  below += in[bounds.size()];
  out.push_back({"_bucket", {{"le", "+Inf"}}, static_cast<double>(below)});
  out.push_back({"_sum", {}, sum});
  out.push_back({"_count", {}, static_cast<double>(below)});
  return out;
}

void WriteReads(const std::string& name, const std::vector<std::string>& labels,
                const std::vector<Registry::Read>& reads, std::string& to) {
  for (const Registry::Read& one : reads) Line(to, name, labels, one.values, {"", {}, one.value});
}

}  // namespace

void Histogram::Observe(double value) {
  const size_t bucket = static_cast<size_t>(
      std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

uint64_t Histogram::count() const {
  uint64_t all = 0;
  for (size_t i = 0; i <= bounds_.size(); ++i) all += in(i);
  return all;
}

std::vector<Sample> SamplesOf(const Counter& counter) { return {{"", {}, counter.value()}}; }
std::vector<Sample> SamplesOf(const Gauge& gauge) { return {{"", {}, gauge.value()}}; }
std::vector<Sample> SamplesOf(const Histogram& histogram) {
  std::vector<uint64_t> in(histogram.bounds().size() + 1);
  for (size_t i = 0; i < in.size(); ++i) in[i] = histogram.in(i);
  return SamplesOf(histogram.bounds(), in, histogram.sum());
}

template <typename T>
Family<T>& Registry::Add(const std::string& name, const std::string& help, const char* type,
                         std::vector<std::string> labels,
                         std::function<std::unique_ptr<T>()> make) {
  const std::lock_guard lock(mutex_);
  const auto at = std::lower_bound(families_.begin(), families_.end(), name,
                                   [](const std::shared_ptr<Named>& one,
                                      const std::string& wanted) { return one->name < wanted; });
  if (at != families_.end() && (*at)->name == name && (*at)->type == type && (*at)->family)
    return *static_cast<Family<T>*>((*at)->family.get());
  const auto family = std::make_shared<Family<T>>(std::move(labels), std::move(make));
  const auto named = std::make_shared<Named>(Named{name, help, type, family, nullptr});
  named->write = [family](const Named& of, std::string& to) {
    std::vector<std::string> lines;
    family->ForEach([&](const std::vector<std::string>& values, const T& member) {
      std::string text;
      for (const Sample& sample : SamplesOf(member))
        Line(text, of.name, family->labels(), values, sample);
      lines.push_back(std::move(text));
    });
    std::sort(lines.begin(), lines.end());
    for (const std::string& line : lines) to += line;
  };
  families_.insert(at, named);
  return *family;
}

Family<Counter>& Registry::Counters(const std::string& name, const std::string& help,
                                    std::vector<std::string> labels) {
  return Add<Counter>(name, help, "counter", std::move(labels),
                      [] { return std::make_unique<Counter>(); });
}
Family<Gauge>& Registry::Gauges(const std::string& name, const std::string& help,
                                std::vector<std::string> labels) {
  return Add<Gauge>(name, help, "gauge", std::move(labels),
                    [] { return std::make_unique<Gauge>(); });
}
Family<Histogram>& Registry::Histograms(const std::string& name, const std::string& help,
                                        std::vector<std::string> labels,
                                        std::span<const double> bounds) {
  return Add<Histogram>(name, help, "histogram", std::move(labels),
                        [bounds] { return std::make_unique<Histogram>(bounds); });
}

void Registry::AddRead(const std::string& name, const std::string& help, const char* type,
                       std::function<void(const Named& of, std::string& to)> write) {
  const auto named = std::make_shared<Named>(Named{name, help, type, nullptr, std::move(write)});
  const std::lock_guard lock(mutex_);
  const auto at = std::lower_bound(families_.begin(), families_.end(), name,
                                   [](const std::shared_ptr<Named>& one,
                                      const std::string& wanted) { return one->name < wanted; });
  families_.insert(at, named);
}

void Registry::ReadGauges(const std::string& name, const std::string& help,
                          std::vector<std::string> labels,
                          std::function<std::vector<Read>()> read) {
  AddRead(name, help, "gauge",
          [labels = std::move(labels), read = std::move(read)](const Named& of, std::string& to) {
            WriteReads(of.name, labels, read(), to);
          });
}
void Registry::ReadCounters(const std::string& name, const std::string& help,
                            std::vector<std::string> labels,
                            std::function<std::vector<Read>()> read) {
  AddRead(name, help, "counter",
          [labels = std::move(labels), read = std::move(read)](const Named& of, std::string& to) {
            WriteReads(of.name, labels, read(), to);
          });
}
void Registry::ReadHistograms(const std::string& name, const std::string& help,
                              std::vector<std::string> labels, std::span<const double> bounds,
                              std::function<std::vector<ReadHistogram>()> read) {
  AddRead(name, help, "histogram",
          [labels = std::move(labels), bounds, read = std::move(read)](const Named& of,
                                                                       std::string& to) {
            for (const ReadHistogram& one : read())
              for (const Sample& sample : SamplesOf(bounds, one.in, one.sum))
                Line(to, of.name, labels, one.values, sample);
          });
}

std::string Registry::Text() const {
  std::vector<std::shared_ptr<Named>> families;
  {
    const std::lock_guard lock(mutex_);
    families = families_;
  }
  std::string out;
  for (const std::shared_ptr<Named>& family : families) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family->name, Escaped(family->help, false),
                       family->name, family->type);
    family->write(*family, out);
  }
  return out;
}

}  // namespace keelson::meter
