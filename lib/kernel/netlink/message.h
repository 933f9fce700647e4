// SPDX-License-Identifier: Apache-2.0
// What the sources of this folder share: messages that free themselves, and libnl's errors as ours.
#pragma once

#include <netlink/msg.h>

#include <memory>
#include <string>

#include "lib/base/error.h"

namespace keelson::netlink {

struct MessageCloser {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using MessagePointer = std::unique_ptr<nl_msg, MessageCloser>;
inline MessagePointer NewMessage(int type, int flags) {
  return MessagePointer(nlmsg_alloc_simple(type, flags));
}

base::Error NetlinkError(int code, const std::string& what);

}  // namespace keelson::netlink
