// SPDX-License-Identifier: Apache-2.0
#include "proxy/dns/cache.h"

#include <algorithm>

namespace keelson::dns {

std::string Cache::KeyOf(const Question& question) {
  return question.name + '\0' + std::to_string(question.type) + '.' +
         std::to_string(question.klass) + (question.dnssec_ok ? "d" : "") +
         (question.checking_disabled ? "c" : "") + (question.udp_size ? "e" : "");
}

std::optional<std::string> Cache::Find(const Question& question) {
  const auto found = by_key_.find(KeyOf(question));
  if (found == by_key_.end()) return std::nullopt;
  const auto entry = found->second;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(clock_.Steady() - entry->from);
  if (age >= entry->life) {
    by_key_.erase(found);
    entries_.erase(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return Readdressed(Aged(entry->packet, static_cast<uint32_t>(age.count())), question);
}

void Cache::Keep(const Question& question, const Foreign& read, const std::string& packet) {
  if (read.truncated || (read.code != kNoError && read.code != kNxDomain)) return;
  const bool positive = read.has_answers && read.code == kNoError;
  const uint32_t most = positive ? options_.longest : options_.longest_negative;
  const uint32_t life = std::clamp(read.ttl, std::min(options_.shortest, most), most);
  std::string key = KeyOf(question);
  if (const auto old = by_key_.find(key); old != by_key_.end()) {
    entries_.erase(old->second);
    by_key_.erase(old);
  }
  while (by_key_.size() >= options_.entries && !entries_.empty()) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({key, packet, clock_.Steady(), std::chrono::seconds(life)});
  by_key_[std::move(key)] = entries_.begin();
}

}  // namespace keelson::dns
