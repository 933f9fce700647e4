// SPDX-License-Identifier: Apache-2.0
// The server's side of an Exchange: what handlers put in under a lock, the connection takes out on
// its loop. A stream of HTTP/1.1 that was upgraded is the Tunnel too. Private to this folder.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "lib/http/service/core.h"
#include "lib/http/service/exchange.h"
#include "lib/http/service/loop.h"
#include "lib/http/service/output.h"

namespace keelson::service {

class Stream final : public Exchange, public Tunnel, public std::enable_shared_from_this<Stream> {
 public:
  // `id` is the connection's own.
  Stream(std::shared_ptr<Loop> loop, std::weak_ptr<Connection> connection, int64_t id);
  ~Stream() override;

  // Exchange, any thread.
  const Request& request() const override { return request_; }
  using Exchange::Respond;
  void Respond(int status, Fields headers, std::vector<Buffer> body) override;
  void Begin(int status, Fields headers) override;
  using Exchange::Write;
  Sent Write(std::vector<Buffer> pieces) override;
  void End() override;
  void Abort() override;
  void OnDrain(std::function<void()> callback) override;
  void OnGone(std::function<void()> callback) override;
  bool gone() const override { return gone_.load(); }
  base::Result<std::shared_ptr<Tunnel>> Upgrade(Fields headers) override;

  // Tunnel, any thread.
  Sent Send(std::vector<Buffer> pieces) override { return Write(std::move(pieces)); }
  void OnRoom(std::function<void()> callback) override { OnDrain(std::move(callback)); }
  void OnData(std::function<void(std::string_view)> callback) override;
  void PauseReading(bool pause) override;
  void OnClosed(std::function<void()> callback) override { OnGone(std::move(callback)); }
  void Close() override { End(); }

  // The connection, on its loop.
  struct Head {
    int status = 0;
    Fields headers;
    bool whole = false;  // `length` bytes and no more
    size_t length = 0;
    bool upgrade = false;
  };
  Request& mutable_request() { return request_; }  // before the handler sees it
  BodyCharge& charge() { return charge_; }
  int64_t id() const { return id_; }
  std::shared_ptr<Connection> connection() const { return connection_.lock(); }
  std::optional<Head> TakeHead();  // once
  struct Pending {
    size_t bytes = 0;    // can be taken
    bool ended = false;  // nothing comes after them
  };
  Pending pending() const;
  bool aborted() const { return aborted_.load(); }
  void TakeBody(Output& to, size_t bytes);
  void SetGone(bool whole);  // the connection will take nothing further; `whole`: it took all
  bool reading() const;      // a tunnel whose user takes bytes
  void Deliver(std::string_view bytes);
  void clear_ready() { ready_.store(false); }
  bool handler_running() const { return running_.load(); }
  void set_handler_running(bool running) { running_.store(running); }
  void Wake();  // any thread: the connection should look at this stream
  // What the handler gets: when the last copy goes, an answer that is missing is given.
  std::shared_ptr<Exchange> MakeHandle() { return Handle<Exchange>(); }

 private:
  template <typename T>
  std::shared_ptr<T> Handle() {
    ++handles_;
    return std::shared_ptr<T>(this, [self = shared_from_this()](T*) {
      if (--self->handles_ == 0) self->Abandoned();
    });
  }
  void Abandoned();
  void Answer(int status, Fields headers, std::vector<Buffer> body);

  const std::shared_ptr<Loop> loop_;
  const std::weak_ptr<Connection> connection_;
  const int64_t id_;
  Request request_;
  BodyCharge charge_;

  std::atomic<bool> gone_{false};
  std::atomic<bool> ready_{false};  // in the loop's list of streams to look at
  std::atomic<bool> aborted_{false};
  std::atomic<bool> running_{false};
  std::atomic<int> handles_{0};
  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  bool answered_ = false;  // Respond, Begin or Upgrade was called
  bool ended_ = false;
  bool upgraded_ = false;
  bool want_drain_ = false;
  bool paused_ = false;
  bool end_delivered_ = false;
  std::optional<Head> head_;
  Output queue_;
  std::function<void()> on_drain_;
  std::function<void()> on_gone_;
  std::shared_ptr<std::function<void(std::string_view)>> on_data_;
};

}  // namespace keelson::service
