// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/collector.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <set>

#include "lib/base/log.h"

namespace keelson::image_gc {

using base::Result;
using base::Status;

Result<Disk> DiskOf(const std::string& path) {
  struct statvfs info{};
  if (statvfs(path.c_str(), &info) != 0)
    return base::Error::FromErrno(errno, "look at the file system of '{}'", path);
  const auto bytes = [&](uint64_t blocks) { return static_cast<int64_t>(blocks * info.f_frsize); };
  return Disk{bytes(info.f_blocks), bytes(info.f_bavail)};
}

Status Collector::Look() {
  const std::lock_guard lock(mutex_);
  return See();
}

Status Collector::See() {
  ASSIGN_OR_RETURN(const std::vector<cri::Image> images, runtime_.ListImages());
  ASSIGN_OR_RETURN(const std::vector<cri::Container> containers, runtime_.ListContainers());
  std::set<std::string> used;  // runtimes name the image by id, or by the name that was asked for
  for (const cri::Container& container : containers) {
    used.insert(container.image_ref());
    used.insert(container.image_id());
    used.insert(container.image().image());
  }
  const int64_t now = clock_.WallNanos();
  std::map<std::string, Record> seen;
  for (const cri::Image& image : images) {
    bool in_use = used.contains(image.id());
    for (const auto* names : {&image.repo_tags(), &image.repo_digests()}) {
      for (const std::string& name : *names) in_use = in_use || used.contains(name);
    }
    const auto known = records_.find(image.id());
    Record record = known == records_.end() ? Record{.first_seen = now} : known->second;
    if (in_use) record.last_used = now;
    record.use = {image.id(),
                  static_cast<int64_t>(image.size()),
                  record.first_seen,
                  record.last_used,
                  in_use,
                  image.pinned()};
    seen[image.id()] = record;
  }
  records_ = std::move(seen);
  return {};
}

Result<Disk> Collector::Measure() {
  ASSIGN_OR_RETURN(const cri::ImageFsInfoResponse info, runtime_.ImageFsInfo());
  if (info.image_filesystems().empty())
    return base::NotFound("the runtime does not say where its images are");
  return read_disk_(info.image_filesystems(0).fs_id().mountpoint());
}

Status Collector::Remove(const std::string& id) {
  RETURN_IF_ERROR(runtime_.RemoveImage(id));
  records_.erase(id);
  base::LogInfo("an image nobody uses was removed", {{"image", id}});
  return {};
}

Result<int64_t> Collector::Apply(const Plan& plan) {
  Status first_failure;
  int64_t freed = 0;
  for (const std::string& id : plan.remove) {
    const int64_t size = records_.at(id).use.size;
    Status removed = Remove(id);
    if (removed.ok()) freed += size;
    if (!removed.ok() && first_failure.ok()) first_failure = std::move(removed);
  }
  if (!first_failure.ok()) return first_failure.error();
  return freed;
}

Status Collector::RemoveUnused() {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(See());
  std::vector<ImageUse> uses;
  for (const auto& [id, record] : records_) uses.push_back(record.use);
  // As if the disk were full and had to be empty.
  const Policy all{.high_percent = 0, .low_percent = 0, .minimum_age = policy_.minimum_age};
  const Plan plan = PlanImageGc(all, {INT64_MAX / 200, 0}, uses, clock_.WallNanos());
  ASSIGN_OR_RETURN(const int64_t freed, Apply(plan));
  if (freed > 0) base::LogInfo("images that nobody uses made room", {{"bytes", freed}});
  return {};
}

Status Collector::Collect() {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(See());
  ASSIGN_OR_RETURN(const Disk disk, Measure());
  if (disk.capacity <= 0)
    return base::FailedPrecondition("InvalidDiskCapacity: invalid capacity 0 on image filesystem");
  std::vector<ImageUse> uses;
  for (const auto& [id, record] : records_) uses.push_back(record.use);
  const Plan plan = PlanImageGc(policy_, disk, uses, clock_.WallNanos());
  ASSIGN_OR_RETURN(const int64_t freed, Apply(plan));
  if (freed < plan.to_free) {
    return base::ResourceExhausted(
        "FreeDiskSpaceFailed: Failed to garbage collect required amount of images. Attempted to "
        "free {} bytes, but only found {} bytes eligible to free",
        plan.to_free, freed);
  }
  return {};
}

}  // namespace keelson::image_gc
