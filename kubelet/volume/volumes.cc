// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/volumes.h"

#include <dirent.h>

#include "kubelet/volume/atomic_writer.h"
#include "kubelet/volume/empty_dir.h"
#include "kubelet/volume/host_path.h"
#include "kubelet/volume/mounts.h"
#include "kubelet/volume/payload.h"
#include "kubelet/volume/sub_path.h"
#include "lib/base/fail_point.h"
#include "lib/os/files.h"

namespace keelson::volume {
namespace {

using base::Result;
using base::Status;

// Names become parts of paths: validated where they came in, and looked at again where it matters.
Status CheckPart(const std::string& what, const std::string& part) {
  if (!part.empty() && !part.starts_with(".") && part.find('/') == std::string::npos &&
      part.find('\0') == std::string::npos)
    return {};
  return base::InvalidArgument("{} '{}' cannot be part of a path", what, part);
}

std::optional<gid_t> GroupOf(const kube::Pod& pod) {
  if (!pod.spec.security_context.fs_group) return std::nullopt;
  return static_cast<gid_t>(*pod.spec.security_context.fs_group);
}

struct Kind {
  const char* directory;
  bool memory = false;  // the payload is kept off the disk
};
Kind KindOf(const kube::EmptyDirVolume&) { return {"empty-dir"}; }
Kind KindOf(const kube::ObjectVolume& volume) {
  return volume.secret ? Kind{"secret", true} : Kind{"configmap"};
}
Kind KindOf(const kube::DownwardApiVolume&) { return {"downward-api", true}; }
Kind KindOf(const kube::ProjectedVolume&) { return {"projected", true}; }

template <typename Source>
std::string PathOf(const std::string& pod_dir, const Source& source, const std::string& name) {
  return pod_dir + "/volumes/kubernetes.io~" + KindOf(source).directory + "/" + name;
}

// Carries out what one volume needs; the answer is its host path.
class Setter {
 public:
  Setter(const kube::Pod& pod, std::string pod_dir, PayloadInputs inputs, bool payload_only)
      : pod_(pod), pod_dir_(std::move(pod_dir)), inputs_(inputs), payload_only_(payload_only) {}
  void For(const std::string& name) { name_ = name; }

  Result<std::string> operator()(const kube::EmptyDirVolume& volume) const {
    std::string path = PathOf(pod_dir_, volume, name_);
    if (payload_only_) return path;
    ASSIGN_OR_RETURN(const EmptyDirPlan plan, PlanEmptyDir(volume, pod_));
    RETURN_IF_ERROR(MakeEmptyDir(path, plan, GroupOf(pod_)));
    return path;
  }
  Result<std::string> operator()(const kube::HostPathVolume& volume) const {
    if (!payload_only_) RETURN_IF_ERROR(PrepareHostPath(volume));
    return volume.path;
  }
  Result<std::string> operator()(const kube::UnsupportedVolume& volume) const {
    return base::Unimplemented(
        "volumes of kind {} are not supported on a node without an API server", volume.kind);
  }
  template <typename Source>
  Result<std::string> operator()(const Source& volume) const {
    std::string path = PathOf(pod_dir_, volume, name_);
    ASSIGN_OR_RETURN(const Payload payload, PayloadOf(volume, inputs_));
    RETURN_IF_ERROR(os::MakeDirs(path.substr(0, path.rfind('/')), 0750));
    RETURN_IF_ERROR(os::MakeDir(path, 0755));
    FAIL_POINT("kubelet.volume.directory");
    if (KindOf(volume).memory && !IsMountPoint(path))
      RETURN_IF_ERROR(MountMemory(path, {0, false}));
    FAIL_POINT("kubelet.volume.mounted");
    ASSIGN_OR_RETURN(const bool written, WritePayload(path, payload, GroupOf(pod_)));
    static_cast<void>(written);
    return path;
  }

 private:
  const kube::Pod& pod_;
  const std::string pod_dir_;
  const PayloadInputs inputs_;
  const bool payload_only_;
  std::string name_;
};

Result<std::map<std::string, std::string>> SetUpAll(const kube::Pod& pod,
                                                    const std::string& pod_dir,
                                                    const PayloadInputs& inputs, bool payload_only,
                                                    std::vector<VolumeFailure>& failures) {
  RETURN_IF_ERROR(CheckPart("the pod's uid", pod.metadata.uid));
  std::map<std::string, std::string> paths;
  Setter setter(pod, pod_dir, inputs, payload_only);
  for (const kube::Volume& volume : pod.spec.volumes) {
    RETURN_IF_ERROR(CheckPart("volume name", volume.name));
    setter.For(volume.name);
    Result<std::string> path = std::visit(setter, volume.source);
    if (!path.ok()) {
      failures.push_back(
          {volume.name,
           base::Error(path.error().code(), "MountVolume.SetUp failed for volume \"" + volume.name +
                                                "\" : " + path.error().message())});
      continue;
    }
    paths[volume.name] = std::move(*path);
  }
  if (!failures.empty()) return failures.front().error;
  return paths;
}

}  // namespace

Result<std::map<std::string, std::string>> Volumes::SetUp(const kube::Pod& pod,
                                                          const DownwardValues& values,
                                                          std::vector<VolumeFailure>* failures) {
  std::vector<VolumeFailure> ignored;
  return SetUpAll(pod, PodDir(pod.metadata.uid),
                  {pod.metadata.namespace_name, objects_, values, pod.metadata.uid}, false,
                  failures != nullptr ? *failures : ignored);
}

Status Volumes::Refresh(const kube::Pod& pod, const DownwardValues& values) {
  std::vector<VolumeFailure> failures;
  const Result<std::map<std::string, std::string>> paths =
      SetUpAll(pod, PodDir(pod.metadata.uid),
               {pod.metadata.namespace_name, objects_, values, pod.metadata.uid}, true, failures);
  return paths.ok() ? Status() : Status(paths.error());
}

Result<std::string> Volumes::SubPath(const std::string& pod_uid, const std::string& volume,
                                     const std::string& volume_path, const std::string& sub_path,
                                     const std::string& container, size_t index) {
  RETURN_IF_ERROR(CheckPart("the pod's uid", pod_uid));
  RETURN_IF_ERROR(CheckPart("volume name", volume));
  RETURN_IF_ERROR(CheckPart("container name", container));
  std::string target = PodDir(pod_uid) + "/volume-subpaths/" + volume + "/" + container + "/" +
                       std::to_string(index);
  const Status bound = BindSubPath(volume_path, sub_path, target);
  if (!bound.ok()) {
    return base::Error(bound.error().code(), "failed to prepare subPath for volumeMount \"" +
                                                 volume + "\" of container \"" + container +
                                                 "\": " + bound.error().message());
  }
  return target;
}

Status Volumes::TearDown(const std::string& pod_uid) {
  RETURN_IF_ERROR(CheckPart("the pod's uid", pod_uid));
  RETURN_IF_ERROR(UnmountBelow(PodDir(pod_uid)));
  FAIL_POINT("kubelet.volume.unmounted");
  return os::RemoveTree(PodDir(pod_uid));
}

Result<std::vector<std::string>> Volumes::PodsOnDisk() const {
  std::vector<std::string> uids;
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(root_ + "/pods");
  if (!entries.ok() && entries.error().code() == base::Code::kNotFound) return uids;
  if (!entries.ok()) return entries.error();
  for (const os::DirEntry& entry : *entries) {
    if (entry.type == DT_DIR) uids.push_back(entry.name);
  }
  return uids;
}

}  // namespace keelson::volume
