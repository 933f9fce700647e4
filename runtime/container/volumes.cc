// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/volumes.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <optional>
#include <thread>

#include "cri-api/common.pb.h"
#include "cri-api/cri.h"
#include "lib/base/strings.h"
#include "lib/kernel/mount/mount.h"
#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"
#include "runtime/security/layered_tree.h"

namespace keelson::container {

using base::Error;
using base::Result;
using base::Status;
using os::UniqueFd;
using spec::Mount;

Status CheckContainerPath(const std::string& path, const std::string& field) {
  if (!path.starts_with('/') || path == "/" || path.find('\0') != std::string::npos) {
    return base::InvalidArgument("{}: '{}' must be an absolute path below / in the container",
                                 field, path);
  }
  return base::Ok();
}

std::string CleanPath(const std::string& path) {
  std::string out;
  for (const std::string_view part : base::Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    out += '/';
    out += part;
  }
  return out.empty() ? "/" : out;
}

bool IsImageVolume(const cri::Mount& mount) {
  return mount.has_image() && !mount.image().image().empty();
}

namespace {

// Kubelets look for this word, whatever the code says.
constexpr std::string_view kImageVolume = "ImageVolumeMountFailed";

Result<HostSource> ImageSource(const cri::Mount& wanted, const std::string& field, size_t index,
                               const std::map<size_t, image::Image>& images) {
  const auto found = images.find(index);
  if (found == images.end()) {
    return base::NotFound("{}: {}: image '{}' is not here: pull it first", field, kImageVolume,
                          wanted.image().image());
  }
  if (wanted.propagation() != cri::PROPAGATION_PRIVATE) {
    return base::InvalidArgument("{}: {}: an image's mount is private, nothing is mounted in it",
                                 field, kImageVolume);
  }
  const std::string& below = wanted.image_sub_path();
  bool plain = !below.starts_with('/') && !base::ContainsControlCharacter(below);
  for (const std::string_view part : base::Split(below, '/')) plain = plain && part != "..";
  if (!plain) {
    return base::InvalidArgument("{}.image_sub_path: {}: {} must be a path inside the image", field,
                                 kImageVolume, base::QuoteIfNeeded(below.substr(0, 200)));
  }
  return HostSource{wanted.image().image(), field, true, found->second.layer_dirs, below};
}

}  // namespace

template <typename Mappings>
bool IsPods(const Mappings& mappings, uint32_t first, const spec::UserMapping& users) {
  return users.size != 0 && mappings.size() == 1 && mappings.Get(0).container_id() == 0 &&
         mappings.Get(0).host_id() == first && mappings.Get(0).length() == users.size;
}

Status AddVolume(const cri::Mount& wanted, size_t index,
                 const std::map<size_t, image::Image>& images, const spec::UserMapping& users,
                 Plan& plan) {
  const std::string field = fmt::format("mounts[{}]", index);
  RETURN_IF_ERROR(CheckContainerPath(wanted.container_path(), field + ".container_path"));
  const bool mapped = !wanted.uidmappings().empty() || !wanted.gidmappings().empty();
  if (mapped && (!IsPods(wanted.uidmappings(), users.uid, users) ||
                 !IsPods(wanted.gidmappings(), users.gid, users))) {
    return base::InvalidArgument(
        "{}: uidMappings and gidMappings must be those of the pod's user namespace", field);
  }
  const bool of_image = IsImageVolume(wanted);
  if (!of_image && !wanted.host_path().starts_with('/')) {
    return base::InvalidArgument("{}.host_path: '{}' must be an absolute path", field,
                                 wanted.host_path());
  }
  Mount mount;
  mount.kind = Mount::Kind::kBind;
  // The overlay of an image's layers cannot be mapped: its files show their owners as nobody.
  mount.idmapped = mapped && !of_image;
  mount.destination = CleanPath(wanted.container_path());
  mount.source_fd = static_cast<uint32_t>(plan.sources.size());
  if (wanted.readonly() || of_image) mount.attributes |= MOUNT_ATTR_RDONLY;
  if (wanted.recursive_read_only()) {
    if (!wanted.readonly() || wanted.propagation() != cri::PROPAGATION_PRIVATE) {
      return base::InvalidArgument(
          "{}: RROUnsupported: recursive_read_only needs readonly and private propagation", field);
    }
    mount.recursive_attributes = true;
  }
  for (const std::string& option : wanted.mount_options()) {
    if (option == "noexec") {
      mount.attributes |= MOUNT_ATTR_NOEXEC;
    } else if (option == "nodev") {
      mount.attributes |= MOUNT_ATTR_NODEV;
    } else if (option == "nosuid") {
      mount.attributes |= MOUNT_ATTR_NOSUID;
    } else {
      return base::InvalidArgument("{}.mount_options: '{}' is none of noexec, nodev, nosuid", field,
                                   option);
    }
  }
  if (of_image) {
    HostSource source;
    ASSIGN_OR_RETURN(source, ImageSource(wanted, field, index, images));
    plan.sources.push_back(std::move(source));
    plan.spec.mounts.push_back(std::move(mount));
    return base::Ok();
  }
  switch (wanted.propagation()) {
    case cri::PROPAGATION_PRIVATE:
      break;
    case cri::PROPAGATION_HOST_TO_CONTAINER:
      mount.propagation = spec::Propagation::kSlave;
      break;
    case cri::PROPAGATION_BIDIRECTIONAL:
      mount.propagation = spec::Propagation::kShared;
      break;
    default:
      return base::InvalidArgument("{}.propagation: unknown value {}", field,
                                   static_cast<int>(wanted.propagation()));
  }
  plan.sources.push_back({.path = wanted.host_path(), .field = field});
  plan.spec.mounts.push_back(std::move(mount));
  return base::Ok();
}

Status AddCdiMount(const CdiMount& wanted, Plan& plan) {
  RETURN_IF_ERROR(CheckContainerPath(wanted.container_path, "CDI_devices"));
  Mount mount;
  mount.kind = Mount::Kind::kBind;
  mount.destination = CleanPath(wanted.container_path);
  mount.source_fd = static_cast<uint32_t>(plan.sources.size());
  for (const std::string& option : wanted.options) {
    if (option == "ro") mount.attributes |= MOUNT_ATTR_RDONLY;
    if (option == "nosuid") mount.attributes |= MOUNT_ATTR_NOSUID;
    if (option == "nodev") mount.attributes |= MOUNT_ATTR_NODEV;
    if (option == "noexec") mount.attributes |= MOUNT_ATTR_NOEXEC;
  }
  plan.sources.push_back({.path = wanted.host_path, .field = "CDI_devices"});
  plan.spec.mounts.push_back(std::move(mount));
  return base::Ok();
}

Status CheckImageVolumes(const std::vector<HostSource>& sources) {
  for (const HostSource& source : sources) {
    if (!source.image || source.sub_path.empty()) continue;
    const Result<security::LayeredTree> tree = security::LayeredTree::Open(source.layers);
    if (!tree.ok())
      return tree.error().WithContext(fmt::format("{}: {}", source.field, kImageVolume));
    const Result<UniqueFd> there = tree->Find(source.sub_path);
    if (!there.ok()) {
      return there.error().WithContext(fmt::format("{}.image_sub_path: {}: image '{}'",
                                                   source.field, kImageVolume, source.path));
    }
  }
  return base::Ok();
}

namespace {

// In a mount namespace of this thread's own: an overlay that has to be attached, and a path below
// it to be cloned, which older kernels do of attached mounts only.
Result<UniqueFd> MountImageHere(const HostSource& source, const ImageMountPlaces& places) {
  if (unshare(CLONE_FS | CLONE_NEWNS) != 0)
    return Error::FromErrno(errno, "new mount namespace for an image");
  RETURN_IF_ERROR(mount::MakeAllPrivate());
  RETURN_IF_ERROR(os::MakeDir(places.empty, 0555));
  if (source.layers.empty()) return mount::CloneTree(AT_FDCWD, places.empty, false);
  mount::OverlayLayers layers;
  layers.lower = source.layers;
  layers.lower.push_back(places.empty);  // without an upper side an overlay wants two at least
  ASSIGN_OR_RETURN(mount::Overlay overlay, mount::MountOverlay(layers, places.staging));
  if (!overlay.attached) {
    ASSIGN_OR_RETURN(const UniqueFd place, os::Open(places.staging, O_PATH | O_DIRECTORY));
    RETURN_IF_ERROR(mount::Attach(overlay.root.get(), place.get()));
  }
  ASSIGN_OR_RETURN(UniqueFd root_fd, os::Open(places.staging, O_PATH | O_DIRECTORY));
  const os::RootedDir root(std::move(root_fd));
  ASSIGN_OR_RETURN(const UniqueFd inside,
                   root.OpenAt(source.sub_path.empty() ? "." : source.sub_path, O_PATH));
  return mount::CloneTree(inside.get(), "", false);
}

}  // namespace

Result<UniqueFd> OpenImageVolume(const HostSource& source, const ImageMountPlaces& places) {
  std::optional<Result<UniqueFd>> mounted;
  std::thread([&] { mounted.emplace(MountImageHere(source, places)); }).join();
  if (mounted->ok()) return std::move(*mounted);
  return mounted->error().WithContext(
      fmt::format("{}: {}: image '{}'", source.field, kImageVolume, source.path));
}

}  // namespace keelson::container
