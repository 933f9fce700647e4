// SPDX-License-Identifier: Apache-2.0
#include "runtime/operations/operations.h"

#include <fmt/format.h>

#include <algorithm>

namespace keelson::operations {
namespace {

thread_local Operation* current = nullptr;

double Milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

Operation::Operation(Operations& owner, const char* call, std::string object)
    : owner_(owner),
      call_(call),
      object_(std::move(object)),
      start_(owner.clock_.Steady()),
      stage_("waiting for a thread"),
      since_(start_) {
  const std::lock_guard lock(owner_.mutex_);
  owner_.under_way_.insert(this);
}

void Operation::Begin() {
  outer_ = current;
  current = this;
  current_ = true;
  Stage("checks");
}

void Operation::Stage(const char* name) {
  const base::SteadyTime now = owner_.clock_.Steady();
  std::chrono::nanoseconds rest = now - since_.load(std::memory_order_relaxed);
  for (const auto& [part, time] : parts_) rest -= std::min(rest, time);
  stages_.emplace_back(stage_.load(std::memory_order_relaxed), rest);
  stages_.insert(stages_.end(), parts_.begin(), parts_.end());
  parts_.clear();
  stage_.store(name, std::memory_order_relaxed);
  since_.store(now, std::memory_order_relaxed);
}

void Operation::Within(const std::vector<std::pair<const char*, std::chrono::nanoseconds>>& parts) {
  parts_.insert(parts_.end(), parts.begin(), parts.end());
}

Operation::~Operation() {
  if (current_) current = outer_;
  {
    const std::lock_guard lock(owner_.mutex_);
    owner_.under_way_.erase(this);
  }
  if (!owner_.sink_) return;
  Stage("done");
  owner_.sink_(Finished{call_, object_, ok_, owner_.clock_.Steady() - start_, std::move(stages_)});
}

std::vector<UnderWay> Operations::List() const {
  const base::SteadyTime now = clock_.Steady();
  std::vector<UnderWay> list;
  {
    const std::lock_guard lock(mutex_);
    for (const Operation* operation : under_way_) {
      list.push_back({operation->call_, operation->object_,
                      operation->stage_.load(std::memory_order_relaxed), now - operation->start_,
                      now - operation->since_.load(std::memory_order_relaxed)});
    }
  }
  std::ranges::sort(list, std::ranges::greater(), &UnderWay::age);
  return list;
}

void Stage(const char* name) {
  if (current != nullptr) current->Stage(name);
}

void Within(const std::vector<std::pair<const char*, std::chrono::nanoseconds>>& parts) {
  if (current != nullptr) current->Within(parts);
}

std::string Describe(const Finished& finished) {
  const auto slowest =
      std::ranges::max_element(finished.stages, {}, [](const auto& stage) { return stage.second; });
  std::string text = fmt::format("{}{} {:.2f} ms", finished.call, finished.ok ? "" : " failed",
                                 Milliseconds(finished.total));
  const char* separator = ": ";
  for (auto stage = finished.stages.begin(); stage != finished.stages.end(); ++stage) {
    text += fmt::format("{}{} {:.2f}{}", separator, stage->first, Milliseconds(stage->second),
                        stage == slowest ? " (slowest)" : "");
    separator = ", ";
  }
  return text;
}

}  // namespace keelson::operations
