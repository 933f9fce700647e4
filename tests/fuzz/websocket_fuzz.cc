// SPDX-License-Identifier: Apache-2.0
// A WebSocket's frames and the channels in them: no bytes break them, they mean the same whatever
// the pieces they come in.
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/http/websocket/channels.h"
#include "lib/http/websocket/framing.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;

class Channels final : public keelson::websocket::Events, public keelson::websocket::ChannelEvents {
 public:
  explicit Channels(std::string_view subprotocol)
      : reader_(*keelson::websocket::FindSubprotocol(subprotocol), *this) {}
  void OnMessage(bool, std::string_view piece, bool begins, bool ends) override {
    if (!ok) return;
    const auto taken = reader_.Take(piece, begins, ends);
    ok = taken.ok();
    if (!ok) keelson::fuzz::RequireSentence(taken.error().message());
  }
  void OnClose(uint16_t code) override { log += "close " + std::to_string(code); }
  void OnChannelData(uint8_t channel, std::string_view piece) override {
    if (channel != last_) log += "channel " + std::to_string(channel);
    last_ = channel;
    log.append(piece);
  }
  void OnChannelClose(uint8_t channel) override { log += "end " + std::to_string(channel); }
  bool ok = true;
  std::string log;

 private:
  keelson::websocket::ChannelReader reader_;
  int last_ = -1;
};

struct Ending {
  std::string log, output;
  bool ok;
};

Ending Run(std::string_view bytes, size_t step, std::string_view subprotocol) {
  Channels channels(subprotocol);
  keelson::websocket::Framing framing(channels);
  bool ok = true;
  for (size_t i = 0; i < bytes.size() && ok; i += step) {
    const auto fed = framing.Feed(bytes.substr(i, step));
    ok = fed.ok();
    if (!ok) keelson::fuzz::RequireSentence(fed.error().message());
  }
  return {channels.log, framing.TakeOutput(), ok};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::string_view name : {"v5.channel.k8s.io", "v4.base64.channel.k8s.io"}) {
    const Ending whole = Run(bytes, size + 1, name);
    const Ending pieces = Run(bytes, 3, name);
    Require(whole.ok == pieces.ok, "pieces change whether it is the protocol");
    if (name[1] == '5') Require(whole.log == pieces.log, "pieces change what was said");
    Require(whole.output == pieces.output, "pieces change the answer");
    Require(whole.output.size() <= size + 16, "a small input has a large answer");
  }
  return 0;
}
