// SPDX-License-Identifier: Apache-2.0
// Connections that the kernel tracks: makes it forget those that go by an outdated decision. A
// datagram flow never ends by itself while its client sends, so it would keep the address
// translation, or the lack of it, that its first datagram met. For the network namespace of the
// calling thread; blocks. Source: linux/netfilter/nfnetlink_conntrack.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lib/base/result.h"

namespace keelson::netlink {

// Addresses as text. Source and destination as the client sent them, and of the answers.
struct Flow {
  uint8_t protocol = 0;
  std::string from, to, answers_from, answers_to;
  uint16_t to_port = 0;
  // Nobody's address was changed.
  bool Untranslated() const { return answers_from == to && answers_to == from; }
};

// Forgets the flows of one family that `which` picks; how many. None where the kernel tracks none.
base::Result<int> ForgetFlows(bool v6, const std::function<bool(const Flow&)>& which);

}  // namespace keelson::netlink
