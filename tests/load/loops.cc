// SPDX-License-Identifier: Apache-2.0
#include "tests/load/loops.h"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

namespace keelson::load {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kReaders = 4;

// Ends of lines that are an event's: those of the chunks' frames follow a carriage return.
struct LineCounter {
  char last = '\n';
  uint64_t Count(const char* bytes, size_t size) {
    uint64_t lines = 0;
    const char* at = bytes;
    const char* const end = bytes + size;
    while ((at = static_cast<const char*>(memchr(at, '\n', static_cast<size_t>(end - at))))) {
      if ((at == bytes ? last : at[-1]) != '\r') ++lines;
      if (++at == end) break;
    }
    last = end[-1];
    return lines;
  }
};

}  // namespace

double Measured::Quantile(double q) const {
  if (microseconds.empty()) return 0;
  const auto at = static_cast<size_t>(q * static_cast<double>(microseconds.size() - 1));
  return microseconds[at];
}

base::Result<Measured> Drive(const Client& client, int clients, std::chrono::milliseconds time,
                             uint64_t most, const Request& request) {
  std::vector<Connection> connections;
  for (int i = 0; i < clients; ++i) {
    ASSIGN_OR_RETURN(Connection connection, Connection::Open(client));
    connections.push_back(std::move(connection));
  }
  std::atomic<uint64_t> next{0}, done{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  Measured out;
  base::Status problem = base::Ok();
  const auto begin = Clock::now(), end = begin + time;
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back([&, i] {
      std::vector<float> own;
      while (!failed) {
        const uint64_t number = next++;
        const auto from = Clock::now();
        if (from >= end || (most != 0 && number >= most)) break;
        const base::Status status = request(connections[static_cast<size_t>(i)], i, number);
        if (!status.ok()) {
          const std::lock_guard lock(mutex);
          if (!failed.exchange(true)) problem = status;
          break;
        }
        own.push_back(std::chrono::duration<float, std::micro>(Clock::now() - from).count());
      }
      const std::lock_guard lock(mutex);
      out.microseconds.insert(out.microseconds.end(), own.begin(), own.end());
      done += own.size();
    });
  }
  for (std::thread& thread : threads) thread.join();
  RETURN_IF_ERROR(problem);
  out.done = done;
  out.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::sort(out.microseconds.begin(), out.microseconds.end());
  return out;
}

struct Watchers::Reader {
  std::vector<Connection> connections;
  std::atomic<uint64_t> events{0}, bytes{0};
  std::atomic<bool> stop{false}, broken{false};
  std::thread thread;

  void Run() {
    std::vector<pollfd> items;
    for (const Connection& connection : connections) items.push_back({connection.fd(), POLLIN, 0});
    std::vector<LineCounter> counters(connections.size());
    std::string buffer(64 << 10, '\0');
    bool first = true;
    while (!stop && !broken) {
      if (poll(items.data(), items.size(), first ? 0 : 50) <= 0 && !first) continue;
      for (size_t i = 0; i < items.size(); ++i) {
        if (items[i].revents == 0 && !connections[i].holds_some()) continue;
        for (size_t size = buffer.size(); size == buffer.size();) {  // more may wait unseen
          const auto got = connections[i].ReadSome(buffer.data(), buffer.size());
          if (!got.ok()) {
            broken = true;
            return;
          }
          size = *got;
          events += counters[i].Count(buffer.data(), size);
          bytes += size;
        }
      }
      first = false;
    }
  }
};

Watchers::Watchers() = default;

Watchers::~Watchers() {
  for (const auto& reader : readers_) reader->stop = true;
  for (const auto& reader : readers_) {
    if (reader->thread.joinable()) reader->thread.join();
  }
}

base::Result<std::unique_ptr<Watchers>> Watchers::Open(const Client& client, int count,
                                                       const std::string& path) {
  std::unique_ptr<Watchers> out(new Watchers);
  for (int i = 0; i < kReaders; ++i) out->readers_.push_back(std::make_unique<Reader>());
  for (int i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(Connection connection, Connection::Open(client));
    ASSIGN_OR_RETURN(const Answer answer, connection.Begin(path));
    if (answer.code != 200) return base::Internal("a watch is refused: {}", answer.head);
    out->readers_[static_cast<size_t>(i % kReaders)]->connections.push_back(std::move(connection));
  }
  for (const auto& reader : out->readers_) {
    reader->thread = std::thread([reader = reader.get()] { reader->Run(); });
  }
  return out;
}

uint64_t Watchers::events() const {
  uint64_t sum = 0;
  for (const auto& reader : readers_) sum += reader->events;
  return sum;
}

uint64_t Watchers::bytes() const {
  uint64_t sum = 0;
  for (const auto& reader : readers_) sum += reader->bytes;
  return sum;
}

bool Watchers::broken() const {
  return std::any_of(readers_.begin(), readers_.end(),
                     [](const auto& reader) { return reader->broken.load(); });
}

}  // namespace keelson::load
