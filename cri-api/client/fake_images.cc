// SPDX-License-Identifier: Apache-2.0
// The fake's images and who may pull them.
#include <fmt/format.h>

#include "cri-api/client/fake_runtime.h"
#include "lib/base/strings.h"

namespace keelson::cri_client {

void FakeRuntime::AddImage(const std::string& reference, const std::string& user) {
  const Lock lock(mutex_);
  cri::Image& image = images_[reference];
  if (image.id().empty()) image.set_id(fmt::format("sha256:{:064x}", next_id_++));
  image.clear_repo_tags();
  image.add_repo_tags(reference);
  image.set_size(1u << 20);
  image.mutable_spec()->set_image(image.id());
  if (const std::optional<uint64_t> uid = base::ParseUint64(user); uid || user.empty()) {
    image.mutable_uid()->set_value(static_cast<int64_t>(uid.value_or(0)));
  } else {
    image.set_username(user);
  }
}
void FakeRuntime::Publish(const std::string& reference) {
  const Lock lock(mutex_);
  published_.insert(reference);
}

void FakeRuntime::Publish(const std::string& reference, const std::string& user) {
  Publish(reference);
  const Lock lock(mutex_);
  private_[reference] = user;
}

base::Result<std::string> FakeRuntime::PullImage(const cri::ImageSpec& image,
                                                 const cri::AuthConfig* auth,
                                                 const cri::PodSandboxConfig&,
                                                 std::stop_token stop) {
  {
    Lock lock(mutex_);
    RETURN_IF_ERROR(Enter(lock, "PullImage", image.image(), stop));
    if (!published_.contains(image.image()))
      return base::NotFound("pull '{}': no registry has it", image.image());
    const std::string user = auth != nullptr ? auth->username() : "";
    if (const auto owner = private_.find(image.image());
        owner != private_.end() && owner->second != user) {
      return base::PermissionDenied("pull '{}': not for {}", image.image(),
                                    user.empty() ? "strangers" : user);
    }
  }
  AddImage(image.image());
  Lock lock(mutex_);
  RETURN_IF_ERROR(Leave("PullImage"));
  return images_[image.image()].id();
}
base::Result<cri::ImageStatusResponse> FakeRuntime::ImageStatus(const std::string& reference) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ImageStatus", ""));
  cri::ImageStatusResponse response;
  for (const auto& [name, image] : images_) {
    if (name == reference || image.id() == reference) *response.mutable_image() = image;
  }
  return response;
}
base::Result<std::vector<cri::Image>> FakeRuntime::ListImages() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ListImages", ""));
  std::vector<cri::Image> out;
  for (const auto& [name, image] : images_) out.push_back(image);
  return out;
}
base::Status FakeRuntime::RemoveImage(const std::string& reference) {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "RemoveImage", reference));
  std::erase_if(images_, [&](const auto& image) {
    return image.first == reference || image.second.id() == reference;
  });
  return Leave("RemoveImage");
}
base::Result<cri::ImageFsInfoResponse> FakeRuntime::ImageFsInfo() {
  Lock lock(mutex_);
  RETURN_IF_ERROR(Enter(lock, "ImageFsInfo", ""));
  cri::ImageFsInfoResponse response;
  cri::FilesystemUsage& usage = *response.add_image_filesystems();
  usage.set_timestamp(Now());
  usage.mutable_fs_id()->set_mountpoint("/");
  usage.mutable_used_bytes()->set_value(images_.size() << 20);
  return response;
}

}  // namespace keelson::cri_client
