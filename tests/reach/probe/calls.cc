// SPDX-License-Identifier: Apache-2.0
// Every system call by its number, with arguments that are nothing or nonsense: that it is not let
// in (EPERM, ENOSYS) or what it finds wrong. And every kind of socket.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "tests/reach/probe/report.h"

namespace keelson::reach {
namespace {

constexpr long kNumbers = 520, kNumbers32 = 470;
constexpr long kX32 = 0x40000000;
// Not tried: pause waits for ever, sync and syncfs make the machine's disks busy, vfork has no
// stack of its own. With nothing to wait for, select and ppoll wait for ever as well.
constexpr std::array<long, 4> kLeftOut = {SYS_pause, SYS_sync, SYS_syncfs, SYS_vfork};
constexpr std::array<long, 3> kWaits = {SYS_select, SYS_pselect6, SYS_ppoll};
// The same by i386's numbers, and sigsuspend.
constexpr std::array<long, 10> kLeftOut32 = {29, 36, 344, 190, 72, 142, 308, 309, 413, 414};

template <typename List>
bool In(const List& list, long number) {
  return std::find(std::begin(list), std::end(list), number) != std::end(list);
}

}  // namespace

void TellCalls() {
  for (long number = 0; number < kNumbers; ++number) {
    if (In(kLeftOut, number)) continue;
    const std::string name = std::to_string(number);
    if (!In(kWaits, number)) Tell("call", name, "nothing", CallApart(number, 0));
    Tell("call", name, "nonsense", CallApart(number, -1));
  }
  for (long number = 0; number < 550; ++number) {
    if (In(kLeftOut, number) || In(kWaits, number)) continue;
    Tell("callx32", std::to_string(number), "nothing", CallApart(kX32 + number, 0));
  }
  for (long number = 0; number < kNumbers32; ++number) {
    if (In(kLeftOut32, number)) continue;
    Tell("call32", std::to_string(number), "nothing", Call32Apart(number));
  }
}

void TellSockets() {
  for (int family = 0; family < 48; ++family) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET}) {
      for (const int protocol : {0, 1}) {
        const int fd = socket(family, type | SOCK_CLOEXEC, protocol);
        Tell("socket", std::to_string(family),
             "type " + std::to_string(type) + " protocol " + std::to_string(protocol), Outcome(fd));
        if (fd >= 0) close(fd);
      }
    }
  }
  for (int protocol = 0; protocol < 24; ++protocol) {  // of netlink, each is another kernel's part
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    Tell("socket", "netlink", std::to_string(protocol), Outcome(fd));
    if (fd >= 0) close(fd);
  }
}

}  // namespace keelson::reach
