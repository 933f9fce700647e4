// SPDX-License-Identifier: Apache-2.0
// keelson-reach REPORT MARKER NAMESPACES: tries, from inside a container, all that it can find, and
// writes to REPORT what came of it. MARKER is a key's name in the session keyring of who started
// the container, NAMESPACES the host's, by inode numbers. It harms nothing: what is opened is not
// written to, what is set is set to what it is, and each call runs in a process of its own.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "tests/reach/probe/report.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    fputs("keelson-reach REPORT MARKER NAMESPACES\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  using namespace keelson::reach;
  OpenReport(argv[1]);
  TellProcess(argv[2], argv[3]);
  // Calls are tried on these numbers: they shall meet a file of this process's own.
  const int own = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  for (const int fd : {0, 1, 2}) dup2(own, fd);
  TellSockets();
  TellDeeds();
  TellPaths();
  TellCalls();
  CloseReport();
  return 0;
}
