// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/peer.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::page {
namespace {

struct End {
  std::array<uint8_t, 16> address{};  // of IPv4 mapped into IPv6
  uint32_t port = 0;
  friend bool operator==(const End&, const End&) = default;
};

void Map(End& end) { end.address[10] = end.address[11] = 0xff; }

std::optional<End> ReadEnd(std::string text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto port = base::ParseUint64(std::string_view(text).substr(colon + 1));
  if (!port || *port > 65535) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  End end;
  end.port = static_cast<uint32_t>(*port);
  if (inet_pton(AF_INET, host.c_str(), end.address.data() + 12) == 1) {
    Map(end);
    return end;
  }
  if (inet_pton(AF_INET6, host.c_str(), end.address.data()) == 1) return end;
  return std::nullopt;
}

std::optional<uint32_t> Hex(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "0100007F:1950": words of the address as the machine has them in memory.
std::optional<End> ReadRowEnd(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  End end;
  const auto port = Hex(text.substr(colon + 1));
  if (!port) return std::nullopt;
  end.port = *port;
  const size_t first = colon == 8 ? 12 : 0;
  if (colon == 8) Map(end);
  for (size_t i = 0; i < colon / 8; ++i) {
    const auto word = Hex(text.substr(i * 8, 8));
    if (!word) return std::nullopt;
    std::memcpy(end.address.data() + first + i * 4, &*word, 4);
  }
  return end;
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (const std::string_view word : base::Split(line, ' '))
    if (!word.empty()) words.push_back(word);
  return words;
}

constexpr std::string_view kEstablished = "01";

std::optional<uid_t> ReadUid(std::string_view text) {
  const auto uid = base::ParseUint64(text);
  if (!uid || *uid >= UINT32_MAX) return std::nullopt;
  return static_cast<uid_t>(*uid);
}

}  // namespace

std::optional<uid_t> OwnerIn(std::string_view table, const std::string& client,
                             const std::string& server) {
  const auto from = ReadEnd(client), to = ReadEnd(server);
  if (!from || !to) return std::nullopt;
  for (const std::string_view line : base::Split(table, '\n')) {
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
    const std::vector<std::string_view> words = Words(line);
    if (words.size() < 10 || words[3] != kEstablished || words[9] == "0") continue;
    if (ReadRowEnd(words[1]) == from && ReadRowEnd(words[2]) == to) return ReadUid(words[7]);
  }
  return std::nullopt;
}

std::optional<uid_t> OwnerOf(const std::string& client, const std::string& server) {
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const base::Result<std::string> table = os::ReadFile(path);
    if (!table.ok()) continue;
    if (const auto owner = OwnerIn(*table, client, server)) return owner;
  }
  return std::nullopt;
}

Users OwnUsers() {
  Users users;
  users.uids = {0, geteuid()};
  if (geteuid() != 0) return users;
  // Nobody else can say this to a process of root's.
  if (const char* caller = std::getenv("SUDO_UID"))
    if (const auto uid = ReadUid(caller)) users.uids.insert(*uid);
  const std::string login = os::ReadFile("/proc/self/loginuid").ValueOr("");
  if (const auto uid = ReadUid(base::Trim(login))) users.uids.insert(*uid);
  return users;
}

base::Result<Users> WithUsers(Users users, std::string_view list) {
  for (const std::string_view one : base::Split(list, ',')) {
    if (one.empty()) continue;
    if (one == "all") {
      users.all = true;
    } else if (const auto uid = ReadUid(one)) {
      users.uids.insert(*uid);
    } else {
      passwd entry{};
      passwd* found = nullptr;
      std::array<char, 16384> buffer{};
      (void)getpwnam_r(std::string(one).c_str(), &entry, buffer.data(), buffer.size(), &found);
      if (found == nullptr) return base::InvalidArgument("there is no user '{}'", one);
      users.uids.insert(found->pw_uid);
    }
  }
  return users;
}

}  // namespace keelson::page
