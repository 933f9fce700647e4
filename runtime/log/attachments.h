// SPDX-License-Identifier: Apache-2.0
// Clients attached to containers: copies of the output from now on, and what they write to the
// standard input. Each has a bounded buffer; one that does not read loses its session and holds up
// nobody. Input that a container does not take stops the reading from its clients. Loop thread
// only, nothing blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/event_loop.h"
#include "lib/os/unique_fd.h"

namespace keelson::log {

constexpr size_t kClientBytes = 1u << 20;  // of output that one client may leave waiting
constexpr size_t kInputBytes = 1u << 20;   // of input that a container may leave waiting

class Attachments {
 public:
  struct Events {
    std::function<void(uint64_t session, const std::string& why)> ended;  // once each
    std::function<void(const std::string& container)> input_closed;       // no copy may stay open
  };
  Attachments(os::EventLoop& loop, Events events);
  ~Attachments();

  // `fd`: the write end of its standard input, or a terminal's master. `once`: it ends with the
  // first client's.
  void AddInput(const std::string& container, os::UniqueFd fd, bool terminal, bool once);
  struct Streams {
    bool terminal = false;  // `out` is a socket, for input too
    os::UniqueFd in, out, err;
  };
  // Until Detach(), or until it has ended; also when the client has closed all its ends.
  base::Status Attach(uint64_t session, const std::string& container, Streams streams);
  void Detach(uint64_t session);
  void Output(const std::string& container, bool error_stream, std::string_view bytes);
  // Nothing more will come: each client's session ends once it has read all.
  void End(const std::string& container);
  void Remove(const std::string& container);

 private:
  struct Out {
    os::UniqueFd fd;
    os::EventLoop::WatchId watch = 0;
    std::string waiting;
  };
  struct Client {
    std::string container;
    Out out, err;
    os::UniqueFd in;
    os::EventLoop::WatchId in_watch = 0;
    bool ending = false;
  };
  struct Input {
    os::UniqueFd fd;
    os::EventLoop::WatchId watch = 0;  // while something waits
    bool terminal = false;
    bool once = false;
    bool finishing = false;
    std::string waiting;
  };

  void WatchOut(uint64_t session, Out& out);
  void CloseOut(Out& out);
  void Write(Out& out, std::string_view bytes);
  void OnOut(uint64_t session, bool error_stream, uint32_t ready);
  void EndIfDone(uint64_t session);
  void Drop(uint64_t session, const std::string& why);

  void RemoveInput(const std::string& container);
  void WatchIn(uint64_t session, Client& client);
  void OnIn(uint64_t session);
  enum class Got { kSomething, kNothing, kEnd };
  Got ReadIn(Client& client);
  void CloseIn(Client& client);  // the first one may end the container's input
  void Feed(const std::string& container, std::string_view bytes);
  void OnInputWritable(const std::string& container);
  void PauseClients(const std::string& container, bool pause);
  void FinishInput(const std::string& container, Input& input);
  void CloseInput(const std::string& container, Input& input);

  os::EventLoop& loop_;
  const Events events_;
  std::map<uint64_t, Client> clients_;
  std::map<std::string, Input> inputs_;
};

}  // namespace keelson::log
