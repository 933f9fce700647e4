// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "runtime/stream/session/client_session.h"
#include "runtime/stream/session/sink.h"
#include "runtime/stream/session/source.h"

namespace keelson::stream {
namespace {

constexpr size_t kMaxInput = 256u << 10;  // of one connection; more stops the whole client
constexpr size_t kMaxPairs = 512;

// One forwarded connection: a lane for data, one for what went wrong.
struct Pair {
  std::string id;
  uint16_t port = 0;
  std::optional<Lane> data;
  std::optional<Lane> error;
  bool asked = false;      // the daemon, for the socket
  bool connected = false;  // it answered
  bool data_finished = false;
  os::EventLoop::TimerId timer = 0;
  std::unique_ptr<Sink> sink;      // from the moment the data lane is there
  std::unique_ptr<Source> source;  // once connected
};

class ForwardSession final : public ClientSession {
 public:
  ForwardSession(Host& host, SessionOptions options) : host_(host), options_(std::move(options)) {}
  ~ForwardSession() override {
    for (auto& [number, pair] : pairs_) host_.loop().CancelTimer(pair.timer);
    if (sweep_ != 0) host_.loop().CancelTimer(sweep_);
  }

  bool OnLane(Lane lane, const LaneHeaders& headers) override;
  void OnData(Lane lane, std::string_view piece) override;
  void OnFinish(Lane lane) override;
  void OnReset(Lane lane) override;
  void OnRoom() override;
  void OnPacket(Packet packet) override;

 private:
  using Number = uint32_t;
  Pair* Of(Lane lane, Number* number = nullptr);
  Number FindOrAdd(const std::string& id, uint16_t port);
  void OnCopied(Number number);
  void Fail(Number number, const std::string& sentence);
  void Remove(Number number);
  void UpdateListening();

