// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/client_connection.h"

#include <vector>

#include "lib/base/log.h"

namespace keelson::monitor {

using base::Result;

namespace {

// Those that `which` names are told their end, outside the lock.
template <typename Which>
void EndSessions(Connection& connection, const SessionEnd& end, Which which) {
  std::vector<Live> ended;
  {
    const std::lock_guard lock(connection.mutex);
    for (auto at = connection.live.begin(); at != connection.live.end();) {
      if (!which(at->first, at->second)) {
        ++at;
      } else if (!at->second.opened) {
        (at++)->second.early = end;
      } else {
        ended.push_back(std::move(at->second));
        at = connection.live.erase(at);
      }
    }
  }
  for (const Live& live : ended) live.ended(end);
}

// What began in the last moment and was told too late, when it had been called a failure: it ends.
void EndLateStart(Connection& connection, const Packet& answer) {  // holds the mutex
  const auto start = connection.given_up.find(answer.id);
  if (start == connection.given_up.end()) return;
  if (ReadAnswer(answer.payload).ok()) {
    base::LogWarn("a container began after its start was given up, it is killed",
                  {{"container", start->second}});
    base::Writer w;
    w.String(start->second);
    (void)SendPacket(connection.socket.get(), Type::kKillAll, connection.next_id++, w.bytes());
  }
  connection.given_up.erase(start);
}

}  // namespace

void EndSession(Connection& connection, uint64_t id, const SessionEnd& end) {
  EndSessions(connection, end, [id](uint64_t other, const Live&) { return other == id; });
}

void EndAllSessions(Connection& connection, const SessionEnd& end) {
  EndSessions(connection, end, [](uint64_t, const Live&) { return true; });
}

void AskForUpgrade(Connection& connection, const std::string& pod,
                   const std::vector<int>& programs) {
  const auto waiter = std::make_shared<Waiter>();
  waiter->then = [pod](const Result<Packet>& answer) {
    if (!answer.ok())
      return base::LogWarn("a pod's monitor stays the program that it is",
                           {{"pod", pod}, {"error", answer.error()}});
    base::Reader r(answer->payload);
    if (r.Bool()) base::LogInfo("a pod's monitor is this daemon's program now", {{"pod", pod}});
  };
  const std::lock_guard lock(connection.mutex);
  waiter->id = connection.next_id++;
  if (SendPacket(connection.socket.get(), Type::kUpgrade, waiter->id, "", programs).ok())
    connection.open[waiter->id] = waiter;
}

void OnReadable(ReaderThread& reader, const std::shared_ptr<Connection>& connection) {
  Result<Packet> packet = ReceivePacket(connection->socket.get());
  if (!packet.ok()) {
    reader.loop().Unwatch(connection->watch);
    bool tell = false;
    {
      const std::lock_guard lock(connection->mutex);
      connection->lost = true;
      tell = !connection->closing;
      // One of another major version is there, and says why nothing can be done with it.
      const bool stranger = packet.error().code() == base::Code::kFailedPrecondition;
      for (auto& [id, waiter] : connection->open)
        waiter->Tell(stranger ? packet.error() : base::Unavailable("the pod's monitor is gone"));
      connection->open.clear();
    }
    EndAllSessions(*connection, {.error = "the pod's monitor is gone"});
    if (tell && connection->on_lost) connection->on_lost();
    return;
  }
  if (packet->type == Type::kExited) {
    base::Reader r(packet->payload);
    const ExitRecord record = GetExitRecord(r);
    if (!r.ok()) return;
    EndSessions(*connection, {.exit_code = record.exit_code},
                [&](uint64_t, const Live& live) { return live.attached == record.container_id; });
    if (connection->on_exit) connection->on_exit(record);
    return;
  }
  if (packet->type == Type::kExecEnded) {
    base::Reader r(packet->payload);
    return EndSession(*connection, packet->id, {.exit_code = r.I32()});
  }
  if (packet->type == Type::kAttachEnded) {
    base::Reader r(packet->payload);
    const std::string why = r.String();
    // Without a reason the container has ended, and its code follows.
    if (!why.empty()) EndSession(*connection, packet->id, {.error = why});
    return;
  }
  if (packet->type != Type::kAnswer) return;  // of a newer monitor
  const uint64_t id = packet->id;
  std::unique_lock lock(connection->mutex);
  const auto found = connection->open.find(id);
  if (found == connection->open.end()) return EndLateStart(*connection, *packet);
  Result<std::string> answer = ReadAnswer(packet->payload);
  const bool opened = answer.ok();
  if (opened) {
    packet->payload = std::move(answer).value();
    found->second->Tell(std::move(packet));
  } else {
    found->second->Tell(answer.error());
  }
  connection->open.erase(found);
  const auto live = connection->live.find(id);
  if (live == connection->live.end()) return;
  if (!opened) {
    connection->live.erase(live);
    return;
  }
  live->second.opened = true;
  const std::optional<SessionEnd> early = live->second.early;
  lock.unlock();
  if (early) EndSession(*connection, id, *early);
}

}  // namespace keelson::monitor
