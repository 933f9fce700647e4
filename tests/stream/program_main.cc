// SPDX-License-Identifier: Apache-2.0
// keelson-stream without giving up its rights: the form that sanitizers can look at. For tests.
#include <csignal>
#include <cstdio>

#include "runtime/stream/session/serve.h"

int main() {
  signal(SIGPIPE, SIG_IGN);
  const keelson::base::Status served =
      keelson::stream::Serve([] { return keelson::base::Status(); });
  if (!served.ok()) std::fprintf(stderr, "%s\n", served.error().message().c_str());
  return served.ok() ? 0 : 1;
}
