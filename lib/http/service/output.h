// SPDX-License-Identifier: Apache-2.0
// Bytes that wait for a connection, in order, shared with who sent them. One thread. Private to
// this folder.
#pragma once

#include <deque>
#include <string>

#include "lib/http/service/message.h"

namespace keelson::service {

class Output {
 public:
  void Append(Buffer piece) {
    if (piece.size() == 0) return;
    bytes_ += piece.size();
    pieces_.push_back(std::move(piece));
  }
  // Small texts of the protocol, joined.
  void AppendText(std::string_view text) {
    if (!text.empty()) Append(Buffer(std::string(text)));
  }
  void RemovePrefix(size_t bytes) {
    bytes_ -= bytes;
    while (bytes > 0) {
      if (bytes < pieces_.front().size()) {
        pieces_.front().RemovePrefix(bytes);
        return;
      }
      bytes -= pieces_.front().size();
      pieces_.pop_front();
    }
  }
  // Moves at most `bytes` of the front to `to`.
  void MoveTo(Output& to, size_t bytes) {
    while (bytes > 0 && !pieces_.empty()) {
      if (pieces_.front().size() <= bytes) {
        bytes -= pieces_.front().size();
        bytes_ -= pieces_.front().size();
        to.Append(std::move(pieces_.front()));
        pieces_.pop_front();
      } else {
        to.Append(pieces_.front().Prefix(bytes));
        RemovePrefix(bytes);
        return;
      }
    }
  }
  void Clear() {
    pieces_.clear();
    bytes_ = 0;
  }
  const std::deque<Buffer>& pieces() const { return pieces_; }
  size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

 private:
  std::deque<Buffer> pieces_;
  size_t bytes_ = 0;
};

}  // namespace keelson::service
