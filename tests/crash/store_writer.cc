// SPDX-License-Identifier: Apache-2.0
// keelson-store-writer DIR THREADS: writes to the store in DIR without end and says on its standard
// output what was acknowledged, a line each: "KEY NUMBER REVISION". Each thread has its own keys
// and writes the next number over the last one that it finds. Made to be killed.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/strings.h"
#include "minimal-master/store/sqlite/sqlite_store.h"

namespace {

using keelson::store::Bytes;
using keelson::store::Durability;
using keelson::store::Revision;

constexpr int kKeys = 20;

void WriteOn(keelson::store::Store& store, int thread) {
  struct Known {
    uint64_t number = 0;
    Revision revision = 0;
  };
  std::vector<Known> known(kKeys);
  const auto key_of = [&](int i) { return fmt::format("/w/{}/{}", thread, i); };
  for (int i = 0; i < kKeys; ++i) {
    const auto found = store.Get(key_of(i));
    if (!found.ok()) continue;
    known[static_cast<size_t>(i)] = {
        *keelson::base::ParseUint64(found->value.view().substr(0, found->value.view().find(' '))),
        found->revision};
  }
  const std::string padding(700, 'x');
  for (uint64_t round = 0;; ++round) {
    const int i = static_cast<int>(round % kKeys);
    Known& last = known[static_cast<size_t>(i)];
    const uint64_t number = last.number + 1;
    const auto done = store.Commit(
        {{key_of(i), Bytes::Copy(std::to_string(number) + " " + padding), last.revision}},
        round % 5 == 0 ? Durability::kRelaxed : Durability::kDurable);
    if (!done.ok()) {
      std::fprintf(stderr, "%s\n", done.error().message().c_str());
      std::_Exit(1);
    }
    last = {number, *done};
    const std::string line = fmt::format("{} {} {}\n", key_of(i), number, *done);
    if (::write(1, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::_Exit(2);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  keelson::base::SystemClock clock;
  keelson::store::SqliteStore::Options options;
  options.dir = argv[1];
  options.limits.most_wal_pages = 1'000;  // checkpoints are among what is interrupted
  auto store = keelson::store::SqliteStore::Open(options, clock);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.error().message().c_str());
    return 1;
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < std::atoi(argv[2]); ++i) {
    threads.emplace_back([&store, i] { WriteOn(**store, i); });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}
