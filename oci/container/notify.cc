// SPDX-License-Identifier: Apache-2.0
#include "oci/container/notify.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::oci {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr const char* kVariable = "NOTIFY_SOCKET";
constexpr const char* kFolder = "/notify";
constexpr const char* kSocket = "/notify";

std::string WhoWaits() {
  const char* path = std::getenv(kVariable);
  return path != nullptr && path[0] == '/' ? path : "";
}

std::optional<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

bool AddNotify(const std::string& folder, Config& config) {
  const std::string waits = WhoWaits();
  if (waits.empty() || !config.process) return false;
  std::vector<std::string>& env = config.process->process.env;
  const std::string prefix = std::string(kVariable) + "=";
  if (std::ranges::any_of(env, [&](const std::string& one) { return one.starts_with(prefix); }))
    return false;
  env.push_back(prefix + waits + kSocket);
  MountEntry mount;
  mount.destination = waits;
  mount.type = "bind";
  char here[PATH_MAX] = "";
  const bool relative = !folder.starts_with('/') && getcwd(here, sizeof here) != nullptr;
  mount.source = (relative ? std::string(here) + "/" : "") + folder + kFolder;
  mount.options = {"bind", "ro", "nosuid", "nodev", "noexec"};
  mount.path = kVariable;
  config.mounts.push_back(std::move(mount));
  return true;
}

Status MakeNotifyFolder(const std::string& folder) {
  const std::string path = folder + kFolder;
  if (mkdir(path.c_str(), 0755) != 0 || chmod(path.c_str(), 0755) != 0)
    return Error::FromErrno(errno, "make '{}'", path);
  return base::Ok();
}

Result<Notifier> Notifier::Listen(const std::string& folder) {
  Notifier out;
  out.to_ = WhoWaits();
  struct stat st{};
  if (out.to_.empty() || stat((folder + kFolder).c_str(), &st) != 0) return out;
  // By descriptor: the container's name may be longer than a socket's address.
  ASSIGN_OR_RETURN(const os::UniqueFd place, os::Open(folder + kFolder, O_PATH | O_DIRECTORY));
  const std::string path = "/proc/self/fd/" + std::to_string(place.get()) + kSocket;
  const std::optional<sockaddr_un> address = AddressOf(path);
  os::UniqueFd made(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) return Error::FromErrno(errno, "socket");
  (void)unlink(path.c_str());
  if (bind(made.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return Error::FromErrno(errno, "bind '{}{}{}'", folder, kFolder, kSocket);
  // Whoever the program runs as; the folder above is the caller's alone.
  if (chmod(path.c_str(), 0777) != 0) return Error::FromErrno(errno, "chmod '{}'", path);
  out.socket_ = std::move(made);
  return out;
}

void Notifier::Take() {
  char buffer[4096];
  ssize_t n = 0;
  while ((n = recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) >= 0) {
    const auto lines = base::Split(std::string_view(buffer, static_cast<size_t>(n)), '\n');
    if (std::ranges::find(lines, "READY=1") == lines.end()) continue;
    Send("READY=1");
    socket_.reset();
    return;
  }
}

void Notifier::WaitAndHandOver(pid_t pid, int pidfd) {
  if (!socket_) return;
  while (socket_) {
    pollfd ready[2] = {{socket_.get(), POLLIN, 0}, {pidfd, POLLIN, 0}};
    if (poll(ready, 2, -1) < 0 && errno != EINTR) return;
    if (ready[0].revents != 0) Take();
    if (socket_ && ready[1].revents != 0) return;
  }
  Send("MAINPID=" + std::to_string(pid));
}

void Notifier::Send(const std::string& text) const {
  const std::optional<sockaddr_un> address = AddressOf(to_);
  const os::UniqueFd own(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!address || !own) return;
  (void)sendto(own.get(), text.data(), text.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
}

}  // namespace keelson::oci
