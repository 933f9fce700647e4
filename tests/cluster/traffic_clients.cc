// SPDX-License-Identifier: Apache-2.0
#include "tests/cluster/traffic_clients.h"

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/base/strings.h"
#include "lib/kernel/netlink/testing/namespaces.h"

namespace keelson::cluster_test {
namespace {

// An answer that is late on a busy machine is no failure; questions are asked again by who asks.
constexpr time_t kPatienceSeconds = 60, kPatienceForNames = 20;
// A few hundred connections a second: the ports of a client are not to run out.
constexpr int kBetween = 8;
constexpr int kLinger = 150;
constexpr size_t kMostFailures = 100;

os::UniqueFd Open(const netlink::SocketAddress& where, int type, time_t patience) {
  os::UniqueFd fd(socket(where.where.any.sa_family, type | SOCK_CLOEXEC, 0));
  const timeval limit{patience, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return fd;
}

// With a limit of time the kernel does not go on by itself after a moment's stop.
ssize_t Receive(int socket, void* bytes, size_t size) {
  ssize_t got = 0;
  while ((got = recv(socket, bytes, size, 0)) < 0 && errno == EINTR) {
  }
  return got;
}

std::string Errno(const char* what) { return fmt::format("{}: {}", what, strerror(errno)); }

}  // namespace

int64_t SteadyNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

Clients::Clients(Target target, int netns, int threads) : target_(std::move(target)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this, netns, i] { Run(netns, i); });
}

void Clients::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Tally Clients::Now() const {
  const std::lock_guard lock(mutex_);
  return tally_;
}

void Clients::Run(int netns, int number) {
  if (netns >= 0 && setns(netns, CLONE_NEWNET) != 0) {
    const std::lock_guard lock(mutex_);
    tally_.failures.push_back(Errno("setns"));
    return;
  }
  for (int round = number; !stop_; ++round) {
    const int64_t begun = SteadyNow();
    std::string text;
    const std::string why = target_.name.empty() ? Ask(round % 8 == 0, text) : AskName(text);
    {
      const std::lock_guard lock(mutex_);
      ++tally_.asked;
      if (why.empty()) {
        ++tally_.answered;
        ++tally_.answers[text];
        tally_.slowest = std::max(tally_.slowest, (SteadyNow() - begun) / 1'000'000);
      } else if (tally_.failures.size() < kMostFailures) {
        tally_.failures.push_back(
            fmt::format("{} at {}.{:03}, asked {} ms before", why, SteadyNow() / 1'000'000'000,
                        SteadyNow() / 1'000'000 % 1000, (SteadyNow() - begun) / 1'000'000));
      }
    }
    (void)poll(nullptr, 0, kBetween);
  }
}

std::string Clients::Ask(bool lingers, std::string& text) const {
  netlink::SocketAddress where(target_.address, target_.port);
  const os::UniqueFd client = Open(where, SOCK_STREAM, kPatienceSeconds);
  const std::string request = fmt::format(
      "GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\nBegun: {}\r\n\r\n", SteadyNow());
  if (connect(client.get(), where.get(), where.size) != 0) return Errno("connect");
  if (lingers) (void)poll(nullptr, 0, kLinger);
  if (send(client.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return Errno("send");
  std::string answer;
  for (;;) {
    char bytes[4096];
    const ssize_t got = Receive(client.get(), bytes, sizeof bytes);
    if (got < 0) return Errno("recv");
    if (got == 0) break;
    answer.append(bytes, static_cast<size_t>(got));
  }
  const size_t head = answer.find("\r\n\r\n");
  if (head == std::string::npos || answer.find(" 200 OK") > head || answer.size() == head + 4)
    return "no whole answer: '" + answer + "'";
  text = answer.substr(head + 4);
  return "";
}

std::string Clients::AskName(std::string& text) const {
  netlink::SocketAddress where(target_.address, 53);
  const os::UniqueFd client = Open(where, SOCK_DGRAM, kPatienceForNames);
  std::string question("\0\7\1\0\0\1\0\0\0\0\0\0", 12);
  for (const std::string_view label : base::Split(std::string_view(target_.name), '.'))
    question.append(1, static_cast<char>(label.size())).append(label);
  question.append("\0\0\1\0\1", 5);
  if (connect(client.get(), where.get(), where.size) != 0) return Errno("connect");
  if (send(client.get(), question.data(), question.size(), 0) < 0) return Errno("send");
  unsigned char answer[512];
  const ssize_t got = Receive(client.get(), answer, sizeof answer);
  if (got < 0) return Errno("recv");
  if (got < 16 || (answer[3] & 15) != 0 || answer[7] == 0)
    return fmt::format("answered with code {}", got < 16 ? -1 : answer[3] & 15);
  const unsigned char* end = answer + got;
  text = fmt::format("{}.{}.{}.{}", end[-4], end[-3], end[-2], end[-1]);
  return "";
}

}  // namespace keelson::cluster_test
