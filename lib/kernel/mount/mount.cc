// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/mount/mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/os/files.h"

namespace keelson::mount {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;

namespace {

// The kernel's own words about a refused option wait in the fsopen descriptor's message queue.
std::string KernelMessage(int context) {
  char text[512];
  const ssize_t n = read(context, text, sizeof text - 1);
  if (n <= 2) return "";
  std::string message(text + 2, static_cast<size_t>(n - 2));  // "e " or "w " comes first
  while (!message.empty() && message.back() == '\n') message.pop_back();
  return " (kernel: " + message + ")";
}

Status Configure(int context, const std::string& type, const std::string& key,
                 const std::string& value) {
  const int result = value.empty()
                         ? fsconfig(context, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
                         : fsconfig(context, FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0);
  if (result == 0) return base::Ok();
  const int saved = errno;
  return Error::FromErrno(saved, "mount {}: option {}={}{}", type, key, value,
                          KernelMessage(context));
}

Result<UniqueFd> Finish(int context, const std::string& type, uint64_t attributes) {
  if (fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    const int saved = errno;
    return Error::FromErrno(saved, "mount {}: create{}", type, KernelMessage(context));
  }
  UniqueFd mount(fsmount(context, FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount) return Error::FromErrno(errno, "fsmount {}", type);
  return mount;
}

}  // namespace

Result<UniqueFd> NewFilesystem(const std::string& type, const Options& options,
                               uint64_t attributes) {
  const UniqueFd context(fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!context) return Error::FromErrno(errno, "fsopen {}", type);
  for (const auto& [key, value] : options)
    RETURN_IF_ERROR(Configure(context.get(), type, key, value));
  return Finish(context.get(), type, attributes);
}

Options ParseOptions(std::string_view text) {
  Options out;
  for (const std::string_view item : base::Split(text, ',')) {
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    out.emplace_back(item.substr(0, equals),
                     equals == std::string_view::npos ? "" : item.substr(equals + 1));
  }
  return out;
}

Result<UniqueFd> CloneTree(int dir, const std::string& path, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (path.empty() ? AT_EMPTY_PATH : 0u) |
                         (recursive ? AT_RECURSIVE : 0u);
  UniqueFd fd(open_tree(dir, path.c_str(), flags));
  if (!fd) return Error::FromErrno(errno, "open_tree '{}'", path);
  return fd;
}

Status Attach(int mount, int target) {
  if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return Error::FromErrno(errno, "move_mount");
  }
  return base::Ok();
}

Status SetAttributes(int mount, uint64_t set, uint64_t clear, uint64_t propagation,
                     bool recursive) {
  struct mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  if (mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes,
                    sizeof attributes) != 0) {
    return Error::FromErrno(errno, "mount_setattr set={:#x} propagation={:#x}", set, propagation);
  }
  return base::Ok();
}

Status MapOwners(int mount, int user_namespace, bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(user_namespace);
  if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
              &attributes, sizeof attributes) != 0)
    return Error::FromErrno(errno, "map the owners of a mount");
  return base::Ok();
}

Status MountOn(int target, const std::string& type, const std::string& source, uint64_t flags,
               const std::string& data) {
  const std::string place = "/proc/self/fd/" + std::to_string(target);
  if (::mount(source.c_str(), place.c_str(), type.c_str(), flags, data.c_str()) != 0)
    return Error::FromErrno(errno, "mount {}", type);
  return base::Ok();
}

Status MakeAllPrivate() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return Error::FromErrno(errno, "make mounts private");
  return base::Ok();
}

