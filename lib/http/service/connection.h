// SPDX-License-Identifier: Apache-2.0
// A connection on its loop: handshake, reading, writing, deadlines. What the bytes mean is one of
// two Protocols, HTTP/1.1 or HTTP/2. Everything here runs on the loop's thread. Private to this
// folder.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "lib/http/service/loop.h"
#include "lib/http/service/output.h"
#include "lib/http/service/stream.h"
#include "lib/http/service/transport.h"

namespace keelson::service {

using Time = std::chrono::steady_clock::time_point;

class Protocol {
 public:
  virtual ~Protocol() = default;
  // Takes what it can from the front of `in`. False: nothing more is wanted from this client.
  virtual bool OnInput(std::string& in) = 0;
  virtual void OnEnd() = 0;            // the client sends no more
  virtual void Fill(Output& out) = 0;  // adds what is ready to go, about 64 KB at most
  virtual bool WantsRead() const = 0;
  virtual bool Done() const = 0;  // close, once the output is sent
  virtual void OnReady(Stream& stream) = 0;
  virtual void Drain() = 0;           // no new requests
  virtual void Close() = 0;           // every stream is gone
  virtual Time Deadline() const = 0;  // for input; Time::max() for none
  virtual bool OnDeadline() = 0;      // may make an answer; false: the connection ends then
};

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Loop> loop, os::UniqueFd socket, TlsContext tls, std::string remote);
  ~Connection();

  bool Start();  // false: the loop cannot watch it
  void OnReady(Stream& stream);
  void Drain();
  void Sweep(Time now);
  void Close();  // at once, idempotent

  // For protocols.
  const std::shared_ptr<Loop>& loop() const { return loop_; }
  Core& core() { return loop_->core(); }
  bool tls() const { return transport_.tls(); }
  // A connection may outlive its peer's certificate, which from then on is not verified.
  const std::shared_ptr<const PeerCertificates>& peer();
  const std::string& remote() const { return remote_; }
  Time now() const { return std::chrono::steady_clock::now(); }
  // Reads and writes again when the current callback is done.
  void Pump();

 private:
  enum class Phase { kHandshake, kDetect, kServing, kLingering, kClosed };
  void OnEvents(uint32_t events);
  void ContinueHandshake();
  bool Detect();  // true: the protocol is known
  void Receive();
  void Step();
  void Flush();
  void Linger();
  void SetInterest();

  const std::shared_ptr<Loop> loop_;
  Transport transport_;
  const std::string remote_;
  std::shared_ptr<const PeerCertificates> peer_;
  int64_t peer_end_ = 0;  // seconds since the epoch
  std::unique_ptr<Protocol> protocol_;
  Phase phase_ = Phase::kHandshake;
  os::EventLoop::WatchId watch_ = 0;
  uint32_t interest_ = 0;
  std::string in_;
  Output out_;
  bool end_seen_ = false;
  bool input_over_ = false;
  bool blocked_ = false;  // the socket takes nothing more
  bool handshake_write_ = false;
  bool draining_ = false;
  bool in_step_ = false;
  Time phase_deadline_;
  Time write_deadline_ = Time::max();
};

std::unique_ptr<Protocol> MakeHttp1(Connection& connection);
std::unique_ptr<Protocol> MakeHttp2(Connection& connection);

}  // namespace keelson::service
