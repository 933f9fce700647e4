// SPDX-License-Identifier: Apache-2.0
// keelson-store-bench [DIR] [SECONDS]: the master's store and watch cache alone, without API, JSON
// or TLS: durable creates and updates with 1 and 32 writers on SQLite in DIR (default /var/tmp, a
// disk), opening with 50,000 objects, lists of 5,000 while writes go on, events to 100 watchers,
// memory.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/clock.h"
#include "lib/os/temp_dir.h"
#include "minimal-master/store/memory_store.h"
#include "minimal-master/store/sqlite/sqlite_store.h"
#include "minimal-master/watch/cache.h"
#include "minimal-master/watch/fake_reader.h"

namespace {

using namespace keelson;
using store::Bytes;
using store::Durability;
using Seconds = std::chrono::duration<double>;

double Now() { return Seconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double Megabytes() {
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return static_cast<double>(resident) * 4096 / 1e6;
}

template <typename T>
T Must(base::Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    std::exit(1);
  }
  return std::move(result).value();
}

// What an object's value looks like to FakeReader, `size` bytes long.
Bytes Value(size_t size, int i) {
  return Bytes::Join({"uid;app=web;node" + std::to_string(i % 10) + ";", std::string(size, 'x')});
}

// Commits of `threads` writers for `seconds`; `what(writer, n)` is the n-th of a writer.
template <typename What>
void Rate(const char* name, store::Store& store, int threads, double seconds, Durability durability,
          What what) {
  std::atomic<bool> stop{false};
  std::atomic<long> count{0};
  const auto before = Must(store.GetStats());
  const double start = Now();
  std::vector<std::thread> writers;
  for (int w = 0; w < threads; ++w) {
    writers.emplace_back([&, w] {
      for (int n = 0; !stop; ++n) {
        (void)Must(store.Commit({what(w, n)}, durability));
        ++count;
      }
    });
  }
  while (Now() - start < seconds) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  stop = true;
  for (std::thread& writer : writers) writer.join();
  const double took = Now() - start;
  const auto after = Must(store.GetStats());
  const double groups = static_cast<double>(after.groups - before.groups);
  std::printf("%-46s %9.0f /s   %5.1f a transaction\n", name, static_cast<double>(count) / took,
              static_cast<double>(count) / groups);
}

void Writes(const std::string& dir, double seconds) {
  base::SystemClock clock;
  watch::FakeReader reader;
  auto store = Must(store::SqliteStore::Open({.dir = dir}, clock));
  auto cache = Must(watch::Cache::Open(*store, reader, clock, {}));  // as in the server
  const auto create = [](int run) {
    return [run](int w, int n) {
      return store::Change{
          "/create/" + std::to_string(run) + "/" + std::to_string(w) + "/" + std::to_string(n),
          Value(2'000, n), store::kAbsent};
    };
  };
  const auto update = [](int w, int n) {
    return store::Change{"/update/" + std::to_string(w), Value(2'000, n), store::kAny};
  };
  Rate("durable creates of 2 kB, 1 writer", *store, 1, seconds, Durability::kDurable, create(1));
  Rate("durable creates of 2 kB, 32 writers", *store, 32, seconds, Durability::kDurable, create(2));
  Rate("durable updates of 2 kB, 1 writer", *store, 1, seconds, Durability::kDurable, update);
  Rate("durable updates of 2 kB, 32 writers", *store, 32, seconds, Durability::kDurable, update);
  Rate("leases (relaxed), 32 writers", *store, 32, seconds, Durability::kRelaxed, update);
  const auto stats = Must(store->GetStats());
  std::printf("%-46s %9.1f MB, write-ahead log %.1f MB\n", "database after that",
              static_cast<double>(stats.file_bytes) / 1e6,
              static_cast<double>(stats.wal_bytes) / 1e6);
}

void Opening(const std::string& dir) {
  base::SystemClock clock;
  watch::FakeReader reader;
  {
    auto store = Must(store::SqliteStore::Open({.dir = dir}, clock));
    for (int i = 0; i < 50'000; i += 100) {
      std::vector<store::Change> changes;
      for (int k = i; k < i + 100; ++k) {
        changes.push_back({"/registry/pods/default/pod-" + std::to_string(k), Value(2'000, k)});
      }
      (void)Must(store->Commit(std::move(changes), Durability::kRelaxed));
    }
  }
  const double before = Megabytes(), start = Now();
  auto store = Must(store::SqliteStore::Open({.dir = dir}, clock));
  auto cache = Must(watch::Cache::Open(*store, reader, clock, {}));
  std::printf("%-46s %9.0f ms, %.0f MB\n", "opening with 50,000 objects of 2 kB",
              (Now() - start) * 1e3, Megabytes() - before);
}

void Lists(double seconds) {
  base::SystemClock clock;
  watch::FakeReader reader;
  store::MemoryStore store;
  auto cache = Must(watch::Cache::Open(store, reader, clock, {}));
  for (int i = 0; i < 5'000; ++i) {
    (void)Must(
        store.Commit({{"/pods/" + std::to_string(i), Value(3'300, i)}}, Durability::kRelaxed));
  }
  std::atomic<bool> stop{false};
  std::atomic<long> writes{0};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i, ++writes) {
      (void)Must(store.Commit({{"/pods/" + std::to_string(i % 5'000), Value(3'300, i)}},
                              Durability::kRelaxed));
    }
  });
  long lists = 0;
  size_t bytes = 0;
  const double start = Now();
  while (Now() - start < seconds) {
    const watch::Snapshot snapshot = cache->Current();
    snapshot.ForEach("/pods/", "", [&](const watch::ObjectPtr& object) {
      bytes += object->bytes().size();
      return true;
    });
    ++lists;
  }
  const double took = Now() - start;
  stop = true;
  writer.join();
  std::printf("%-46s %9.0f us, beside %.0f writes/s\n", "a list of 5,000 objects walked",
              took / static_cast<double>(lists) * 1e6, static_cast<double>(writes) / took);
}

void FanOut(double seconds) {
  base::SystemClock clock;
  watch::FakeReader reader;
  store::MemoryStore store;
  auto cache = Must(watch::Cache::Open(store, reader, clock, {}));
  constexpr int kWatchers = 100, kReaders = 3;
  std::vector<std::unique_ptr<watch::Watcher>> watchers;
  for (int i = 0; i < kWatchers; ++i) {
    watchers.push_back(
        Must(cache->Watch({.prefix = "/pods/", .from = 1, .queue_limit = 1'000'000})));
  }
  std::atomic<bool> stop{false};
  std::atomic<long> delivered{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < kReaders; ++r) {
    readers.emplace_back([&, r] {
      while (!stop) {
        bool any = false;
        for (int i = r; i < kWatchers; i += kReaders) {
          const auto taken = watchers[static_cast<size_t>(i)]->Take();
          delivered += static_cast<long>(taken.events.size());
          any = any || !taken.events.empty();
        }
        if (!any) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const double start = Now();
  long sent = 0;
  while (Now() - start < seconds) {
    for (int i = 0; i < 30; ++i, ++sent) {  // 30,000 a second
      (void)Must(store.Commit({{"/pods/" + std::to_string(sent % 1'000), Value(2'000, i)}},
                              Durability::kRelaxed));
    }
    const double ahead = start + static_cast<double>(sent) / 30'000 - Now();
    if (ahead > 0) std::this_thread::sleep_for(Seconds(ahead));
  }
  while (delivered < sent * kWatchers && Now() - start < 10 * seconds) std::this_thread::yield();
  const double took = Now() - start;
  getrusage(RUSAGE_SELF, &after);
  stop = true;
  for (std::thread& thread : readers) thread.join();
  const auto cpu = [](const rusage& use) {
    return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
  };
  std::printf("%-46s %9.0f /s written, %.0f /s delivered, %.2f cores\n", "events to 100 watchers",
              static_cast<double>(sent) / took, static_cast<double>(delivered) / took,
              (cpu(after) - cpu(before)) / took);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string dir = argc > 1 ? argv[1] : "/var/tmp";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  ::setenv("TMPDIR", dir.c_str(), 1);
  const os::TempDir writes = Must(os::TempDir::Create("keelson-store-bench"));
  const os::TempDir opening = Must(os::TempDir::Create("keelson-store-bench"));
  std::printf("%-46s %9.1f MB\n", "memory at the start", Megabytes());
  Writes(writes.path(), seconds);
  Opening(opening.path());
  Lists(seconds);
  FanOut(seconds);
  return 0;
}
