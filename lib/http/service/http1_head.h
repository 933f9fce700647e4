// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1.1 answer. Pure. Private to this folder. Source: RFC 9112.
#pragma once

#include <string>

#include "lib/http/service/message.h"

namespace keelson::service {

enum class BodyFraming { kNone, kLength, kChunked, kUntilClose, kUpgrade };

// Fields with control characters, and those that the framing decides, are left out.
std::string FormatHead(int status, const Fields& headers, BodyFraming framing, size_t length,
                       bool keep_alive);
// "Sat, 21 Nov 2026 14:00:00 GMT", of now.
std::string HttpDate();

}  // namespace keelson::service
