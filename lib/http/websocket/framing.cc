// SPDX-License-Identifier: Apache-2.0
#include "lib/http/websocket/framing.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "lib/base/strings.h"

namespace keelson::websocket {
namespace {

using base::Status;

enum Opcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

// Codes that may travel; the others are for a program's own use.
bool MayBeSent(uint16_t code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace

bool IsKey(std::string_view key) {
  const std::optional<std::string> bytes = base::Base64Decode(key);
  return bytes.has_value() && bytes->size() == 16;
}

std::string AcceptKey(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  KEELSON_CHECK(EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr) == 1);
  return base::Base64Encode({reinterpret_cast<const char*>(digest), size});
}

Status Framing::Feed(std::string_view bytes) {
  if (broken_) return base::FailedPrecondition("the connection has failed before");
  while (!bytes.empty() && !close_received_) {
    const Status taken = Take(bytes);
    if (taken.ok()) continue;
    Close(CloseCode::kProtocolError);
    broken_ = true;
    return taken.error().WithContext("WebSocket");
  }
  return base::Ok();
}

Status Framing::Take(std::string_view& bytes) {
  if (!in_frame_) {
    const size_t n = std::min(head_bytes_ - head_.size(), bytes.size());
    head_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    return head_.size() < head_bytes_ ? base::Ok() : OnHead();
  }
  piece_.assign(bytes.substr(0, std::min<uint64_t>(left_, bytes.size())));
  bytes.remove_prefix(piece_.size());
  Unmask();
  left_ -= piece_.size();
  if (opcode_ >= kClose) {
    control_ += piece_;
    return left_ == 0 ? OnControl() : base::Ok();
  }
  const bool begins = std::exchange(begins_, false);
  const bool ends = left_ == 0 && fin_;
  if (left_ == 0) in_frame_ = false;
  if (ends) in_message_ = false;
  events_.OnMessage(text_, piece_, begins, ends);
  return base::Ok();
}

void Framing::Unmask() {
  // Eight bytes at a time; the mask is turned to where its last use ended.
  char turned[8];
  for (size_t i = 0; i < sizeof turned; ++i) turned[i] = mask_[(mask_at_ + i) & 3];
  uint64_t mask = 0;
  std::memcpy(&mask, turned, sizeof mask);
  size_t at = 0;
  for (; at + sizeof mask <= piece_.size(); at += sizeof mask) {
    uint64_t word = 0;
    std::memcpy(&word, piece_.data() + at, sizeof word);
    word ^= mask;
    std::memcpy(piece_.data() + at, &word, sizeof word);
  }
  for (size_t i = 0; at < piece_.size(); ++at, ++i)
    piece_[at] = static_cast<char>(piece_[at] ^ turned[i]);
  mask_at_ += piece_.size();
}

Status Framing::OnHead() {
  const auto at = [this](size_t i) { return static_cast<uint8_t>(head_[i]); };
  const uint8_t short_size = at(1) & 0x7f;
  if (head_bytes_ == 2) {
    if ((at(0) & 0x70) != 0) return base::InvalidArgument("reserved bits are set");
    if ((at(1) & 0x80) == 0) return base::InvalidArgument("a client's frame without a mask");
    head_bytes_ = 6;
    if (short_size == 126) head_bytes_ = 8;
    if (short_size == 127) head_bytes_ = 14;
    return base::Ok();
  }
  fin_ = (at(0) & 0x80) != 0;
  opcode_ = at(0) & 0x0f;
  const size_t size_end = head_bytes_ - 4;
  left_ = size_end == 2 ? short_size : 0;
  for (size_t i = 2; i < size_end; ++i) left_ = left_ << 8 | at(i);
  if (left_ >> 63 != 0) return base::InvalidArgument("a frame of more than 2^63 bytes");
  if ((size_end == 4 && left_ < 126) || (size_end == 10 && left_ < 65536))
    return base::InvalidArgument("a frame's length is not in its shortest form");
  std::copy_n(head_.data() + size_end, 4, mask_);
  mask_at_ = 0;
  head_.clear();
  head_bytes_ = 2;
  switch (opcode_) {
    case kText:
    case kBinary:
      if (in_message_) return base::InvalidArgument("a message inside another");
      in_message_ = true;
      begins_ = true;
      text_ = opcode_ == kText;
      break;
    case kContinuation:
      if (!in_message_) return base::InvalidArgument("a continuation of nothing");
      break;
    case kClose:
    case kPing:
    case kPong:
      if (!fin_) return base::InvalidArgument("a control frame in parts");
      if (left_ > 125) return base::InvalidArgument("a control frame of {} bytes", left_);
      control_.clear();
      break;
    default:
      return base::InvalidArgument("a frame of the reserved kind {}", opcode_);
  }
  if (left_ > 0) {
    in_frame_ = true;
    return base::Ok();
  }
  if (opcode_ >= kClose) return OnControl();
  if (!fin_) return base::Ok();  // `begins_` stays for what follows
  const bool begins = std::exchange(begins_, false);
  in_message_ = false;
  events_.OnMessage(text_, {}, begins, true);
  return base::Ok();
}

Status Framing::OnControl() {
  in_frame_ = false;
  if (opcode_ == kPing) {
    PutFrame(kPong, control_, {});
    return base::Ok();
  }
  if (opcode_ == kPong) return base::Ok();
  if (control_.size() == 1) return base::InvalidArgument("a Close with half a code");
  uint16_t code = 1005;  // none was given
  if (control_.size() >= 2) {
    code = static_cast<uint16_t>(static_cast<uint8_t>(control_[0]) << 8 |
                                 static_cast<uint8_t>(control_[1]));
    if (!MayBeSent(code)) return base::InvalidArgument("a Close with the code {}", code);
  }
  close_received_ = true;
  if (!close_sent_) {
    PutFrame(kClose, std::string_view(control_).substr(0, 2), {});
    close_sent_ = true;
  }
  events_.OnClose(code);
  return base::Ok();
}

void Framing::Send(bool text, std::string_view first, std::string_view second) {
  PutFrame(text ? kText : kBinary, first, second);
}

void Framing::Ping() { PutFrame(kPing, {}, {}); }
void Framing::Pong() { PutFrame(kPong, {}, {}); }

void Framing::Close(CloseCode code) {
  const auto number = static_cast<uint16_t>(code);
  const char bytes[] = {static_cast<char>(number >> 8), static_cast<char>(number)};
  PutFrame(kClose, {bytes, 2}, {});
  close_sent_ = true;
}

void Framing::PutFrame(uint8_t opcode, std::string_view first, std::string_view second) {
  if (close_sent_) return;
  const uint64_t size = first.size() + second.size();
  output_ += static_cast<char>(0x80 | opcode);
  if (size < 126) {
    output_ += static_cast<char>(size);
  } else if (size < 65536) {
    output_ += static_cast<char>(126);
    for (const int shift : {8, 0}) output_ += static_cast<char>(size >> shift);
  } else {
    output_ += static_cast<char>(127);
    for (const int shift : {56, 48, 40, 32, 24, 16, 8, 0})
      output_ += static_cast<char>(size >> shift);
  }
  output_ += first;
  output_ += second;
}

}  // namespace keelson::websocket
