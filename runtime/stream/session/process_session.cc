// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <optional>
#include <utility>

#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "runtime/stream/session/client_session.h"
#include "runtime/stream/session/outcome.h"
#include "runtime/stream/session/sink.h"
#include "runtime/stream/session/size_reader.h"
#include "runtime/stream/session/source.h"

namespace keelson::stream {
namespace {

constexpr size_t kMaxInput = 64u << 10;  // that the container has not taken yet
// After the process has ended its pipes may be held open by one that it left behind: what that one
// writes is sent, and after so long a silence the session is over.
constexpr std::chrono::seconds kSilenceStep{1};
constexpr int kSilenceSteps = 5;

enum Role : size_t { kError, kIn, kOut, kErr, kResize, kRoles };
constexpr std::array<std::string_view, kRoles> kRoleNames = {"error", "stdin", "stdout", "stderr",
                                                             "resize"};

// exec and attach: waits until the client's streams are there, has the command started, copies, and
// says how it ended when everything was read.
class ProcessSession final : public ClientSession {
 public:
  ProcessSession(Host& host, SessionOptions options)
      : host_(host),
        options_(std::move(options)),
        in_(host.loop(), [this](size_t bytes) { OnInputTaken(bytes); }) {
    const Grant& grant = options_.grant;
    // Older clients know no resize stream; WebSocket's channels are there in any case.
    expected_ = {true, grant.in, grant.out, grant.err, grant.tty && options_.version >= 3};
    timer_ = host_.loop().After(options_.creation_time, [this] {
      timer_ = 0;
      Fail("the client's streams did not come in time");
    });
  }
  ~ProcessSession() override { host_.loop().CancelTimer(timer_); }

  bool OnLane(Lane lane, const LaneHeaders& headers) override;
  void OnData(Lane lane, std::string_view piece) override;
  void OnFinish(Lane lane) override;
  void OnReset(Lane lane) override;
  void OnRoom() override;
  void OnPacket(Packet packet) override;

 private:
  void OnOpened(Packet packet);
  void AddSource(Role role, os::UniqueFd fd);
  void OnInputTaken(size_t bytes);
  void Fail(std::string sentence);
  void Conclude();
  void WaitForSilence(int steps = kSilenceSteps);
  uint64_t BytesRead() const;
  bool Is(Role role, Lane lane) const { return lanes_[role] == lane; }

