// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/chaos_writers.h"

#include <fmt/format.h>
#include <poll.h>

namespace keelson::cluster_test {

Writer::Writer(int number, uint64_t seed, Asker ask)
    : prefix_("map-" + std::to_string(number) + "-"), ask_(std::move(ask)), random_(seed) {
  thread_ = std::thread([this] { Run(); });
}

void Writer::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

std::optional<bool> Writer::Write(const std::string& method, const std::string& path,
                                  const std::string& body, const std::string& type) {
  const auto answer = ask_(method, path, body, type);
  if (!answer.ok() || answer->code >= 500) {
    ++unanswered_;
    // It comes back in a moment.
    (void)poll(nullptr, 0, 50);
    return std::nullopt;
  }
  if (answer->code < 300) {
    ++acknowledged_;
    return true;
  }
  if (answer->code != 429)
    wrong_.push_back(fmt::format("{} {}: {} {}", method, path, answer->code, answer->body));
  return false;
}

void Writer::Run() {
  std::vector<std::string> known;  // of which the state is certain
  for (uint64_t step = 1; !stop_; ++step) {
    const std::string value = std::to_string(step);
    const uint64_t choice = random_() % 4;
    (void)poll(nullptr, 0, 10);
    if (known.empty() || choice == 0) {
      const std::string name = prefix_ + value;
      const auto done =
          Write("POST", kMaps,
                fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}"}},)"
                            R"("data":{{"value":"{}"}}}})",
                            name, value));
      if (!done) objects_[name] = {"", value};
      if (done == true) {
        objects_[name] = {value};
        known.push_back(name);
      }
      continue;
    }
    std::swap(known[random_() % known.size()], known.back());
    const std::string name = known.back(), path = std::string(kMaps) + "/" + name;
    const bool deletes = choice == 1;
    const auto done = deletes ? Write("DELETE", path, "")
                              : Write("PATCH", path, R"({"data":{"value":")" + value + R"("}})",
                                      "application/merge-patch+json");
    if (done == false) continue;
    if (!done)
      objects_[name].insert(deletes ? "" : value);
    else
      objects_[name] = {deletes ? "" : value};
    if (!done || deletes) known.pop_back();
  }
}

std::vector<std::string> Writer::WhatIsWrong(const json::Value& list) const {
  std::vector<std::string> out = wrong_;
  std::map<std::string, std::string> there;
  for (const json::Value& map : list.At({"items"}).items()) {
    const std::string name = map.At({"metadata", "name"}).AsString();
    if (name.starts_with(prefix_)) there[name] = map.At({"data", "value"}).AsString();
  }
  for (const auto& [name, allowed] : objects_) {
    const auto found = there.find(name);
    const std::string now = found == there.end() ? "" : found->second;
    if (allowed.count(now) == 0)
      out.push_back(fmt::format("{} is '{}', acknowledged was '{}'", name, now, *allowed.begin()));
    there.erase(name);
  }
  for (const auto& [name, value] : there) out.push_back(name + " is there and nobody made it");
  return out;
}

}  // namespace keelson::cluster_test
