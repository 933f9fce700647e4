// SPDX-License-Identifier: Apache-2.0
// Kubernetes' channels in a WebSocket: which subprotocols there are, and the first byte of each
// message that names its channel (as a digit where the rest is Base64). Pure; a ChannelReader
// belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::websocket {

constexpr uint8_t kCloseSignal = 255;  // v5: the channel named by the next byte ends

struct Subprotocol {
  std::string_view name;
  int version = 1;      // from 4 on the error channel carries a Status in JSON
  bool base64 = false;  // text messages
  bool close_signal = false;
};

// "" for clients that name none.
const Subprotocol* FindSubprotocol(std::string_view name);
// The first of the client's that is among `ours`, by the header Sec-WebSocket-Protocol's lists.
std::optional<std::string_view> Negotiate(const std::vector<std::string>& header_values,
                                          const std::vector<std::string_view>& ours);
// The single names of such headers, in order.
std::vector<std::string_view> ListedNames(const std::vector<std::string>& header_values);

class ChannelEvents {
 public:
  virtual ~ChannelEvents() = default;
  virtual void OnChannelData(uint8_t channel, std::string_view piece) = 0;
  virtual void OnChannelClose(uint8_t channel) = 0;
};

// Pieces of messages in, pieces of channels out.
class ChannelReader {
 public:
  ChannelReader(const Subprotocol& subprotocol, ChannelEvents& events)
      : subprotocol_(subprotocol), events_(events) {}
  // An error is the end of the connection.
  base::Status Take(std::string_view piece, bool begins, bool ends);

 private:
  base::Status TakeBase64(std::string_view piece, bool ends);

  const Subprotocol subprotocol_;
  ChannelEvents& events_;
  std::optional<uint8_t> channel_;  // of the message that is coming
  std::string rest_;                // up to 3 digits of Base64, or what follows a close signal
  bool padded_ = false;             // Base64's end was there
};

struct ChannelMessage {
  bool text = false;
  std::string first;  // the channel, and with Base64 the whole text
  std::string_view second;
};
ChannelMessage FormatMessage(const Subprotocol& subprotocol, uint8_t channel,
                             std::string_view data);

}  // namespace keelson::websocket
