// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/image_service_impl.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>

#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/unfinished.h"
#include "runtime/image/layout_source.h"
#include "runtime/image/registry_source.h"
#include "runtime/unpack/client.h"

namespace keelson::image {

using base::Result;
using base::Status;

namespace {

Result<std::string> DirectoryOfThisProgram() {
  char path[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0 || n == static_cast<ssize_t>(sizeof path))
    return base::Error::FromErrno(errno, "read /proc/self/exe");
  const std::string_view text(path, static_cast<size_t>(n));
  return std::string(text.substr(0, text.rfind('/')));
}

// The registry may be back in a moment: whole layers that came are kept for the next try, until
// some other pull ends.
bool IsWorthKeeping(const base::Error& error) {
  return error.code() == base::Code::kUnavailable || error.code() == base::Code::kDeadlineExceeded;
}

using Words =
    std::tuple<const std::string&, const std::string&, const std::string&, const std::string&>;
Words WordsOf(const fetch::Credentials& of) {
  return {of.username, of.password, of.identity_token, of.registry_token};
}
bool IsSame(const std::optional<fetch::Credentials>& a,
            const std::optional<fetch::Credentials>& b) {
  return a.has_value() == b.has_value() && (!a || WordsOf(*a) == WordsOf(*b));
}

}  // namespace

// A pull under way and those who wait for it.
struct ImageServiceImpl::Operation {
  std::condition_variable_any ended;
  std::optional<Result<std::string>> result;
  int waiters = 0;
  bool abandoned = false;
  std::optional<fetch::Credentials> credentials;
  std::stop_source stop;
};

Result<std::unique_ptr<ImageServiceImpl>> ImageServiceImpl::Open(Options options) {
  if (options.program_dir.empty()) {
    ASSIGN_OR_RETURN(options.program_dir, DirectoryOfThisProgram());
  }
  for (std::string& name : options.pinned_images) {
    ASSIGN_OR_RETURN(const Reference full, ParseReference(name).WithContext("pinned image"));
    name = full.digest.empty() ? full.Tagged() : full.Digested(full.digest);
  }
  const Paths& paths = options.paths;
  for (const std::string& dir : {paths.state, paths.Images(), paths.Import()})
    RETURN_IF_ERROR(os::MakeDirs(dir, 0700));
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> imports, os::ListDir(paths.Import()));
  for (const os::DirEntry& entry : imports)
    RETURN_IF_ERROR(os::RemoveTree(paths.Import() + "/" + entry.name));
  ASSIGN_OR_RETURN(content::BlobStore blobs, content::BlobStore::Open(paths.Blobs()));
  os::RemoveUnfinished(paths.Blobs() + "/sha256");
  std::unique_ptr<ImageServiceImpl> service(
      new ImageServiceImpl(std::move(options), std::move(blobs)));
  const Options& o = service->options_;
  ASSIGN_OR_RETURN(service->layers_,
                   snapshot::LayerStore::Open({.root = o.paths.Layers(),
                                               .unpack_program = o.program_dir + "/keelson-unpack",
                                               .max_layer_bytes = o.max_layer_bytes}));
  ASSIGN_OR_RETURN(service->images_,
                   ImageStore::Open(o.paths.Images(), service->blobs_, *service->layers_,
                                    service->reader_, o.pinned_images));
  service->maker_ = std::make_unique<ImageMaker>(*service->images_, *service->layers_,
                                                 service->reader_, o.platform);
  service->sweeper_ =
      std::jthread([raw = service.get()](const std::stop_token& stop) { raw->Sweep(stop); });
  service->AskForSweep();  // what an earlier life left
  return service;
}

ImageServiceImpl::~ImageServiceImpl() {
  std::unique_lock lock(mutex_);
  for (const auto& [key, operation] : operations_) operation->stop.request_stop();
  sweep_changed_.wait(lock, [this] { return operations_.empty(); });
}

std::optional<Image> ImageServiceImpl::Find(const std::string& reference) const {
  return images_->Find(reference);
}
std::vector<Image> ImageServiceImpl::List() const { return images_->List(); }

Result<std::string> ImageServiceImpl::Pull(const std::string& text,
                                           const std::optional<fetch::Credentials>& credentials,
                                           std::stop_token stop) {
  const std::string context = "pull image " + base::QuoteIfNeeded(text.substr(0, 300));
  ASSIGN_OR_RETURN(const Reference reference, ParseReference(text).WithContext("pull image"));
  const std::string key = reference.ToString();
  std::unique_lock lock(mutex_);
  for (;;) {
    std::shared_ptr<Operation> operation;
    if (const auto it = operations_.find(key); it != operations_.end() && !it->second->abandoned &&
                                               IsSame(it->second->credentials, credentials)) {
      operation = it->second;
    } else if (it != operations_.end()) {
      // Its last waiter has gone and it is on its way out, or what its credentials may fetch is no
      // answer for ours: wait for its end, then begin anew.
      operation = it->second;
      if (!operation->ended.wait(lock, stop,
                                 [&operation] { return operation->result.has_value(); }))
        return base::Cancelled("{}: cancelled", context);
      continue;
    } else {
      operation = operations_[key] = std::make_shared<Operation>();
      operation->credentials = credentials;
      std::thread([this, key, reference, credentials, operation] {
        Result<std::string> result = PullNow(reference, credentials, operation->stop.get_token());
        const std::lock_guard done(mutex_);
        operation->result = std::move(result);
        operations_.erase(key);
        operation->ended.notify_all();
        sweep_changed_.notify_all();
      }).detach();
    }
    ++operation->waiters;
    const bool ended =
        operation->ended.wait(lock, stop, [&operation] { return operation->result.has_value(); });
    if (--operation->waiters == 0 && !ended) {
      operation->abandoned = true;
      lock.unlock();
      operation->stop.request_stop();
    }
    if (!ended) return base::Cancelled("{}: cancelled", context);
    return Result<std::string>(*operation->result).WithContext(context);
  }
}

