// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/peer.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/socket_address.h"

namespace keelson::page {
namespace {

struct End {
  base::IpAddress address;
  uint32_t port = 0;
  friend bool operator==(const End&, const End&) = default;
};

std::optional<End> ReadEnd(std::string_view text) {
  const std::optional<os::SocketAddress> read = os::SocketAddress::Parse(text);
  if (!read) return std::nullopt;
  return End{read->address()->Unmapped(), read->port()};
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
  const auto port = Hex(text.substr(colon + 1));
  if (!port) return std::nullopt;
  std::string bytes(colon / 2, '\0');
  for (size_t i = 0; i < colon / 8; ++i) {
    const auto word = Hex(text.substr(i * 8, 8));
    if (!word) return std::nullopt;
    std::memcpy(bytes.data() + i * 4, &*word, 4);
  }
  return End{base::IpAddress::FromBytes(bytes)->Unmapped(), *port};
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
