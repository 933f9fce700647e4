// SPDX-License-Identifier: Apache-2.0
// keelson-stream: exec, attach and port-forward for the clients of this node's runtime, which
// starts it with the descriptors of ../protocol.h. It has no flags and no files.
#include <unistd.h>

#include <csignal>

#include "lib/base/log.h"
#include "runtime/stream/session/rights.h"
#include "runtime/stream/session/serve.h"

int main() {
  signal(SIGPIPE, SIG_IGN);
  const keelson::base::Status served = keelson::stream::Serve(keelson::stream::GiveUpRights);
  if (!served.ok()) keelson::base::LogError("keelson-stream ends", {{"error", served.error()}});
  _exit(served.ok() ? 0 : 1);
}