  Host& host_;
  const SessionOptions options_;
  std::map<Number, Pair> pairs_;
  std::map<Lane, Number> lanes_;
  Number next_ = 1;
  std::vector<std::unique_ptr<Pair>> removed_;  // until the loop's next round: they may be in use
  os::EventLoop::TimerId sweep_ = 0;
};

Pair* ForwardSession::Of(Lane lane, Number* number) {
  const auto it = lanes_.find(lane);
  if (it == lanes_.end()) return nullptr;
  if (number != nullptr) *number = it->second;
  const auto pair = pairs_.find(it->second);
  return pair == pairs_.end() ? nullptr : &pair->second;
}

ForwardSession::Number ForwardSession::FindOrAdd(const std::string& id, uint16_t port) {
  for (const auto& [number, pair] : pairs_) {
    if (pair.id == id) return number;
  }
  const Number number = next_++;
  Pair& pair = pairs_[number];
  pair.id = id;
  pair.port = port;
  pair.timer = host_.loop().After(options_.creation_time, [this, number] {
    pairs_[number].timer = 0;
    Fail(number, "the connection's other stream did not come in time");
  });
  return number;
}

bool ForwardSession::OnLane(Lane lane, const LaneHeaders& headers) {
  const std::optional<uint64_t> port = base::ParseUint64(headers.port);
  const bool data = headers.type == "data";
  if (!port.has_value() || *port == 0 || *port > 65535 || (!data && headers.type != "error") ||
      pairs_.size() >= kMaxPairs)
    return false;
  // Clients that name no request open the error stream and then, as the next one, its data stream.
  const std::string id =
      !headers.request_id.empty() ? headers.request_id : std::to_string(data ? lane - 2 : lane);
  const Number number = FindOrAdd(id, static_cast<uint16_t>(*port));
  Pair& pair = pairs_[number];
  std::optional<Lane>& place = data ? pair.data : pair.error;
  if (place.has_value()) return false;
  place = lane;
  lanes_[lane] = number;
  if (data) {
    pair.sink = std::make_unique<Sink>(host_.loop(), [this, lane](size_t bytes) {
      host_.wire().Consumed(lane, bytes);
      UpdateListening();
      Number number_now = 0;
      if (Of(lane, &number_now) != nullptr) OnCopied(number_now);
    });
  }
  if (pair.data.has_value() && pair.error.has_value() && !std::exchange(pair.asked, true)) {
    host_.loop().CancelTimer(std::exchange(pair.timer, 0));
    host_.TellDaemon(Type::kConnect, Encode(Connect{.lane = number, .port = pair.port}));
  }
  return true;
}

void ForwardSession::OnData(Lane lane, std::string_view piece) {
  Pair* pair = Of(lane);
  if (pair == nullptr || pair->data != lane) return host_.wire().Consumed(lane, piece.size());
  pair->sink->Push(piece);
  UpdateListening();
}

void ForwardSession::UpdateListening() {
  bool full = false;
  for (const auto& [number, pair] : pairs_)
    full = full || (pair.sink != nullptr && pair.sink->pending() > kMaxInput);
  host_.SetListening(!full);
}

void ForwardSession::OnFinish(Lane lane) {
  Number number = 0;
  Pair* pair = Of(lane, &number);
  if (pair == nullptr || pair->data != lane) return;
  pair->data_finished = true;
  pair->sink->Finish();
  OnCopied(number);
}

void ForwardSession::OnReset(Lane lane) {
  Number number = 0;
  const Pair* pair = Of(lane, &number);
  if (pair != nullptr && pair->data == lane) {
    if (pair->error.has_value()) host_.wire().Finish(*pair->error);
    Remove(number);
  }
}

void ForwardSession::OnRoom() {
  for (auto& [number, pair] : pairs_) {
    if (pair.source != nullptr) pair.source->OnRoom();
  }
}

void ForwardSession::OnPacket(Packet packet) {
  if (packet.type != Type::kConnected) return;
  const base::Result<Connected> connected = DecodeConnected(packet.payload);
  if (!connected.ok()) return;
  const Number number = connected->lane;
  const auto it = pairs_.find(number);
  if (it == pairs_.end() || std::exchange(it->second.connected, true)) return;
  Pair& pair = it->second;
  const auto say = [&](std::string_view why) {
    Fail(number, fmt::format("error forwarding port {}: {}", pair.port, why));
  };
  if (!connected->error.empty() || packet.fds.empty())
    return say(connected->error.empty() ? "no socket came" : connected->error);
  os::UniqueFd socket = std::move(packet.fds[0]);
  base::Result<os::UniqueFd> copy = os::Duplicate(socket.get());
  if (!copy.ok()) return say(copy.error().message());
  if (const base::Status set = os::SetNonBlocking(socket.get(), true); !set.ok())
    return say(set.error().message());
  pair.source = std::make_unique<Source>(host_.loop(), std::move(*copy), host_.wire(), *pair.data,
                                         [this, number, lane = *pair.data] {
                                           host_.wire().Finish(lane);
                                           OnCopied(number);
                                         });
  pair.sink->Open(std::move(socket), true);
}

// Both directions at their end: the connection is done.
void ForwardSession::OnCopied(Number number) {
  const auto it = pairs_.find(number);
  if (it == pairs_.end()) return;
  const Pair& pair = it->second;
  if (pair.source == nullptr || !pair.source->ended()) return;
  // Where the client cannot be told that nothing more comes, that is the end of both.
  const bool sent = pair.data_finished && pair.sink->pending() == 0;
  if (!sent && !options_.ends_with_last) return;
  if (pair.error.has_value()) host_.wire().Finish(*pair.error);
  Remove(number);
}

void ForwardSession::Fail(Number number, const std::string& sentence) {
  const auto it = pairs_.find(number);
  if (it == pairs_.end()) return;
  Wire& wire = host_.wire();
  if (it->second.error.has_value()) {
    if (wire.Room(*it->second.error) >= sentence.size()) wire.Send(*it->second.error, sentence);
    wire.Finish(*it->second.error);
  }
  if (it->second.data.has_value()) wire.Reset(*it->second.data);
  Remove(number);
}

void ForwardSession::Remove(Number number) {
  const auto it = pairs_.find(number);
  host_.loop().CancelTimer(it->second.timer);
  std::erase_if(lanes_, [&](const auto& item) { return item.second == number; });
  removed_.push_back(std::make_unique<Pair>(std::move(it->second)));
  pairs_.erase(it);
  // What it has read for a client that is not interested any more is of no use.
  if (Pair& pair = *removed_.back(); pair.sink != nullptr) pair.sink->Drop();
  if (sweep_ == 0) {
    sweep_ = host_.loop().After(std::chrono::nanoseconds(0), [this] {
      sweep_ = 0;
      removed_.clear();
    });
  }
  // Over WebSocket's channels there are no more connections than were asked for.
  if (pairs_.empty() && options_.ends_with_last) host_.EndSession();
}

}  // namespace

std::unique_ptr<ClientSession> MakeForwardSession(Host& host, SessionOptions options) {
  return std::make_unique<ForwardSession>(host, std::move(options));
}

}  // namespace keelson::stream
