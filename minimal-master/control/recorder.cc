// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/control/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "lib/base/log.h"
#include "minimal-master/control/times.h"

namespace keelson::control {
namespace {

using json::Value;

constexpr double kBurst = 25;
constexpr double kPerSecond = 1.0 / 300;
constexpr size_t kWaiting = 2'000;    // events that may wait to be written
constexpr size_t kRemembered = 4096;  // events that can be counted up, and buckets
constexpr char kField[] = "\x1f";

struct Entry {
  std::string key;
  Value object;  // the event as it would be written for the first time
  std::string time;
};

struct Bucket {
  double tokens = kBurst;
  base::SteadyTime at;
};

struct Kept {
  std::string ns;
  std::string name;
  int64_t count = 1;
};

Value ReferenceTo(const Value& object) {
  Value out;
  out.Set("kind", object.At({"kind"}));
  for (const char* key : {"namespace", "name", "uid"}) {
    if (const Value& value = object.At({"metadata", key}); value.IsString()) out.Set(key, value);
  }
  out.Set("apiVersion", object.At({"apiVersion"}));
  if (const Value& version = object.At({"metadata", "resourceVersion"}); version.IsString())
    out.Set("resourceVersion", version);
  return out;
}

}  // namespace

struct Recorder::State {
  State(Client& its_client, const base::Clock& its_clock) : client(its_client), clock(its_clock) {}

  bool MayLocked(const std::string& source_and_object);
  void Run();
  void Write(const Entry& entry);

  Client& client;
  const base::Clock& clock;
  const schema::Resource& events = ResourceNamed("", "events");

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Entry> waiting;                        // guarded by mutex
  std::unordered_map<std::string, Bucket> buckets;  // guarded by mutex
  bool stop = false;                                // guarded by mutex
  int64_t last_name = 0;                            // guarded by mutex: no two have the same
  std::unordered_map<std::string, Kept> kept;       // the writer's
  std::thread writer;
};

bool Recorder::State::MayLocked(const std::string& source_and_object) {
  const base::SteadyTime now = clock.Steady();
  if (buckets.size() >= kRemembered) buckets.clear();
  const auto [found, fresh] = buckets.try_emplace(source_and_object);
  Bucket& bucket = found->second;
  if (!fresh) {
    const double passed = std::chrono::duration<double>(now - bucket.at).count();
    bucket.tokens = std::min(kBurst, bucket.tokens + passed * kPerSecond);
  }
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

void Recorder::State::Write(const Entry& entry) {
  const std::string as = entry.object.At({"source", "component"}).AsString();
  if (const auto found = kept.find(entry.key); found != kept.end()) {
    Kept& before = found->second;
    Value patch;
    patch.Set("count", Value(before.count + 1));
    patch.Set("lastTimestamp", Value(entry.time));
    if (client.Do(as, MergePatch(events, before.ns, before.name, std::move(patch))).ok()) {
      ++before.count;
      return;
    }
    kept.erase(found);  // it has expired: written anew
  }
  const std::string ns = entry.object.At({"metadata", "namespace"}).AsString();
  const auto made = client.Do(as, Create(events, ns, entry.object));
  if (!made.ok()) {
    base::LogDebug("an event was not recorded", {{"error", made.failure().message}});
    return;
  }
  if (kept.size() >= kRemembered) kept.clear();
  kept[entry.key] = {ns, entry.object.At({"metadata", "name"}).AsString(), 1};
}

void Recorder::State::Run() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [&] { return stop || !waiting.empty(); });
    if (waiting.empty()) return;
    const Entry entry = std::move(waiting.front());
    waiting.pop_front();
    lock.unlock();
    Write(entry);
    lock.lock();
  }
}

Recorder::Recorder(Client& client, const base::Clock& clock)
    : state_(std::make_unique<State>(client, clock)) {
  state_->writer = std::thread([state = state_.get()] { state->Run(); });
}

Recorder::~Recorder() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
    state_->changed.notify_all();
  }
  state_->writer.join();
}

void Recorder::Record(const Value& object, std::string_view type, std::string_view reason,
                      std::string_view message, std::string_view component) {
  Entry entry;
  const int64_t nanos = state_->clock.WallNanos();
  entry.time = TimeText(nanos);
  Value reference = ReferenceTo(object);
  const std::string about =
      fmt::format("{}{}{}", component, kField,
                  reference.At({"uid"}).AsString() + reference.At({"namespace"}).AsString() + "/" +
                      reference.At({"name"}).AsString());
  entry.key = fmt::format("{}{}{}{}{}{}{}", about, kField, type, kField, reason, kField, message);
  std::string ns = reference.At({"namespace"}).AsString();
  if (ns.empty()) ns = "default";
  Value& event = entry.object;
  event.Set("apiVersion", Value("v1"));
  event.Set("kind", Value("Event"));
  event.Set("metadata", Value::Object());
  const std::string about_name = reference.At({"name"}).AsString();
  event.Find("metadata")->Set("namespace", Value(ns));
  event.Set("involvedObject", std::move(reference));
  event.Set("reason", Value(reason));
  event.Set("message", Value(message.substr(0, 1024)));
  event.Set("source", Value::Object({{"component", Value(component)}}));
  event.Set("firstTimestamp", Value(entry.time));
  event.Set("lastTimestamp", Value(entry.time));
  event.Set("count", Value(1));
  event.Set("type", Value(type));
  event.Set("reportingComponent", Value(component));
  event.Set("reportingInstance", Value(""));
  const std::lock_guard lock(state_->mutex);
  if (state_->waiting.size() >= kWaiting || !state_->MayLocked(about)) return;
  state_->last_name = std::max(nanos, state_->last_name + 1);
  event.Find("metadata")->Set("name", Value(fmt::format("{}.{:x}", about_name, state_->last_name)));
  state_->waiting.push_back(std::move(entry));
  state_->changed.notify_one();
}

}  // namespace keelson::control
