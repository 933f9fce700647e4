// SPDX-License-Identifier: Apache-2.0
// stream-test-server PROGRAM [CERTIFICATE KEY]: a StreamServer over plain processes, driven by
// lines on standard input, tabs between the words, one line of answer each:
//   exec FLAGS ARG…   attach FLAGS TEXT   forward PORT…   → a URL      (FLAGS of t, i, o, e)
//   state             → sessions=N backend=N fds=N program_fds=N program=PID
//   kill              → ends keelson-stream, answers when another runs
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "runtime/stream/server.h"
#include "tests/stream/process_backend.h"

namespace keelson::stream_test {
namespace {

using stream::StreamServer;

size_t CountFds(int pid) {
  const auto list = os::ListDir(pid == 0 ? "/proc/self/fd" : fmt::format("/proc/{}/fd", pid));
  return list.ok() ? list->size() : 0;
}

base::Result<std::string> Answer(StreamServer& server, const ProcessBackend& backend,
                                 const std::vector<std::string>& words) {
  if (words[0] == "state")
    return fmt::format("sessions={} backend={} fds={} program_fds={} program={}", server.sessions(),
                       backend.sessions(), CountFds(0), CountFds(server.program_pid()),
                       server.program_pid());
  if (words[0] == "kill") {
    const int before = server.program_pid();
    kill(before, SIGKILL);
    while (server.program_pid() == before || server.program_pid() == 0) std::this_thread::yield();
    return std::string("killed");
  }
  if (words[0] == "forward") {
    std::vector<uint16_t> ports;
    for (size_t i = 1; i < words.size(); ++i)
      ports.push_back(static_cast<uint16_t>(base::ParseUint64(words[i]).value_or(0)));
    return server.PortForward("sandbox", ports);
  }
  if (words.size() < 3) return base::InvalidArgument("too few words");
  const auto has = [&](char c) { return words[1].find(c) != std::string::npos; };
  stream::ProcessRequest request{.container_id = words[2],
                                 .command = {words.begin() + 2, words.end()},
                                 .tty = has('t'),
                                 .in = has('i'),
                                 .out = has('o'),
                                 .err = has('e')};
  return words[0] == "exec" ? server.Exec(request) : server.Attach(request);
}

int Run(int argc, char** argv) {
  stream::ServerOptions options{.program = argv[1]};
  if (argc == 4) {
    options.certificate = os::ReadFile(argv[2]).ValueOr("");
    options.key = os::ReadFile(argv[3]).ValueOr("");
  }
  ProcessBackend backend;
  auto server = StreamServer::Create(options, backend);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.error().message().c_str());
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::vector<std::string> words;
    for (const std::string_view word : base::Split(std::string_view(line), '\t'))
      words.emplace_back(word);
    const base::Result<std::string> answer = Answer(**server, backend, words);
    std::cout << (answer.ok() ? *answer : "error: " + answer.error().message()) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace keelson::stream_test

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) return 2;
  return keelson::stream_test::Run(argc, argv);
}
