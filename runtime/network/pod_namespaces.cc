// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/pod_namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <thread>

#include "lib/base/fail_point.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"
#include "lib/os/socket.h"

namespace keelson::network {

using base::Error;
using base::Result;
using base::Status;

namespace {

Status Configure(const NamespaceRequest& request) {
  if (request.uts && !request.hostname.empty() &&
      sethostname(request.hostname.data(), request.hostname.size()) != 0) {
    return Error::FromErrno(errno, "set the pod's host name '{}'", request.hostname);
  }
  for (const auto& [name, value] : request.sysctls) {
    // "net.ipv4.conf.eth0/1.forwarding" and "net/ipv4/conf/eth0.1/forwarding" are one: the first
    // separator says which form it is.
    std::string path = name;
    if (const size_t first = path.find_first_of("./");
        first != std::string::npos && path[first] == '.') {
      for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
    }
    RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, "/proc/sys/" + path, value)
                        .WithContext("set sysctl '" + name + "'"));
  }
  return base::Ok();
}

int Kinds(const NamespaceRequest& request) {
  return (request.net ? CLONE_NEWNET : 0) | (request.ipc ? CLONE_NEWIPC : 0) |
         (request.uts ? CLONE_NEWUTS : 0);
}

Result<Namespaces> OpenAll(const NamespaceRequest& request, const std::string& folder) {
  Namespaces made;
  if (request.net) {
    ASSIGN_OR_RETURN(made.net, os::Open(folder + "/net", O_RDONLY));
  }
  if (request.ipc) {
    ASSIGN_OR_RETURN(made.ipc, os::Open(folder + "/ipc", O_RDONLY));
  }
  if (request.uts) {
    ASSIGN_OR_RETURN(made.uts, os::Open(folder + "/uts", O_RDONLY));
  }
  if (request.owners) {
    ASSIGN_OR_RETURN(made.user, os::Open(folder + "/user", O_RDONLY));
  }
  return made;
}

Result<Namespaces> MakeHere(const NamespaceRequest& request) {
  if (Kinds(request) != 0 && unshare(Kinds(request)) != 0)
    return Error::FromErrno(errno, "make the pod's namespaces");
  RETURN_IF_ERROR(Configure(request));
  return OpenAll(request, "/proc/thread-self/ns");
}

// On the throw-away thread: a small process makes them and holds them until all are open here.
Result<Namespaces> MakeOwned(const NamespaceRequest& request) {
  ASSIGN_OR_RETURN(os::SocketPair pair, os::CreateSocketPair(SOCK_SEQPACKET));
  os::SpawnOptions spawn;
  spawn.argv = {request.helper, std::to_string(Kinds(request))};
  spawn.fds = {{pair.second.get(), 3}};
  ASSIGN_OR_RETURN(os::ChildProcess holder, os::ChildProcess::Spawn(spawn));
  pair.second.reset();
  Result<os::Message> made = os::ReceiveMessage(pair.first.get());
  if (!made.ok()) return made.error().WithContext("make the pod's user namespace");
  if (made->bytes != "0") {
    return Error::FromErrno(static_cast<int>(base::ParseUint64(made->bytes).value_or(EIO)),
                            "make the pod's user namespace");
  }
  const std::string process = "/proc/" + std::to_string(holder.pid());
  const auto line = [&](uint32_t first) {
    return fmt::format("0 {} {}", first, request.owners->size);
  };
  RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, process + "/uid_map", line(request.owners->uid)));
  RETURN_IF_ERROR(os::WriteControl(AT_FDCWD, process + "/gid_map", line(request.owners->gid)));
  ASSIGN_OR_RETURN(Namespaces all, OpenAll(request, process + "/ns"));
  for (const auto& [fd, kind] :
       {std::pair(all.net.get(), CLONE_NEWNET), std::pair(all.ipc.get(), CLONE_NEWIPC),
        std::pair(all.uts.get(), CLONE_NEWUTS)}) {
    if (fd >= 0 && setns(fd, kind) != 0)
      return Error::FromErrno(errno, "enter the pod's namespaces");
  }
  RETURN_IF_ERROR(Configure(request));
  return all;
}

}  // namespace

Result<Namespaces> MakeNamespaces(const NamespaceRequest& request) {
  std::optional<Result<Namespaces>> result;
  std::thread thread(
      [&] { result.emplace(request.owners ? MakeOwned(request) : MakeHere(request)); });
  thread.join();
  return std::move(*result);
}

Status PrepareNamespaceDirectory(const std::string& directory) {
  RETURN_IF_ERROR(os::MakeDirs(directory, 0700));
  // A mount point of its own already, from an earlier life?
  ASSIGN_OR_RETURN(const std::string mounts, os::ReadFile("/proc/self/mountinfo"));
  if (mounts.find(" " + directory + " ") == std::string::npos &&
      mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return Error::FromErrno(errno, "bind '{}' on itself", directory);
  }
  if (mount(nullptr, directory.c_str(), nullptr, MS_PRIVATE, nullptr) != 0)
    return Error::FromErrno(errno, "make '{}' private", directory);
  return base::Ok();
}

Status PrepareSharedNamespaceDirectory(const std::string& directory) {
  RETURN_IF_ERROR(os::MakeDirs(directory, 0755));
  if (mount(nullptr, directory.c_str(), nullptr, MS_SHARED | MS_REC, nullptr) == 0)
    return base::Ok();
  if (errno != EINVAL) return Error::FromErrno(errno, "make '{}' shared", directory);
  if (mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return Error::FromErrno(errno, "bind '{}' on itself", directory);
  if (mount(nullptr, directory.c_str(), nullptr, MS_SHARED | MS_REC, nullptr) != 0)
    return Error::FromErrno(errno, "make '{}' shared", directory);
  return base::Ok();
}

namespace {

// The pin's mount lies below one that was put over the directory later: no path leads to it. A file
// that is no mount point in the caller's own mount namespace can be unlinked, and the kernel then
// takes it off everywhere. So: a namespace of one's own, in which everything on the directory is
// taken away.
Status UnlinkFromElsewhere(const std::string& directory, const std::string& path) {
  Status result;
  std::thread([&] {
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      result = Error::FromErrno(errno, "leave the mount namespace to remove '{}'", path);
      return;
    }
    const auto uncover = [](const std::string& place) {
      while (umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
      }
    };
    uncover(path);
    uncover(directory);
    uncover(path);
    result = os::RemoveFile(path);
  }).join();
  return result;
}

}  // namespace

Status PinNamespace(int netns, const std::string& directory, const std::string& name) {
  const std::string path = directory + "/" + name;
  ASSIGN_OR_RETURN(const os::UniqueFd file, os::Open(path, O_RDONLY | O_CREAT, 0600));
  FAIL_POINT("runtime.pin.file");
  const std::string source = fmt::format("/proc/self/fd/{}", netns);
  if (mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return Error::FromErrno(errno, "pin the network namespace on '{}'", path);
  return base::Ok();
}

Status UnpinNamespace(const std::string& directory, const std::string& name) {
  const std::string path = directory + "/" + name;
  while (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (errno != EINVAL && errno != ENOENT) return Error::FromErrno(errno, "unpin '{}'", path);
  FAIL_POINT("runtime.pin.unmounted");
  const Status removed = os::RemoveFile(path);
  if (!removed.ok() && removed.error().os_errno() == EBUSY)
    return UnlinkFromElsewhere(directory, path);
  return removed;
}

}  // namespace keelson::network
