// SPDX-License-Identifier: Apache-2.0
// The client's socket, with TLS if there is any: bytes both ways on an event loop. Writing never
// waits; pending() says how much the client has not taken yet, and reading stops by itself while
// that is very much. Callbacks come from the loop; none after the object is gone, and the owner may
// not destroy it inside one. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lib/os/event_loop.h"
#include "lib/os/unique_fd.h"
#include "runtime/stream/session/tls.h"

namespace keelson::stream {

class Transport final {
 public:
  struct Callbacks {
    std::function<void(std::string_view)> on_bytes;
    std::function<void()> on_drained;  // pending() is small again
    std::function<void()> on_gone;     // closed, broken or left by the client; once, the last
  };
  // `tls` may be null. The socket is non-blocking.
  Transport(os::EventLoop& loop, os::UniqueFd socket, std::shared_ptr<TlsContext> tls,
            Callbacks callbacks);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  void Start();
  void Write(std::string_view bytes);
  size_t pending() const { return out_.size() - out_sent_; }
  void SetReading(bool on);
  bool reading() const { return wants_reading_; }
  // Everything written is sent, then the end of it; what the client still says is read and dropped
  // until it closes, since closing with bytes unread would take from it what it has not read yet.
  // on_gone follows.
  void Finish();
  // Counts bytes in both directions, to see whether anything moves.
  uint64_t moved() const { return moved_; }

 private:
  void OnReady(uint32_t events);
  void OnReadable();
  void Flush();
  void EndOutput();
  void Update();
  void TellDrained();  // from the loop only, never inside Write()
  void Gone();
  void Linger();

  os::EventLoop& loop_;
  os::UniqueFd socket_;
  std::unique_ptr<Tls> tls_;
  Callbacks callbacks_;
  os::EventLoop::WatchId watch_ = 0;
  os::EventLoop::TimerId linger_ = 0;
  uint32_t events_ = 0;
  std::string out_;
  size_t out_sent_ = 0;
  uint64_t moved_ = 0;
  int linger_rounds_ = 0;
  int linger_unsent_ = 0;
  bool wants_reading_ = true;
  bool was_full_ = false;
  bool finishing_ = false;
  bool output_ended_ = false;
  bool peer_ended_ = false;
  bool gone_ = false;
};

}  // namespace keelson::stream
