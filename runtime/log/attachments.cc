// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/attachments.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "lib/os/files.h"
#include "lib/os/pipe.h"

namespace keelson::log {

namespace {

// Bytes taken; 0: none now; negative: never again.
ssize_t WriteSome(int fd, std::string_view bytes) {
  while (true) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n >= 0) return n;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -1;
  }
}

}  // namespace

Attachments::Attachments(os::EventLoop& loop, Events events)
    : loop_(loop), events_(std::move(events)) {}

Attachments::~Attachments() = default;

base::Status Attachments::Attach(uint64_t session, const std::string& container, Streams streams) {
  Client& client = clients_[session];
  client.container = container;
  client.in = std::move(streams.in);
  client.out.fd = std::move(streams.out);
  client.err.fd = std::move(streams.err);
  if (streams.terminal) {
    base::Result<os::UniqueFd> in = os::Duplicate(client.out.fd.get());
    if (!in.ok()) {
      clients_.erase(session);
      return in.error();
    }
    client.in = std::move(in).value();
  }
  for (const os::UniqueFd* fd : {&client.in, &client.out.fd, &client.err.fd}) {
    if (*fd) (void)os::SetNonBlocking(fd->get(), true);
  }
  WatchOut(session, client.out);
  WatchOut(session, client.err);
  const auto input = inputs_.find(container);
  if (input == inputs_.end() || input->second.waiting.empty()) WatchIn(session, client);
  return base::Ok();
}

void Attachments::Detach(uint64_t session) {
  const auto found = clients_.find(session);
  if (found == clients_.end()) return;
  Client& client = found->second;
  // What it has written before it went is the container's.
  constexpr int kMostReads = 16;
  for (int i = 0; client.in && i < kMostReads && ReadIn(client) == Got::kSomething; ++i) {
  }
  Drop(session, "detached");
}

void Attachments::Output(const std::string& container, bool error_stream, std::string_view bytes) {
  std::vector<uint64_t> slow;
  for (auto& [session, client] : clients_) {
    if (client.container != container || client.ending) continue;
    Write(error_stream ? client.err : client.out, bytes);
    if (client.out.waiting.size() + client.err.waiting.size() > kClientBytes)
      slow.push_back(session);
  }
  for (const uint64_t session : slow) {
    Drop(session, "the client reads too slowly: more than " + std::to_string(kClientBytes >> 10) +
                      " KiB of output were waiting for it");
  }
}

void Attachments::End(const std::string& container) {
  RemoveInput(container);
  std::vector<uint64_t> sessions;
  for (auto& [session, client] : clients_) {
    if (client.container != container) continue;
    client.ending = true;
    sessions.push_back(session);
  }
  for (const uint64_t session : sessions) EndIfDone(session);
}

void Attachments::Remove(const std::string& container) {
  RemoveInput(container);
  std::vector<uint64_t> sessions;
  for (const auto& [session, client] : clients_) {
    if (client.container == container) sessions.push_back(session);
  }
  for (const uint64_t session : sessions) Drop(session, "");
}

// --- output

void Attachments::WatchOut(uint64_t session, Out& out) {
  if (!out.fd) return;
  const bool error_stream = &out == &clients_[session].err;
  // Without any event asked for, the reader's end is still told.
  base::Result<os::EventLoop::WatchId> watch = loop_.Watch(
      out.fd.get(), 0,
      [this, session, error_stream](uint32_t ready) { OnOut(session, error_stream, ready); });
  if (watch.ok()) out.watch = *watch;
}

void Attachments::CloseOut(Out& out) {
  if (out.watch != 0) loop_.Unwatch(out.watch);
  out.watch = 0;
  out.fd.reset();
  out.waiting.clear();
}

