// SPDX-License-Identifier: Apache-2.0
#include "tests/master/kill_clients.h"

#include <poll.h>

#include "lib/base/strings.h"
#include "lib/json/value.h"

namespace keelson::kill {
namespace {

constexpr int kNames = 6;  // of a writer, in each list

std::string PluralOf(const std::string& list) { return list.substr(list.rfind('/') + 1); }

std::string KeyOf(const std::string& list, const json::Value& object) {
  return PluralOf(list) + "/" + object.At({"metadata", "name"}).AsString();
}
int64_t RevisionOf(const json::Value& object) {
  return static_cast<int64_t>(
      base::ParseUint64(object.At({"metadata", "resourceVersion"}).AsString()).value_or(0));
}
// Every object says what its writer last wrote.
std::string ValueOf(const json::Value& object) {
  return object.At({"metadata", "annotations", "value"}).AsString();
}
bool IsOurs(const json::Value& object) { return !ValueOf(object).empty(); }

}  // namespace

bool Eventually(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    (void)poll(nullptr, 0, 2);
  }
  return true;
}

void Server::Up(std::shared_ptr<const load::Client> client) {
  const std::lock_guard lock(mutex_);
  client_ = std::move(client);
  ++starts_;
  changed_.notify_all();
}

void Server::End() {
  const std::lock_guard lock(mutex_);
  over_ = true;
  changed_.notify_all();
}

std::optional<load::Connection> Server::Connect(int& seen) {
  for (;;) {
    std::shared_ptr<const load::Client> client;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return starts_ > seen || over_; });
      if (over_) return std::nullopt;
      seen = starts_;
      client = client_;
    }
    auto made = load::Connection::Open(*client);
    if (made.ok()) return std::move(*made);
  }
}

std::atomic<uint64_t> Writer::acknowledged_{0};

Writer::Writer(Server& server, int number, uint64_t seed)
    : server_(server), number_(number), random_(seed + 1 + static_cast<uint64_t>(number)) {}

void Writer::Run() {
  for (int start = 0; !finish_ || !doubt_key_.empty();) {
    auto connection = server_.Connect(start);
    if (!connection) return;
    if (!Settle(*connection)) continue;
    while (!finish_ && Step(*connection)) {
    }
    // Asked to finish, and all is settled; else a broken connection, and there will be another.
    if (finish_ && doubt_key_.empty()) return;
  }
}

void Writer::Acknowledge(const std::string& body) {
  ++acknowledged_;
  const auto object = json::ParseJson(body);
  const std::string key = std::exchange(doubt_key_, "");
  const bool deleted = doubt_value_.empty();
  expected_[key] = doubt_value_;
  if (deleted) return;  // its revision is in the watchers' events
  if (!object.ok() || RevisionOf(*object) == 0) {
    problems_.push_back(key + ": an answer without a revision: " + body);
    return;
  }
  own_.push_back({RevisionOf(*object), key, doubt_value_});
}

bool Writer::Step(load::Connection& connection) {
  const std::string list = random_() % 3 == 0 ? kLeases : kMaps;
  const std::string name = fmt::format("w{}-{}", number_, random_() % kNames);
  if (given_up_.count(PluralOf(list) + "/" + name) != 0) return true;
  doubt_key_ = PluralOf(list) + "/" + name;
  const std::string known = expected_[doubt_key_];
  const bool erase = !known.empty() && random_() % 5 == 0;
  doubt_value_ = erase ? "" : fmt::format("{}.{}", number_, ++count_);
  const bool lease = list == kLeases;
  // A lease is replaced as it was read only; a merge patch needs no reading.
  const std::string change =
      fmt::format(R"({{"metadata":{{"annotations":{{"value":"{}"}}}}}})", doubt_value_);
  const auto answer =
      erase ? connection.Ask("DELETE", list + "/" + name)
      : !known.empty()
          ? connection.Ask("PATCH", list + "/" + name, change, "application/merge-patch+json")
          : connection.Ask("POST", list,
                           fmt::format(R"({{"apiVersion":"{}","kind":"{}","metadata":{{"name":)"
                                       R"("{}","annotations":{{"value":"{}"}}}}}})",
                                       lease ? "coordination.k8s.io/v1" : "v1",
                                       lease ? "Lease" : "ConfigMap", name, doubt_value_));
  if (!answer.ok()) {
    ++doubtful_;
    return false;
  }
  if (answer->code >= 500) {  // it may be written later, or never: nothing is known of it any more
    ++doubtful_;
    expected_.erase(doubt_key_);
    given_up_.insert(std::exchange(doubt_key_, ""));
    return true;
  }
  if (answer->code != 200 && answer->code != 201) {
    problems_.push_back(fmt::format("{}: {} {}", doubt_key_, answer->code, answer->body));
    doubt_key_.clear();
    return true;
  }
  Acknowledge(answer->body);
  return true;
}

