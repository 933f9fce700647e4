// SPDX-License-Identifier: Apache-2.0
#include "lib/http/websocket/channels.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::websocket {
namespace {

constexpr Subprotocol kSubprotocols[] = {
    {"", 1, false, false},
    {"channel.k8s.io", 1, false, false},
    {"base64.channel.k8s.io", 1, true, false},
    {"v4.channel.k8s.io", 4, false, false},
    {"v4.base64.channel.k8s.io", 4, true, false},
    {"v5.channel.k8s.io", 5, false, true},
};

}  // namespace

const Subprotocol* FindSubprotocol(std::string_view name) {
  const auto* found = std::find_if(std::begin(kSubprotocols), std::end(kSubprotocols),
                                   [&](const Subprotocol& s) { return s.name == name; });
  return found == std::end(kSubprotocols) ? nullptr : found;
}

std::vector<std::string_view> ListedNames(const std::vector<std::string>& header_values) {
  std::vector<std::string_view> names;
  for (const std::string& value : header_values) {
    for (const std::string_view part : base::Split(std::string_view(value), ',')) {
      if (const std::string_view name = base::Trim(part); !name.empty()) names.push_back(name);
    }
  }
  return names;
}

std::optional<std::string_view> Negotiate(const std::vector<std::string>& header_values,
                                          const std::vector<std::string_view>& ours) {
  std::vector<std::string_view> names = ListedNames(header_values);
  if (names.empty()) names.emplace_back("");
  for (const std::string_view name : names) {
    const auto found = std::find(ours.begin(), ours.end(), name);
    if (found != ours.end()) return *found;
  }
  return std::nullopt;
}

base::Status ChannelReader::Take(std::string_view piece, bool begins, bool ends) {
  if (begins) {
    channel_.reset();
    rest_.clear();
    padded_ = false;
  }
  if (!channel_.has_value()) {
    if (piece.empty()) return base::Ok();  // an empty message says nothing
    auto channel = static_cast<uint8_t>(piece[0]);
    if (subprotocol_.base64) {
      if (channel < '0') return base::InvalidArgument("a channel that is no digit");
      channel = static_cast<uint8_t>(channel - '0');
    }
    channel_ = channel;
    piece.remove_prefix(1);
  }
  if (subprotocol_.close_signal && *channel_ == kCloseSignal) {
    rest_.append(piece.substr(0, 2));
    if (rest_.size() > 1 || (ends && rest_.empty()))
      return base::InvalidArgument("a close signal without exactly one channel");
    if (ends) events_.OnChannelClose(static_cast<uint8_t>(rest_[0]));
    return base::Ok();
  }
  if (subprotocol_.base64) return TakeBase64(piece, ends);
  if (!piece.empty()) events_.OnChannelData(*channel_, piece);
  return base::Ok();
}

base::Status ChannelReader::TakeBase64(std::string_view piece, bool ends) {
  rest_.append(piece);
  const size_t whole = rest_.size() / 4 * 4;
  if (whole > 0) {
    const std::string_view digits = std::string_view(rest_).substr(0, whole);
    const std::optional<std::string> bytes = base::Base64Decode(digits);
    if (!bytes.has_value() || padded_) return base::InvalidArgument("text that is not Base64");
    padded_ = digits.back() == '=';
    rest_.erase(0, whole);
    if (!bytes->empty()) events_.OnChannelData(*channel_, *bytes);
  }
  if (ends && !rest_.empty()) return base::InvalidArgument("text that ends inside Base64");
  return base::Ok();
}

ChannelMessage FormatMessage(const Subprotocol& subprotocol, uint8_t channel,
                             std::string_view data) {
  ChannelMessage message;
  message.text = subprotocol.base64;
  if (subprotocol.base64) {
    message.first = static_cast<char>('0' + channel) + base::Base64Encode(data);
  } else {
    message.first = static_cast<char>(channel);
    message.second = data;
  }
  return message;
}

}  // namespace keelson::websocket
