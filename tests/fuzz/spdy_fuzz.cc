// SPDX-License-Identifier: Apache-2.0
// A SPDY connection: no bytes break it, it ends the same way whatever the pieces they come in, and
// what it keeps and answers stays in proportion.
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/http/spdy/session.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using keelson::spdy::Headers;

// Answers as a server would.
class Server final : public keelson::spdy::Events {
 public:
  void OnStream(uint32_t id, const Headers& headers, bool fin) override {
    log += "open " + std::to_string(id) + (fin ? " fin" : "");
    for (const auto& [name, value] : headers) log += " " + name + "=" + value;
    session->Reply(id, {}, false);
  }
  void OnData(uint32_t id, std::string_view piece) override {
    log.append(piece);
    session->Send(id, piece.substr(0, session->Room(id)));
    session->Consumed(id, piece.size());
  }
  void OnFinish(uint32_t id) override {
    log += "finish " + std::to_string(id);
    session->Finish(id);
  }
  void OnReset(uint32_t id, uint32_t status) override {
    log += "reset " + std::to_string(id) + " " + std::to_string(status);
  }
  keelson::spdy::Session* session = nullptr;
  std::string log;
};

struct Ending {
  std::string log, output;
  bool ok;
};

Ending Run(std::string_view bytes, size_t step) {
  Server server;
  keelson::spdy::Session session(keelson::spdy::Role::kServer, server, {.max_streams = 8});
  server.session = &session;
  bool ok = true;
  for (size_t i = 0; i < bytes.size() && ok; i += step) {
    const auto fed = session.Feed(bytes.substr(i, step));
    ok = fed.ok();
    if (!ok) keelson::fuzz::RequireSentence(fed.error().message());
  }
  Require(session.streams() <= 8, "more streams than the limit");
  return {server.log, session.TakeOutput(), ok};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Ending whole = Run(bytes, size + 1);
  const Ending pieces = Run(bytes, 5);
  Require(whole.ok == pieces.ok, "pieces change whether it is the protocol");
  Require(whole.log == pieces.log, "pieces change what was said");
  Require(whole.output.size() <= 64 * size + 1024, "a small input has a large answer");
  return 0;
}