bool Writer::Settle(load::Connection& connection) {
  if (doubt_key_.empty()) return true;
  const bool lease = doubt_key_.starts_with("leases/");
  const std::string list = lease ? kLeases : kMaps;
  const auto answer = connection.Ask("GET", list + doubt_key_.substr(doubt_key_.find('/')));
  if (!answer.ok()) return false;
  std::string value;
  if (answer->code == 200) {
    const auto object = json::ParseJson(answer->body);
    value = object.ok() ? ValueOf(*object) : "unreadable";
  } else if (answer->code != 404) {
    problems_.push_back(fmt::format("{}: {} {}", doubt_key_, answer->code, answer->body));
  }
  const std::string& known = expected_[doubt_key_];
  if (value != known && value != doubt_value_) {
    problems_.push_back(fmt::format("{}: it was '{}', '{}' was under way, and it is '{}'",
                                    doubt_key_, known, doubt_value_, value));
  }
  expected_[doubt_key_] = value;
  doubt_key_.clear();
  return true;
}

void Follower::Run() {
  for (int start = 0;;) {
    auto connection = server_.Connect(start);
    if (!connection) return;
    if (last_ == 0) {
      const auto listed = connection->Ask("GET", list_);
      if (!listed.ok()) continue;
      const auto value = json::ParseJson(listed->body);
      const std::lock_guard lock(mutex_);
      last_ = value.ok() ? RevisionOf(*value) : 0;
    }
    const auto begun = connection->Begin(
        fmt::format("{}?watch=true&resourceVersion={}&allowWatchBookmarks=true", list_, last_));
    if (!begun.ok()) continue;
    if (begun->code != 200) problems_.push_back("a watch is refused: " + begun->head);
    ++resumed_;
    {
      const std::lock_guard lock(mutex_);
      begun_ = true;
    }
    changed_.notify_all();
    for (;;) {
      const auto line = connection->ReadLine();
      if (!line.ok()) break;
      Note(*line);
    }
  }
}

void Follower::Note(const std::string& line) {
  const auto event = json::ParseJson(line);
  if (!event.ok()) {
    problems_.push_back("half an event: " + line);
    return;
  }
  const std::string& type = event->At({"type"}).AsString();
  const json::Value& object = event->At({"object"});
  const std::lock_guard lock(mutex_);
  if (type == "BOOKMARK") {
    last_ = std::max(last_, RevisionOf(object));
  } else if (type == "ERROR") {
    problems_.push_back(fmt::format("from {} on: {}", last_, line));
  } else {
    NoteChange(type, object, line);
  }
  changed_.notify_all();
}

void Follower::NoteChange(const std::string& type, const json::Value& object,
                          const std::string& line) {
  const int64_t revision = RevisionOf(object);
  if (revision <= last_) {
    problems_.push_back(fmt::format("{} after {}: {}", revision, last_, line));
  }
  last_ = revision;
  if (!IsOurs(object)) return;
  const std::string key = KeyOf(list_, object);
  const bool there = state_.count(key) != 0;
  if (there != (type != "ADDED")) {
    problems_.push_back(fmt::format("{} of {}, which was {}there", type, key, there ? "" : "not "));
  }
  if (type == "DELETED") {
    state_.erase(key);
    seen_[revision] = key + " deleted";
  } else {
    state_[key] = ValueOf(object);
    seen_[revision] = key + "=" + ValueOf(object);
  }
}

bool Follower::AwaitBegun() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::minutes(2), [&] { return begun_; });
}

void Follower::AwaitRevision(int64_t revision, const std::map<std::string, std::string>& there) {
  const auto wanted = Below(list_, there);
  std::unique_lock lock(mutex_);
  // Its last event may be older than the list: the other list's writes are in between.
  (void)changed_.wait_for(lock, std::chrono::minutes(2),
                          [&] { return last_ >= revision || state_ == wanted; });
}

bool Follower::Concerns(const std::string& text) const { return text.starts_with(PluralOf(list_)); }

base::Result<int64_t> ReadAll(Server& server, const std::string& list,
                              std::map<std::string, std::string>& there) {
  int any = 0;
  auto connection = server.Connect(any);
  if (!connection) return base::Unavailable("it is over");
  ASSIGN_OR_RETURN(const load::Answer answer, connection->Ask("GET", list));
  ASSIGN_OR_RETURN(const json::Value value, json::ParseJson(answer.body));
  for (const json::Value& object : value.At({"items"}).items()) {
    if (IsOurs(object)) there[KeyOf(list, object)] = ValueOf(object);
  }
  return RevisionOf(value);
}

std::map<std::string, std::string> Below(const std::string& list,
                                         const std::map<std::string, std::string>& there) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : there) {
    if (key.starts_with(PluralOf(list) + "/")) out.emplace(key, value);
  }
  return out;
}

}  // namespace keelson::kill
