// SPDX-License-Identifier: Apache-2.0
// One exchange handed on: dials, sends the request, brings the answer back. Lives on the loop of
// its Passages; callbacks of the exchange come from elsewhere and are posted there. Private to this
// folder.
#pragma once

#include <memory>
#include <optional>

#include "lib/http/passage/passages.h"
#include "lib/http/service/output.h"
#include "lib/http/service/transport.h"
#include "lib/os/dial.h"
#include "lib/os/event_loop.h"

namespace keelson::passage {

class Passage : public std::enable_shared_from_this<Passage> {
 public:
  Passage(std::shared_ptr<os::EventLoop> loop, Passages::Options options,
          std::shared_ptr<service::Exchange> exchange, Outbound outbound, Terms terms,
          os::Dial dial, std::function<void(Passage*)> ended);

  void Start();  // on the loop, as all below
  void CutOff();

 private:
  enum class Stage { kConnecting, kShaking, kHead, kBody, kTunnel, kOver };

  void ConnectNext();
  void Fail(const std::string& message);  // nothing was answered
  void Finish(bool whole);
  void OnReady(uint32_t ready);
  void Connected();
  void Shake();
  void Proceed();  // whatever can be done now: write, read, hand over
  void Read();
  bool HandOver();  // false: the client takes no more for now, or all is over
  bool TakeHead();
  void BackendEnded();
  void BeginTunnel();
  void FromClient(std::string bytes, bool end);
  void Watch();
  void AskForRoom();

  const std::shared_ptr<os::EventLoop> loop_;
  const Passages::Options options_;
  std::shared_ptr<service::Exchange> exchange_;
  std::shared_ptr<service::Tunnel> tunnel_;
  const Outbound outbound_;
  const Terms terms_;
  const std::function<void(Passage*)> ended_;

  Stage stage_ = Stage::kConnecting;
  os::Dial dial_;
  std::unique_ptr<service::Transport> transport_;
  std::optional<os::EventLoop::WatchId> watch_;
  std::optional<os::EventLoop::TimerId> timer_;
  uint32_t watched_ = 0;
  bool wants_write_ = false;  // of TLS, though it reads
  bool backend_ended_ = false;
  bool client_ended_ = false;
  bool blocked_ = false;  // the client's side is full
  ResponseReader response_;
  std::optional<Head> refusal_;
  service::Output out_;  // to the backend
  std::string in_;       // to the client
  bool paused_ = false;  // the client of a tunnel is not read
};

}  // namespace keelson::passage