void Attachments::Write(Out& out, std::string_view bytes) {
  if (!out.fd) return;
  const bool waited = !out.waiting.empty();
  if (!waited) {
    const ssize_t n = WriteSome(out.fd.get(), bytes);
    if (n < 0) return CloseOut(out);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (bytes.empty()) return;
  out.waiting.append(bytes);
  if (!waited) (void)loop_.Modify(out.watch, EPOLLOUT);
}

void Attachments::OnOut(uint64_t session, bool error_stream, uint32_t ready) {
  const auto found = clients_.find(session);
  if (found == clients_.end()) return;
  Out& out = error_stream ? found->second.err : found->second.out;
  if (!out.waiting.empty()) {
    const ssize_t n = WriteSome(out.fd.get(), out.waiting);
    if (n < 0) {
      CloseOut(out);
    } else {
      out.waiting.erase(0, static_cast<size_t>(n));
      if (out.waiting.empty()) (void)loop_.Modify(out.watch, 0);
    }
  } else if ((ready & (EPOLLERR | EPOLLHUP)) != 0) {
    CloseOut(out);
  }
  EndIfDone(session);
}

void Attachments::EndIfDone(uint64_t session) {
  const auto found = clients_.find(session);
  if (found == clients_.end()) return;
  const Client& client = found->second;
  if (client.ending && client.out.waiting.empty() && client.err.waiting.empty()) Drop(session, "");
}

void Attachments::Drop(uint64_t session, const std::string& why) {
  const auto found = clients_.find(session);
  if (found == clients_.end()) return;
  Client& client = found->second;
  CloseOut(client.out);
  CloseOut(client.err);
  CloseIn(client);
  clients_.erase(found);
  events_.ended(session, why);
}

// --- input

void Attachments::AddInput(const std::string& container, os::UniqueFd fd, bool terminal,
                           bool once) {
  RemoveInput(container);
  (void)os::SetNonBlocking(fd.get(), true);
  Input& input = inputs_[container];
  input.fd = std::move(fd);
  input.terminal = terminal;
  input.once = once;
}

void Attachments::RemoveInput(const std::string& container) {
  const auto input = inputs_.find(container);
  if (input == inputs_.end()) return;
  if (input->second.watch != 0) loop_.Unwatch(input->second.watch);
  inputs_.erase(input);
}

void Attachments::WatchIn(uint64_t session, Client& client) {
  if (!client.in || client.in_watch != 0) return;
  base::Result<os::EventLoop::WatchId> watch =
      loop_.Watch(client.in.get(), EPOLLIN, [this, session](uint32_t) { OnIn(session); });
  if (watch.ok()) client.in_watch = *watch;
}

void Attachments::OnIn(uint64_t session) {
  const auto found = clients_.find(session);
  if (found == clients_.end() || !found->second.in) return;
  if (ReadIn(found->second) != Got::kEnd) return;
  CloseIn(found->second);
}

Attachments::Got Attachments::ReadIn(Client& client) {
  static char buffer[16384];
  const ssize_t n = read(client.in.get(), buffer, sizeof buffer);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? Got::kNothing : Got::kEnd;
  if (n == 0) return Got::kEnd;
  Feed(client.container, std::string_view(buffer, static_cast<size_t>(n)));
  return Got::kSomething;
}

void Attachments::CloseIn(Client& client) {
  if (!client.in) return;
  if (client.in_watch != 0) loop_.Unwatch(client.in_watch);
  client.in_watch = 0;
  client.in.reset();
  const auto input = inputs_.find(client.container);
  if (input != inputs_.end() && input->second.once) FinishInput(input->first, input->second);
}

void Attachments::Feed(const std::string& container, std::string_view bytes) {
  const auto found = inputs_.find(container);
  if (found == inputs_.end() || !found->second.fd) return;  // nobody listens
  Input& input = found->second;
  if (input.waiting.empty()) {
    const ssize_t n = WriteSome(input.fd.get(), bytes);
    if (n < 0) return CloseInput(container, input);
    bytes.remove_prefix(static_cast<size_t>(n));
    if (bytes.empty()) return;
  }
  if (input.waiting.size() + bytes.size() > kInputBytes) return;
  input.waiting.append(bytes);
  PauseClients(container, true);
  if (input.watch != 0) return;
  base::Result<os::EventLoop::WatchId> watch = loop_.Watch(
      input.fd.get(), EPOLLOUT, [this, container](uint32_t) { OnInputWritable(container); });
  if (watch.ok()) input.watch = *watch;
}

void Attachments::OnInputWritable(const std::string& container) {
  const auto found = inputs_.find(container);
  if (found == inputs_.end()) return;
  Input& input = found->second;
  const ssize_t n = WriteSome(input.fd.get(), input.waiting);
  if (n < 0) return CloseInput(found->first, input);
  input.waiting.erase(0, static_cast<size_t>(n));
  if (!input.waiting.empty()) return;
  loop_.Unwatch(input.watch);
  input.watch = 0;
  if (input.finishing) FinishInput(found->first, input);
  PauseClients(found->first, false);
}

void Attachments::PauseClients(const std::string& container, bool pause) {
  for (auto& [session, client] : clients_) {
    if (client.container != container) continue;
    if (!pause) {
      WatchIn(session, client);
    } else if (client.in_watch != 0) {
      loop_.Unwatch(client.in_watch);
      client.in_watch = 0;
    }
  }
}

void Attachments::FinishInput(const std::string& container, Input& input) {
  input.finishing = !input.waiting.empty();
  if (input.finishing || !input.fd) return;
  if (!input.terminal) return CloseInput(container, input);
  // A terminal has no end of file but the one that is typed.
  input.once = false;
  termios settings{};
  if (tcgetattr(input.fd.get(), &settings) != 0) settings.c_cc[VEOF] = 4;
  (void)WriteSome(input.fd.get(),
                  std::string_view(reinterpret_cast<const char*>(&settings.c_cc[VEOF]), 1));
}

void Attachments::CloseInput(const std::string& container, Input& input) {
  if (!input.fd) return;
  if (input.watch != 0) loop_.Unwatch(input.watch);
  input.watch = 0;
  input.fd.reset();
  input.waiting.clear();
  for (auto& [session, client] : clients_) {
    if (client.container != container || !client.in) continue;
    if (client.in_watch != 0) loop_.Unwatch(client.in_watch);
    client.in_watch = 0;
    client.in.reset();
  }
  events_.input_closed(container);
}

}  // namespace keelson::log
