// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/pull_records.h"

#include <algorithm>

#include "lib/base/fail_point.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"
#include "lib/os/unfinished.h"

namespace keelson::image_gc {
namespace {

using base::Result;
using base::Status;

constexpr size_t kLargestRecord = size_t{4} << 20;

Status Write(const std::string& path, const std::string& text) {
  return os::WriteFileAtomic(path, text, 0600, os::Durability::kPowerLoss);
}

// Each record of a folder; what `take` cannot read is put aside.
void ReadFolder(
    const std::string& folder, std::set<std::string>& bad,
    const std::function<Status(const std::string& name, const std::string& text)>& take) {
  const Result<std::vector<os::DirEntry>> entries = os::ListDir(folder);
  if (!entries.ok()) {
    base::LogError("a folder of pull records cannot be read", {{"error", entries.error()}});
    return;
  }
  for (const os::DirEntry& entry : *entries) {
    if (!entry.name.starts_with("sha256-")) continue;
    const size_t dot = entry.name.find('.');
    if (dot != std::string::npos) {
      const std::string name = entry.name.substr(0, dot);
      if (entry.name == os::AsidePath(name)) bad.insert(name);
      continue;  // or half-written
    }
    const std::string path = folder + "/" + entry.name;
    const Result<std::string> text = os::ReadFile(path, kLargestRecord);
    const Status taken = text.ok() ? take(entry.name, *text) : Status(text.error());
    if (taken.ok()) continue;
    base::LogError(
        "a pull record cannot be read, put aside; pods have to fetch its image themselves",
        {{"path", path}, {"aside", os::AsidePath(path)}, {"error", taken.error()}});
    if (const Status moved = os::SetAside(path); !moved.ok())
      base::LogError("it stays where it is", {{"error", moved.error()}});
    bad.insert(entry.name);
  }
}

Status NamedAfter(const std::string& name, const std::string& what) {
  if (RecordName(what) == name) return {};
  return base::DataLoss("it is the record of another, '{}'", what);
}

// What lies there, and what was put aside.
void Remove(const std::string& path) {
  const Status removed = os::RemoveTree(path);
  if (!removed.ok()) base::LogWarn("a pull record stays", {{"error", removed.error()}});
  (void)os::RemoveTree(os::AsidePath(path));
}

}  // namespace

Result<std::unique_ptr<PullRecords>> PullRecords::Open(std::string directory, Verification how,
                                                       const base::Clock& clock) {
  std::unique_ptr<PullRecords> records(
      new PullRecords(std::move(directory), std::move(how), clock));
  for (const std::string& folder : {records->pulling_, records->pulled_}) {
    Status made = os::MakeDirs(folder, 0700);
    if (!made.ok() && made.error().os_errno() != ENOSPC) {
      base::LogError("it is no folder of pull records, put aside",
                     {{"path", folder}, {"error", made.error()}});
      RETURN_IF_ERROR(os::SetAside(folder));
      made = os::MakeDirs(folder, 0700);
    }
    if (!made.ok())
      base::LogError("without a folder for pull records nothing is pulled",
                     {{"error", made.error()}});
    os::RemoveUnfinished(folder);
  }
  records->Read();
  return records;
}

void PullRecords::Read() {
  const std::lock_guard lock(mutex_);
  ReadFolder(pulled_, bad_pulled_,
             [this](const std::string& name, const std::string& text) -> Status {
               ASSIGN_OR_RETURN(PulledRecord record, DecodeRecord(text));
               RETURN_IF_ERROR(NamedAfter(name, record.image_ref));
               const std::string ref = record.image_ref;
               records_[ref] = std::move(record);
               return {};
             });
  ReadFolder(pulling_, bad_pulling_,
             [this](const std::string& name, const std::string& text) -> Status {
               ASSIGN_OR_RETURN(const std::string image, DecodeIntent(text));
               RETURN_IF_ERROR(NamedAfter(name, image));
               under_way_[image] = 0;
               earlier_.insert(image);
               return {};
             });
  settled_ = under_way_.empty();
}

void PullRecords::Settle(const Find& find) {
  std::vector<std::string> images;
  {
    const std::lock_guard lock(mutex_);
    if (settled_) return;
    images.assign(earlier_.begin(), earlier_.end());
  }
  for (const std::string& image : images) {
    const Result<std::optional<std::string>> ref = find(image);
    if (!ref.ok()) return;  // it is asked again
    if (!*ref) continue;    // whoever is still pulling it has not ended
    const std::lock_guard lock(mutex_);
    if (const Status kept = Remember(RepositoryOf(image), **ref, {}); !kept.ok()) return;
    if (const auto found = under_way_.find(image); found != under_way_.end() && found->second == 0)
      End(image);
  }
  const std::lock_guard lock(mutex_);
  settled_ = true;
}

bool PullRecords::WasPulled(const std::string& image, const std::string& image_ref) const {
  return records_.contains(image_ref) || bad_pulled_.contains(RecordName(image_ref)) ||
         under_way_.contains(image) || bad_pulling_.contains(RecordName(image));
}

Result<bool> PullRecords::MustPull(const std::string& image, const std::string& image_ref,
                                   const Credentials& own) {
  const std::string repository = RepositoryOf(image);
  Access access;
  {
    const std::lock_guard lock(mutex_);
    if (!MustVerify(how_, image, WasPulled(image, image_ref))) return false;
    const auto record = records_.find(image_ref);
    if (record == records_.end()) return true;
    const auto known = record->second.by_repository.find(repository);
    if (known == record->second.by_repository.end()) return true;
    access = known->second;
  }
  if (access.everybody) return false;
  if (access.secrets.empty() && access.accounts.empty()) return true;
  ASSIGN_OR_RETURN(const std::vector<Credential> credentials, own());
  std::optional<Source> renewed;
  if (!MayUse(access, credentials, &renewed)) return true;
  if (renewed) {
    const std::lock_guard lock(mutex_);
    Access more;
    more.secrets = {*renewed};
    if (const Status kept = Remember(repository, image_ref, more); !kept.ok())
      base::LogWarn("a pod's other credential is not remembered", {{"error", kept.error()}});
  }
  return false;
}

Status PullRecords::Begin(const std::string& image) {
  const std::lock_guard lock(mutex_);
  if (const auto found = under_way_.find(image); found != under_way_.end()) {
    ++found->second;
    return {};
  }
  RETURN_IF_ERROR(Write(pulling_ + "/" + RecordName(image), EncodeIntent(image))
                      .WithContext("write down that image '" + image + "' is pulled"));
  FAIL_POINT("kubelet.image.intended");
  under_way_[image] = 1;
  return {};
}

void PullRecords::Pulled(const std::string& image, const std::string& image_ref,
                         const Credential& by) {
  const std::lock_guard lock(mutex_);
  const Status kept = Remember(RepositoryOf(image), image_ref, AccessOf(by));
  FAIL_POINT("kubelet.image.recorded");
  if (!kept.ok()) {
    // The intent stays: as long as it does, the image is nobody's.
    base::LogError("who pulled an image is not written down; pods have to fetch it themselves",
                   {{"image", image}, {"error", kept.error()}});
    if (int& count = under_way_[image]; count > 0) --count;
    return;
  }
  End(image);
}

void PullRecords::Failed(const std::string& image) {
  const std::lock_guard lock(mutex_);
  const auto found = under_way_.find(image);
  // What an earlier life was pulling may be there, or come yet.
  if (found != under_way_.end() && earlier_.contains(image)) {
    if (found->second > 0) --found->second;
    return;
  }
  End(image);
}

Status PullRecords::Remember(const std::string& repository, const std::string& image_ref,
                             const Access& access) {
  const auto found = records_.find(image_ref);
  PulledRecord record =
      found == records_.end() ? PulledRecord{image_ref, Now(), {}} : found->second;
  const bool changed = Merge(record, repository, access, Now());
  if (found != records_.end() && !changed) return {};
  const std::string name = RecordName(image_ref);
  RETURN_IF_ERROR(Write(pulled_ + "/" + name, EncodeRecord(record)));
  records_[image_ref] = std::move(record);
  if (bad_pulled_.erase(name) > 0) (void)os::RemoveTree(os::AsidePath(pulled_ + "/" + name));
  return {};
}

void PullRecords::End(const std::string& image) {
  const auto found = under_way_.find(image);
  if (found != under_way_.end() && --found->second > 0) return;
  const std::string name = RecordName(image);
  Remove(pulling_ + "/" + name);
  bad_pulling_.erase(name);
  earlier_.erase(image);
  if (found != under_way_.end()) under_way_.erase(found);
}

void PullRecords::Prune(const std::set<std::string>& refs, int64_t listed) {
  const std::lock_guard lock(mutex_);
  for (auto record = records_.begin(); record != records_.end();) {
    if (refs.contains(record->first) || record->second.updated + kSecond > listed) {
      ++record;
      continue;
    }
    Remove(pulled_ + "/" + RecordName(record->first));
    record = records_.erase(record);
  }
  std::set<std::string> names;
  for (const std::string& ref : refs) names.insert(RecordName(ref));
  std::erase_if(bad_pulled_, [&](const std::string& name) {
    if (names.contains(name)) return false;
    Remove(pulled_ + "/" + name);
    return true;
  });
}

}  // namespace keelson::image_gc
