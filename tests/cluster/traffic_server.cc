// SPDX-License-Identifier: Apache-2.0
// keelson-traffic-server: what the pods of traffic_test and chaos_test run. On port 8080 it answers
// each connection's one request with VERSION, and writes a line of it to the file /notes/UID:
// "ADDRESS BEGUN SERVED", where BEGUN is what the client says of when it began to connect and
// SERVED when the request was read, both nanoseconds of the machine's steady clock. UID, ADDRESS
// and VERSION are in the environment.
//
// SIGTERM: it serves whoever comes for DRAIN_SECONDS more (default 0), then all that the kernel has
// accepted already, then it ends. `keelson-traffic-server sleep WORD` does nothing until SIGTERM: a
// client's pod, known by its word.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

volatile sig_atomic_t asked_to_end = 0;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

long long Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

class Server {
 public:
  bool Open() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int one = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(8080);
    notes_ = open(("/notes/" + Variable("UID")).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                  0644);
    return notes_ >= 0 && bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0 &&
           listen(listener_, 1024) == 0;
  }
  // Until it was asked to end, its time is over and nobody waits.
  void Run() {
    long long end = -1;
    for (;;) {
      if (asked_to_end != 0 && end < 0) end = Now() + std::atoll(drain_.c_str()) * 1'000'000'000LL;
      const bool over = end >= 0 && Now() >= end;
      const bool came = Accept();
      if (over && !came && clients_.empty()) return;
      Wait(end < 0 ? -1 : over ? 0 : static_cast<int>((end - Now()) / 1'000'000 + 1));
    }
  }

 private:
  bool Accept() {
    bool any = false;
    for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      clients_[fd];
      any = true;
    }
    return any;
  }
  void Wait(int milliseconds) {
    pollfd all[1024];
    nfds_t count = 0;
    all[count++] = {listener_, POLLIN, 0};
    for (const auto& [fd, text] : clients_)
      if (count < 1024) all[count++] = {fd, POLLIN, 0};
    // Who is connected and says nothing is waited for, the kubelet's grace is the bound.
    sigset_t none;
    sigemptyset(&none);
    const timespec limit{milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
    const bool for_ever = milliseconds < 0 || (milliseconds == 0 && !clients_.empty());
    if (ppoll(all, count, for_ever ? nullptr : &limit, &none) <= 0) return;
    for (nfds_t i = 1; i < count; ++i)
      if (all[i].revents != 0) Read(all[i].fd);
  }
  void Read(int fd) {
    char bytes[2048];
    const ssize_t got = read(fd, bytes, sizeof bytes);
    std::string& text = clients_[fd];
    if (got > 0) text.append(bytes, static_cast<size_t>(got));
    const bool whole = text.find("\r\n\r\n") != std::string::npos;
    if (got > 0 && !whole && text.size() < 16384) return;
    if (whole) Answer(fd, text);
    close(fd);
    clients_.erase(fd);
  }
  void Answer(int fd, const std::string& text) const {
    const std::string header = "Begun: ";
    const size_t at = text.find(header);
    if (at != std::string::npos) {
      const std::string line =
          address_ + " " +
          text.substr(at + header.size(), text.find('\r', at) - at - header.size()) + " " +
          std::to_string(Now()) + "\n";
      if (write(notes_, line.data(), line.size()) < 0) return;
    }
    const std::string answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                               std::to_string(version_.size()) + "\r\n\r\n" + version_;
    (void)!write(fd, answer.data(), answer.size());
  }

  const std::string address_ = Variable("ADDRESS"), version_ = Variable("VERSION"),
                    drain_ = Variable("DRAIN_SECONDS");
  int listener_ = -1, notes_ = -1;
  std::map<int, std::string> clients_;
};

}  // namespace

int main(int argc, char** argv) {
  // Heard only while it waits.
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  sigprocmask(SIG_BLOCK, &end, nullptr);
  struct sigaction heard{};
  heard.sa_handler = [](int) { asked_to_end = 1; };
  sigaction(SIGTERM, &heard, nullptr);
  signal(SIGPIPE, SIG_IGN);
  if (argc > 1 && std::strcmp(argv[1], "sleep") == 0) {
    int number = 0;
    sigwait(&end, &number);
    return 0;
  }
  Server server;
  if (!server.Open()) {
    std::perror("keelson-traffic-server");
    return 1;
  }
  server.Run();
  return 0;
}