namespace {

constexpr size_t kConfigStringLimit = 255;  // fsconfig(2) copies at most 256 bytes with the NUL

Result<UniqueFd> DetachedOverlay(const OverlayLayers& layers) {
  if (layers.upper.size() > kConfigStringLimit || layers.work.size() > kConfigStringLimit) {
    return base::Unimplemented("overlay paths are too long for fsconfig");
  }
  const UniqueFd context(fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context) return Error::FromErrno(errno, "fsopen overlay");
  const std::string joined = base::Join(layers.lower, ":");
  if (joined.size() <= kConfigStringLimit) {
    RETURN_IF_ERROR(Configure(context.get(), "overlay", "lowerdir", joined));
  } else {
    // Since 6.7; older kernels answer EINVAL and the caller takes the other way.
    for (const std::string& layer : layers.lower) {
      if (layer.size() > kConfigStringLimit)
        return base::Unimplemented("layer path is too long for fsconfig");
      RETURN_IF_ERROR(Configure(context.get(), "overlay", "lowerdir+", layer));
    }
  }
  if (!layers.upper.empty()) {
    RETURN_IF_ERROR(Configure(context.get(), "overlay", "upperdir", layers.upper));
    RETURN_IF_ERROR(Configure(context.get(), "overlay", "workdir", layers.work));
  }
  if (!layers.context.empty())
    RETURN_IF_ERROR(Configure(context.get(), "overlay", "context", layers.context));
  return Finish(context.get(), "overlay", 0);
}

// mount(2) takes one page of options. Names relative to the layers' common directory keep many
// layers inside it.
Status AttachOverlay(const OverlayLayers& layers, const std::string& staging) {
  const size_t slash = layers.lower.front().find_last_of('/');
  std::string common = layers.lower.front().substr(0, slash + 1);
  for (const std::string& layer : layers.lower) {
    while (!layer.starts_with(common))
      common.resize(common.find_last_of('/', common.size() - 2) + 1);
  }
  std::string data = "lowerdir=";
  for (size_t i = 0; i < layers.lower.size(); ++i) {
    if (i > 0) data += ':';
    data += layers.lower[i].substr(common.size());
  }
  if (!layers.upper.empty()) data += ",upperdir=" + layers.upper + ",workdir=" + layers.work;
  // Quoted: a label's level may hold a comma.
  if (!layers.context.empty()) data += ",context=\"" + layers.context + "\"";
  if (data.size() >= static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    return base::ResourceExhausted(
        "overlay: {} layers take {} bytes of mount options, more than one page",
        layers.lower.size(), data.size());
  }
  ASSIGN_OR_RETURN(const UniqueFd before, os::Open(".", O_PATH | O_DIRECTORY));
  if (chdir(common.c_str()) != 0) return Error::FromErrno(errno, "chdir '{}'", common);
  const int result = ::mount("overlay", staging.c_str(), "overlay", 0, data.c_str());
  const int saved = errno;
  if (fchdir(before.get()) != 0) return Error::FromErrno(errno, "fchdir back");
  if (result != 0) return Error::FromErrno(saved, "mount overlay ({})", data);
  return base::Ok();
}

}  // namespace

Result<Overlay> MountOverlay(const OverlayLayers& layers, const std::string& staging) {
  if (layers.lower.empty()) return base::InvalidArgument("overlay without a layer");
  // Colons and commas would end a name early; our own paths have none.
  for (const std::string& layer : layers.lower) {
    if (layer.find_first_of(":,\\") != std::string::npos || !layer.starts_with('/')) {
      return base::InvalidArgument("layer path '{}' cannot be an overlay layer", layer);
    }
  }
  Overlay overlay;
  Result<UniqueFd> detached = DetachedOverlay(layers);
  if (detached.ok()) {
    overlay.root = std::move(detached).value();
    return overlay;
  }
  const int refused = detached.error().os_errno();
  if (refused == ENOENT || refused == ENOSPC || refused == EACCES) return detached.error();
  RETURN_IF_ERROR(AttachOverlay(layers, staging));
  ASSIGN_OR_RETURN(overlay.root, os::Open(staging, O_PATH | O_DIRECTORY));
  overlay.attached = true;
  return overlay;
}

Result<UniqueFd> OpenReadOnly(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd file, CloneTree(AT_FDCWD, path, false));
  if (KEELSON_WEAKENED_AT("program-mount")) return file;
  RETURN_IF_ERROR(SetAttributes(file.get(), MOUNT_ATTR_RDONLY, 0, 0, false));
  return file;
}

}  // namespace keelson::mount