  Host& host_;
  const SessionOptions options_;
  std::array<bool, kRoles> expected_{};
  std::array<std::optional<Lane>, kRoles> lanes_;
  Sink in_;
  std::array<std::unique_ptr<Source>, kRoles> sources_;  // of stdout and stderr
  SizeReader sizes_;
  std::optional<Outcome> outcome_;
  os::EventLoop::TimerId timer_ = 0;
  bool asked_ = false;   // the daemon, to open
  bool opened_ = false;  // it answered
  bool over_ = false;
};

bool ProcessSession::OnLane(Lane lane, const LaneHeaders& headers) {
  if (over_) return false;
  for (size_t role = 0; role < kRoles; ++role) {
    if (headers.type != kRoleNames[role]) continue;
    if (lanes_[role].has_value()) return false;
    lanes_[role] = lane;
  }
  for (size_t role = 0; role < kRoles; ++role) {
    if (expected_[role] && !lanes_[role].has_value()) return true;
  }
  if (!std::exchange(asked_, true)) {
    host_.loop().CancelTimer(std::exchange(timer_, 0));
    host_.TellDaemon(Type::kOpen, {});
  }
  return true;
}

void ProcessSession::OnData(Lane lane, std::string_view piece) {
  if (over_) return;
  if (Is(kIn, lane) && options_.grant.in) {
    in_.Push(piece);
    if (in_.pending() > kMaxInput) host_.SetListening(false);
    return;
  }
  if (Is(kResize, lane) && options_.grant.tty) {
    if (const std::optional<Size> size = sizes_.Take(piece); size.has_value())
      host_.TellDaemon(Type::kResize, Encode(*size));
  }
  host_.wire().Consumed(lane, piece.size());
}

void ProcessSession::OnInputTaken(size_t bytes) {
  if (lanes_[kIn].has_value()) host_.wire().Consumed(*lanes_[kIn], bytes);
  if (in_.pending() <= kMaxInput / 2) host_.SetListening(true);
}

void ProcessSession::OnFinish(Lane lane) {
  // A terminal has no end that could be said: its master is both directions.
  if (Is(kIn, lane) && !options_.grant.tty) in_.Finish();
}

void ProcessSession::OnReset(Lane lane) {
  if (Is(kIn, lane)) return OnFinish(lane);
  // Who does not wait for how it ends has gone. Kubernetes' library may leave the connection open
  // then: it waits itself for a stream that was being made when it was told to leave.
  if (Is(kError, lane) && !outcome_.has_value()) {
    over_ = true;
    return host_.EndSession();
  }
  for (const Role role : {kError, kOut, kErr}) {
    if (!Is(role, lane)) continue;
    lanes_[role].reset();
    if (sources_[role] != nullptr) sources_[role]->Discard();
  }
}

void ProcessSession::OnRoom() {
  for (const auto& source : sources_) {
    if (source != nullptr) source->OnRoom();
  }
  Conclude();
}

void ProcessSession::OnPacket(Packet packet) {
  if (over_) return;
  if (packet.type == Type::kOpened) return OnOpened(std::move(packet));
  if (packet.type != Type::kEnded || outcome_.has_value()) return;
  const base::Result<EndedMessage> ended = DecodeEnded(packet.payload);
  if (!ended.ok()) return Fail(ended.error().message());
  outcome_ = Outcome{.exit_code = ended->exit_code, .error = ended->error};
  // The end of the container that was attached to is no failure of attaching.
  if (options_.grant.kind == Kind::kAttach) outcome_->exit_code = 0;
  Conclude();
  if (!over_) WaitForSilence();
}

void ProcessSession::OnOpened(Packet packet) {
  if (std::exchange(opened_, true)) return;
  const base::Result<Opened> opened = DecodeOpened(packet.payload);
  if (!opened.ok()) return Fail(opened.error().message());
  size_t next = 0;
  const auto take = [&](bool there) {
    if (!there || next >= packet.fds.size()) return os::UniqueFd();
    os::UniqueFd fd = std::move(packet.fds[next++]);
    if (const base::Status set = os::SetNonBlocking(fd.get(), true); !set.ok())
      base::LogWarn("a session's descriptor may block", {{"error", set.error()}});
    return fd;
  };
  os::UniqueFd in = take(opened->in);
  os::UniqueFd out = take(opened->out);
  os::UniqueFd err = take(opened->err);
  os::UniqueFd terminal = take(opened->terminal);
  if (terminal.valid()) {
    base::Result<os::UniqueFd> copy = os::Duplicate(terminal.get());
    if (!copy.ok()) return Fail(copy.error().message());
    if (options_.grant.in) in_.Open(std::move(*copy), false);
    AddSource(kOut, std::move(terminal));
  } else {
    if (in.valid()) in_.Open(std::move(in), false);
    if (out.valid()) AddSource(kOut, std::move(out));
    if (err.valid()) AddSource(kErr, std::move(err));
  }
  if (!options_.grant.in || in_.ended()) in_.Drop();
  Conclude();
}

void ProcessSession::AddSource(Role role, os::UniqueFd fd) {
  const bool wanted = lanes_[role].has_value();
  const Lane lane = lanes_[role].value_or(0);
  sources_[role] = std::make_unique<Source>(host_.loop(), std::move(fd), host_.wire(), lane,
                                            [this, wanted, lane] {
                                              if (wanted) host_.wire().Finish(lane);
                                              Conclude();
                                            });
  if (!wanted) sources_[role]->Discard();
}

void ProcessSession::Fail(std::string sentence) {
  if (over_) return;
  outcome_ = Outcome{.error = std::move(sentence)};
  for (auto& source : sources_) source.reset();
  Conclude();
}

uint64_t ProcessSession::BytesRead() const {
  uint64_t bytes = 0;
  for (const auto& source : sources_) bytes += source == nullptr ? 0 : source->bytes();
  return bytes;
}

void ProcessSession::WaitForSilence(int steps) {
  host_.loop().CancelTimer(timer_);
  timer_ = host_.loop().After(kSilenceStep, [this, steps, before = BytesRead()] {
    timer_ = 0;
    bool waits = false;
    for (const auto& source : sources_)
      waits = waits || (source != nullptr && source->waits_for_room());
    if (waits || BytesRead() != before) return WaitForSilence();
    if (steps > 1) return WaitForSilence(steps - 1);
    for (const auto& source : sources_) {
      if (source != nullptr) source->End();
    }
  });
}

// Once the process has ended, everything was read, and there is room for the last word.
void ProcessSession::Conclude() {
  if (over_ || !outcome_.has_value() || (asked_ && !opened_)) return;
  for (const auto& source : sources_) {
    if (source != nullptr && !source->ended()) return;
  }
  Wire& wire = host_.wire();
  const std::string text = FormatOutcome(*outcome_, options_.version);
  if (lanes_[kError].has_value() && wire.Room(*lanes_[kError]) < text.size()) return;
  over_ = true;
  for (const Role role : {kOut, kErr}) {
    if (lanes_[role].has_value()) wire.Finish(*lanes_[role]);
  }
  if (lanes_[kError].has_value()) {
    if (!text.empty()) wire.Send(*lanes_[kError], text);
    wire.Finish(*lanes_[kError]);
  }
  host_.EndSession();
}

}  // namespace

std::unique_ptr<ClientSession> MakeProcessSession(Host& host, SessionOptions options) {
  return std::make_unique<ProcessSession>(host, std::move(options));
}

}  // namespace keelson::stream
