// SPDX-License-Identifier: Apache-2.0
// Answers of others, kept as long as they may be. Bounded: the one that was not asked for longest
// goes. One thread.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "lib/base/clock.h"
#include "proxy/dns/message.h"

namespace keelson::dns {

class Cache {
 public:
  struct Options {
    size_t entries = 10000;
    uint32_t longest = 3600;  // seconds
    uint32_t longest_negative = 1800;
    uint32_t shortest = 5;
  };
  Cache(const base::Clock& clock, Options options) : clock_(clock), options_(options) {}

  // For this asker: its id, its letters, what is left of the time.
  std::optional<std::string> Find(const Question& question);
  // Nothing that was cut, and no server's failure.
  void Keep(const Question& question, const Foreign& read, const std::string& packet);
  size_t size() const { return by_key_.size(); }

 private:
  struct Entry {
    std::string key;
    std::string packet;
    base::SteadyTime from;
    std::chrono::seconds life{0};
  };
  static std::string KeyOf(const Question& question);

  const base::Clock& clock_;
  const Options options_;
  std::list<Entry> entries_;  // the last one asked for first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace keelson::dns
