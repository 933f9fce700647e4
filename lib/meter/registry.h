// SPDX-License-Identifier: Apache-2.0
// What a program counts, by name and labels, and its text for Prometheus (exposition format 0.0.4).
// A Registry outlives whoever counts in it; families and their members are never taken away, so
// references stay. All calls from any thread; counting takes no lock but that of finding a member.
#pragma once

#include <atomic>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace keelson::meter {

class Counter {
 public:
  void Add(double amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  // `bounds` grow; they outlive the histogram.
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds), counts_(std::make_unique<std::atomic<uint64_t>[]>(bounds.size() + 1)) {}
  void Observe(double value);
  uint64_t count() const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }
  std::span<const double> bounds() const { return bounds_; }
  uint64_t in(size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }

 private:
  const std::span<const double> bounds_;
  const std::unique_ptr<std::atomic<uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

// What is written down of one member.
struct Sample {
  std::string_view suffix;                                     // "_bucket" of a histogram
  std::vector<std::pair<std::string_view, std::string>> more;  // labels besides the family's
  double value = 0;
};
std::vector<Sample> SamplesOf(const Counter& counter);
std::vector<Sample> SamplesOf(const Gauge& gauge);
std::vector<Sample> SamplesOf(const Histogram& histogram);

// All of one name; one member for each set of values of the labels. Beyond kMostMembers they share
// one whose values are "other": labels may come from clients.
constexpr size_t kMostMembers = 20000;
template <typename T>
class Family {
 public:
  Family(std::vector<std::string> labels, std::function<std::unique_ptr<T>()> make)
      : labels_(std::move(labels)), make_(std::move(make)) {}
  // As many values as the family has labels.
  T& With(std::initializer_list<std::string_view> values) {
    const std::string key = KeyOf(values);
    {
      const std::shared_lock lock(mutex_);
      const auto found = members_.find(key);
      if (found != members_.end()) return *found->second.value;
    }
    const std::unique_lock lock(mutex_);
    if (members_.size() < kMostMembers || members_.count(key) != 0) return Make(key, values);
    const std::vector<std::string_view> other(labels_.size(), "other");
    return Make(KeyOf(other), other);
  }
  const std::vector<std::string>& labels() const { return labels_; }
  void ForEach(
      const std::function<void(const std::vector<std::string>& values, const T&)>& each) const {
    const std::shared_lock lock(mutex_);
    for (const auto& [key, member] : members_) each(member.values, *member.value);
  }

 private:
  struct Member {
    std::vector<std::string> values;
    std::unique_ptr<T> value;
  };
  template <typename Values>
  static std::string KeyOf(const Values& values) {
    std::string key;
    for (const std::string_view value : values) key.append(value).push_back('\0');
    return key;
  }
  template <typename Values>
  T& Make(const std::string& key, const Values& values) {
    Member& member = members_[key];
    if (!member.value) {
      for (const std::string_view value : values) member.values.emplace_back(value);
      member.values.resize(labels_.size());
      member.value = make_();
    }
    return *member.value;
  }

  const std::vector<std::string> labels_;
  const std::function<std::unique_ptr<T>()> make_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Member> members_;  // guarded by mutex_
};

class Registry {
 public:
  // The family of that name; made when it is not there yet, so that several parts may name it.
  Family<Counter>& Counters(const std::string& name, const std::string& help,
                            std::vector<std::string> labels = {});
  Family<Gauge>& Gauges(const std::string& name, const std::string& help,
                        std::vector<std::string> labels = {});
  // `bounds` live as long as the program.
  Family<Histogram>& Histograms(const std::string& name, const std::string& help,
                                std::vector<std::string> labels, std::span<const double> bounds);

  // Values that are there already and only read when somebody asks.
  struct Read {
    std::vector<std::string> values;  // of the labels
    double value = 0;
  };
  void ReadGauges(const std::string& name, const std::string& help, std::vector<std::string> labels,
                  std::function<std::vector<Read>()> read);
  void ReadCounters(const std::string& name, const std::string& help,
                    std::vector<std::string> labels, std::function<std::vector<Read>()> read);
  struct ReadHistogram {
    std::vector<std::string> values;  // of the labels
    std::vector<uint64_t> in;         // of each bucket, the one above all bounds last
    double sum = 0;
  };
  void ReadHistograms(const std::string& name, const std::string& help,
                      std::vector<std::string> labels, std::span<const double> bounds,
                      std::function<std::vector<ReadHistogram>()> read);

  std::string Text() const;  // families by name

 private:
  struct Named {
    std::string name;
    std::string help;
    std::string type;
    std::shared_ptr<void> family;
    std::function<void(const Named& of, std::string& to)> write;
  };
  template <typename T>
  Family<T>& Add(const std::string& name, const std::string& help, const char* type,
                 std::vector<std::string> labels, std::function<std::unique_ptr<T>()> make);
  void AddRead(const std::string& name, const std::string& help, const char* type,
               std::function<void(const Named& of, std::string& to)> write);

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Named>> families_;  // guarded by mutex_, by name
};

}  // namespace keelson::meter