Result<std::string> ImageServiceImpl::PullNow(const Reference& reference,
                                              const std::optional<fetch::Credentials>& credentials,
                                              std::stop_token stop) {
  RegistrySource::Options options;
  options.fetch_program = options_.program_dir + "/keelson-fetch";
  options.registries_dir = options_.paths.Registries();
  options.docker_config = options_.docker_config;
  options.plain_http_hosts = options_.plain_http_hosts;
  options.no_progress_timeout = options_.no_progress_timeout;
  ASSIGN_OR_RETURN(const std::unique_ptr<RegistrySource> source,
                   RegistrySource::Open(options, reference, credentials));
  Result<std::string> made = maker_->Make(*source, reference, std::move(stop));
  if (made.ok() || !IsWorthKeeping(made.error())) CollectGarbage();
  return made;
}

Result<std::string> ImageServiceImpl::Load(const std::string& layout_path,
                                           const std::string& text) {
  const std::string context =
      fmt::format("load image {} from '{}'", base::QuoteIfNeeded(text.substr(0, 300)), layout_path);
  ASSIGN_OR_RETURN(const Reference reference, ParseReference(text).WithContext("load image"));
  struct stat st{};
  if (stat(layout_path.c_str(), &st) != 0) return base::Error::FromErrno(errno, "{}", context);
  if (!S_ISDIR(st.st_mode)) {
    Result<std::string> loaded = LoadArchive(layout_path, reference);
    if (!loaded.ok()) CollectGarbage();
    return std::move(loaded).WithContext(context);
  }
  Result<std::unique_ptr<LayoutSource>> source =
      LayoutSource::Open(layout_path, reference, reader_);
  if (!source.ok()) return source.error().WithContext(context);
  Result<std::string> made = maker_->Make(**source, reference, {});
  if (!made.ok()) CollectGarbage();
  return std::move(made).WithContext(context);
}

// An archive of a layout goes through the same jail as a layer, into a directory of its own.
Result<std::string> ImageServiceImpl::LoadArchive(const std::string& path,
                                                  const Reference& reference) {
  const std::string staging = options_.paths.Import() + "/" + base::RandomHex(16);
  RETURN_IF_ERROR(os::MakeDir(staging, 0700));
  Result<std::string> id = [&]() -> Result<std::string> {
    ASSIGN_OR_RETURN(os::UniqueFd file, os::Open(path, O_RDONLY));
    ASSIGN_OR_RETURN(const os::UniqueFd directory, os::Open(staging, O_RDONLY | O_DIRECTORY));
    unpack::Budget budget{.max_bytes = options_.max_layer_bytes};
    ASSIGN_OR_RETURN(unpack::UnpackProcess process,
                     unpack::UnpackProcess::Start(options_.program_dir + "/keelson-unpack",
                                                  std::move(file), directory.get(), budget));
    RETURN_IF_ERROR(process.Wait());
    ASSIGN_OR_RETURN(const std::unique_ptr<LayoutSource> source,
                     LayoutSource::Open(staging, reference, reader_));
    return maker_->Make(*source, reference, {});
  }();
  if (Status removed = os::RemoveTree(staging); !removed.ok()) {
    base::LogWarn("unpacked archive cannot be removed, trying again at the next start",
                  {{"path", staging}, {"error", removed.error()}});
  }
  return id;
}

Status ImageServiceImpl::Remove(const std::string& reference) {
  const Status removed = images_->Remove(reference);
  AskForSweep();
  return removed.ok() ? removed
                      : Status(removed.error().WithContext(
                            "remove image " + base::QuoteIfNeeded(reference.substr(0, 300))));
}

std::optional<Image> ImageServiceImpl::FindHeld(const std::string& image_id) const {
  return images_->FindHeld(image_id);
}

Result<FsUsage> ImageServiceImpl::Usage() const {
  FsUsage usage;
  usage.mountpoint = options_.paths.state;
  for (const snapshot::Layer& layer : layers_->List()) {
    usage.used_bytes += layer.disk_bytes;
    usage.inodes_used += layer.inodes;
  }
  return usage;
}

void ImageServiceImpl::Hold(const std::string& image_id, const std::string& container_id) {
  images_->Hold(image_id, container_id);
}

void ImageServiceImpl::Release(const std::string& container_id) {
  images_->Release(container_id);
  AskForSweep();
}

void ImageServiceImpl::CollectGarbage() {
  images_->CollectGarbage();
  AskForSweep();
}

void ImageServiceImpl::AskForSweep() {
  const std::lock_guard lock(mutex_);
  ++sweeps_asked_;
  sweep_changed_.notify_all();
}

void ImageServiceImpl::WaitForSweep() {
  std::unique_lock lock(mutex_);
  const uint64_t wanted = sweeps_asked_;
  sweep_changed_.wait(lock, [this, wanted] { return sweeps_done_ >= wanted; });
}

void ImageServiceImpl::Sweep(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (sweep_changed_.wait(lock, stop, [this] { return sweeps_done_ < sweeps_asked_; })) {
    const uint64_t asked = sweeps_asked_;
    lock.unlock();
    if (const Status swept = layers_->Sweep(); !swept.ok()) {
      base::LogWarn("removed layers cannot be deleted, trying again later",
                    {{"error", swept.error()}});
    }
    lock.lock();
    sweeps_done_ = asked;
    sweep_changed_.notify_all();
  }
}

}  // namespace keelson::image
