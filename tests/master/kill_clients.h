// SPDX-License-Identifier: Apache-2.0
// Clients of a server that is killed again and again: writers that know what they were promised,
// and followers that resume their watch and note every event. Tests only.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lib/json/value.h"
#include "tests/load/connection.h"
#include "tests/load/master_process.h"

namespace keelson::kill {

constexpr char kMaps[] = "/api/v1/namespaces/default/configmaps";
constexpr char kLeases[] = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

bool Eventually(const std::function<bool()>& done);  // two minutes

// Where the server is: every start is another port.
class Server {
 public:
  void Up(std::shared_ptr<const load::Client> client);
  void End();
  // To a start after number `seen`, which is then the number of that start. Nothing: all is over.
  std::optional<load::Connection> Connect(int& seen);
  bool over() const { return over_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const load::Client> client_;  // guarded by mutex_
  int starts_ = 0;                              // guarded by mutex_
  std::atomic<bool> over_{false};
};

struct Acknowledged {
  int64_t revision;
  std::string key;    // "configmaps/w1-2"
  std::string value;  // what was written
};

// Creates, replaces and deletes objects of its own names, one after another. A write without an
// answer is looked up before the next.
class Writer {
 public:
  Writer(Server& server, int number, uint64_t seed);
  void Run();
  void Finish() { finish_ = true; }

  static uint64_t acknowledged() { return acknowledged_; }  // of all
  // After Run.
  const std::vector<Acknowledged>& acknowledgements() const { return own_; }
  const std::map<std::string, std::string>& expected() const { return expected_; }  // "": absent
  const std::vector<std::string>& problems() const { return problems_; }
  uint64_t doubtful() const { return doubtful_; }

 private:
  bool Step(load::Connection& connection);    // false: it broke
  bool Settle(load::Connection& connection);  // what the write in doubt has come to
  void Acknowledge(const std::string& body);

  Server& server_;
  const int number_;
  std::mt19937_64 random_;
  std::atomic<bool> finish_{false};
  uint64_t count_ = 0;
  uint64_t doubtful_ = 0;
  std::set<std::string> given_up_;       // a write of theirs was answered with a 5xx
  std::string doubt_key_, doubt_value_;  // the write under way
  std::vector<Acknowledged> own_;
  std::map<std::string, std::string> expected_;
  std::vector<std::string> problems_;
  static std::atomic<uint64_t> acknowledged_;
};

class Follower {
 public:
  Follower(Server& server, std::string list) : server_(server), list_(std::move(list)) {}
  void Run();
  bool AwaitBegun();
  // Until it has seen all that `there` says, which is of that revision.
  void AwaitRevision(int64_t revision, const std::map<std::string, std::string>& there);

  const std::string& list() const { return list_; }
  bool Concerns(const std::string& text) const;
  // After Run: of each revision "configmaps/w1-2=value", deletions "configmaps/w1-2 deleted".
  const std::map<int64_t, std::string>& seen() const { return seen_; }
  const std::map<std::string, std::string>& state() const { return state_; }
  const std::vector<std::string>& problems() const { return problems_; }
  int resumed() const { return resumed_; }

 private:
  void Note(const std::string& line);
  void NoteChange(const std::string& type, const json::Value& object,
                  const std::string& line);  // mutex_ is held

  Server& server_;
  const std::string list_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool begun_ = false;                        // guarded by mutex_
  int64_t last_ = 0;                          // guarded by mutex_
  std::map<std::string, std::string> state_;  // guarded by mutex_ until Run has ended
  std::map<int64_t, std::string> seen_;
  std::vector<std::string> problems_;
  int resumed_ = -1;
};

// What a list holds, into `there`, and its revision.
base::Result<int64_t> ReadAll(Server& server, const std::string& list,
                              std::map<std::string, std::string>& there);
// Those of `there` that are in `list`.
std::map<std::string, std::string> Below(const std::string& list,
                                         const std::map<std::string, std::string>& there);

// Threads that end with their owner, also when a test ends early.
class Threads {
 public:
  // `end` makes them all end.
  explicit Threads(std::function<void()> end) : end_(std::move(end)) {}
  ~Threads() { Join(); }
  void Add(std::function<void()> run) { threads_.emplace_back(std::move(run)); }
  void Join() {
    end_();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

 private:
  const std::function<void()> end_;
  std::vector<std::thread> threads_;
};

// What all of them must agree on in the end, as test failures. `there` is what lists say.
void CheckAll(const std::vector<std::unique_ptr<Writer>>& writers,
              const std::vector<std::unique_ptr<Follower>>& followers,
              const std::map<std::string, std::string>& there);

}  // namespace keelson::kill
