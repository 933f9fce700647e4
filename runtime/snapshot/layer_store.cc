// SPDX-License-Identifier: Apache-2.0
#include "runtime/snapshot/layer_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <thread>

#include "lib/base/fail_point.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/pipe.h"
#include "lib/os/rooted_dir.h"
#include "runtime/content/digest.h"
#include "runtime/snapshot/layer_record.h"
#include "runtime/unpack/client.h"

namespace keelson::snapshot {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr size_t kMaxRecordBytes = 64u << 20;
constexpr uint64_t kMinBudget = uint64_t{1} << 30;
constexpr uint64_t kMaxRatio =
    200;  // real layers stay far below; a bomb of a few MiB is stopped at one GiB

// Of the calling thread: a jail that gave up is an EPIPE for whoever feeds it, not a signal.
void IgnoreBrokenPipes() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// The jail reports opaque directories; the mark needs CAP_SYS_ADMIN, so it is set here, by
// descriptors that meet no symlink.
Status MarkOpaque(const std::string& fs, const std::vector<std::string>& dirs) {
  if (dirs.empty()) return base::Ok();
  ASSIGN_OR_RETURN(const os::RootedDir root, os::RootedDir::Open(fs));
  for (const std::string& dir : dirs) {
    ASSIGN_OR_RETURN(const os::UniqueFd fd, root.OpenAt(dir, O_RDONLY | O_DIRECTORY, 0,
                                                        {.no_xdev = true, .no_symlinks = true}));
    if (fsetxattr(fd.get(), "trusted.overlay.opaque", "y", 1, 0) != 0)
      return Error::FromErrno(errno, "mark '{}' as opaque", dir);
  }
  return base::Ok();
}

}  // namespace

// One unpack under way; others that want the same layer wait for its end.
struct LayerStore::Flight {
  std::condition_variable_any ended;
  std::optional<Result<Layer>> result;
};

LayerStore::Pin::~Pin() {
  if (store_ != nullptr) store_->Unpin(digest_);
}

LayerStore::Pin LayerStore::PinLayer(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  ++pins_[digest];
  return Pin(this, digest);
}

void LayerStore::Unpin(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  if (const auto it = pins_.find(digest); it != pins_.end() && --it->second == 0) pins_.erase(it);
}

std::string LayerStore::PathOf(const std::string& digest) const {
  return options_.root + "/sha256/" + std::string(content::HexOf(digest));
}

std::string LayerStore::DirectoryOf(const std::string& digest) const {
  return PathOf(digest) + "/fs";
}

Result<std::unique_ptr<LayerStore>> LayerStore::Open(Options options) {
  std::unique_ptr<LayerStore> store(new LayerStore(std::move(options)));
  for (const char* dir : {"", "/sha256", "/staging", "/trash"})
    RETURN_IF_ERROR(os::MakeDirs(store->options_.root + dir, 0700));
  RETURN_IF_ERROR(store->LoadAll());
  return store;
}

Status LayerStore::LoadAll() {
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> staged, os::ListDir(options_.root + "/staging"));
  for (const os::DirEntry& entry : staged) Discard(options_.root + "/staging/" + entry.name);
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(options_.root + "/sha256"));
  for (const os::DirEntry& entry : entries) {
    const std::string path = options_.root + "/sha256/" + entry.name;
    Result<Layer> layer = [&]() -> Result<Layer> {
      ASSIGN_OR_RETURN(const std::string bytes, os::ReadFile(path + "/layer.rec", kMaxRecordBytes));
      ASSIGN_OR_RETURN(Layer decoded, DecodeLayer(bytes));
      if (decoded.digest != "sha256:" + entry.name)
        return base::DataLoss("layer record is of another layer, {}", decoded.digest);
      if (!os::Exists(path + "/fs")) return base::DataLoss("layer without its directory");
      return decoded;
    }();
    if (!layer.ok()) {
      base::LogWarn("layer cannot be used, removing it; images with it must be pulled again",
                    {{"layer", entry.name}, {"error", layer.error()}});
      Discard(path);
      continue;
    }
    layers_[layer->digest] = *layer;
  }
  return base::Ok();
}

// Out of sight at once, by rename; the deleting is Sweep()'s.
void LayerStore::Discard(const std::string& path) {
  const std::string target = options_.root + "/trash/" + base::RandomHex(16);
  if (rename(path.c_str(), target.c_str()) != 0 && errno != ENOENT) {
    base::LogWarn("layer directory cannot be moved away, leaving it",
                  {{"path", path}, {"error", Error::FromErrno(errno, "rename")}});
  }
  FAIL_POINT("runtime.layer.discarded");
}

Status LayerStore::Sweep() {
  ASSIGN_OR_RETURN(const std::vector<os::DirEntry> entries, os::ListDir(options_.root + "/trash"));
  Status first;
  for (const os::DirEntry& entry : entries) {
    if (Status removed = os::RemoveTree(options_.root + "/trash/" + entry.name);
        !removed.ok() && first.ok())
      first = removed;
  }
  return first;
}

std::optional<Layer> LayerStore::Find(const std::string& digest) const {
  const std::lock_guard lock(mutex_);
  const auto it = layers_.find(digest);
  return it == layers_.end() ? std::nullopt : std::optional(it->second);
}

std::vector<Layer> LayerStore::List() const {
  const std::lock_guard lock(mutex_);
  std::vector<Layer> out;
  for (const auto& [digest, layer] : layers_) out.push_back(layer);
  return out;
}

size_t LayerStore::Collect(const std::function<bool(const std::string& digest)>& keep) {
  const std::lock_guard lock(mutex_);
  size_t collected = 0;
  for (auto it = layers_.begin(); it != layers_.end();) {
    if (pins_.contains(it->first) || keep(it->first)) {
      ++it;
      continue;
    }
    Discard(PathOf(it->first));
    it = layers_.erase(it);
    ++collected;
  }
  return collected;
}

Result<Layer> LayerStore::Ensure(const Expected& expected, const Feed& feed,
                                 const std::stop_token& stop) {
  if (!content::IsDigest(expected.digest))
    return base::InvalidArgument("'{}' is not a sha256 digest", expected.digest);
  const auto fits = [&expected](Layer layer) -> Result<Layer> {
    if (!expected.diff_id.empty() && layer.diff_id != expected.diff_id) {
      return base::DataLoss("layer {} unpacks to {}, the image's configuration says {}",
                            expected.digest, layer.diff_id, expected.diff_id);
    }
    return layer;
  };
  for (;;) {
    std::shared_ptr<Flight> flight;
    {
      std::unique_lock lock(mutex_);
      if (const auto it = layers_.find(expected.digest); it != layers_.end())
        return fits(it->second);
      if (const auto it = flights_.find(expected.digest); it != flights_.end()) {
        flight = it->second;
        if (!flight->ended.wait(lock, stop, [&flight] { return flight->result.has_value(); }))
          return base::Cancelled("cancelled");
        // Whoever made it went away, or failed for a reason of its own (another registry, a wrong
        // promise): our turn.
        if (!flight->result->ok()) continue;
        return fits(**flight->result);
      }
      flight = flights_[expected.digest] = std::make_shared<Flight>();
    }
    Result<Layer> made = Make(expected, feed, stop);
    const std::lock_guard lock(mutex_);
    flight->result = made;
    flights_.erase(expected.digest);
    if (made.ok()) layers_.insert_or_assign(expected.digest, *made);
    flight->ended.notify_all();
    return made;
  }
}

Result<Layer> LayerStore::Make(const Expected& expected, const Feed& feed,
                               const std::stop_token& stop) {
  const std::string staging = options_.root + "/staging/" + base::RandomHex(16);
  RETURN_IF_ERROR(os::MakeDir(staging, 0700));
  FAIL_POINT("runtime.layer.staged");
  Result<Layer> layer = UnpackInto(staging, expected, feed, stop);
  FAIL_POINT("runtime.layer.unpacked");
  Status done = layer.ok() ? Commit(staging, *layer) : Status(layer.error());
  if (!done.ok()) {
    Discard(staging);
    if (Status swept = Sweep(); !swept.ok())
      base::LogWarn("what a failed pull left cannot be deleted", {{"error", swept.error()}});
    return done.error();
  }
  return layer;
}

Result<Layer> LayerStore::UnpackInto(const std::string& staging, const Expected& expected,
                                     const Feed& feed, const std::stop_token& stop) {
  const std::string fs = staging + "/fs";
  RETURN_IF_ERROR(os::MakeDir(fs, 0755));
  ASSIGN_OR_RETURN(const os::UniqueFd directory, os::Open(fs, O_RDONLY | O_DIRECTORY));
  if (fchmod(directory.get(), 0755) != 0)
    return Error::FromErrno(errno, "set mode of the layer's root");  // whatever the umask
  unpack::Budget budget;
  budget.max_bytes =
      std::min(options_.max_layer_bytes, std::max(kMinBudget, expected.size * kMaxRatio));
  budget.max_inodes = options_.max_inodes;
  ASSIGN_OR_RETURN(os::Pipe stream, os::CreatePipe());
  (void)fcntl(stream.write_end.get(), F_SETPIPE_SZ, 1 << 20);
  ASSIGN_OR_RETURN(unpack::UnpackProcess process,
                   unpack::UnpackProcess::Start(options_.unpack_program, std::move(stream.read_end),
                                                directory.get(), budget));
  Status fed;
  Result<unpack::Report> report = base::Cancelled("cancelled");
  {
    const std::stop_callback on_stop(stop, [&process] { process.Kill(); });
    std::jthread feeder([&] {
      IgnoreBrokenPipes();
      fed = feed(std::move(stream.write_end));
    });
    report = process.Wait();
  }
  if (stop.stop_requested()) return base::Cancelled("cancelled");
  // The feed's own trouble comes first: a truncated stream is what the jail sees of a broken
  // connection. Only a broken pipe is the other way round.
  if (!fed.ok() && (report.ok() || fed.error().os_errno() != EPIPE)) return fed.error();
  if (!report.ok()) return report.error();
  if (!expected.diff_id.empty() && report->diff_id != expected.diff_id) {
    return base::DataLoss("unpacks to {}, the image's configuration says {}", report->diff_id,
                          expected.diff_id);
  }
  RETURN_IF_ERROR(MarkOpaque(fs, report->extracted.opaque_dirs));
  return Layer{.digest = expected.digest,
               .diff_id = report->diff_id,
               .compressed_bytes = expected.size,
               .plain_bytes = report->uncompressed_bytes,
               .disk_bytes = report->extracted.disk_bytes,
               .inodes = report->extracted.inodes,
               .implicit_dirs = report->extracted.implicit_dirs};
}

Status LayerStore::Commit(const std::string& staging, const Layer& layer) {
  RETURN_IF_ERROR(os::WriteFileAtomic(staging + "/layer.rec", EncodeLayer(layer), 0600));
  FAIL_POINT("runtime.layer.recorded");
  const std::string target = PathOf(layer.digest);
  if (rename(staging.c_str(), target.c_str()) != 0)
    return Error::FromErrno(errno, "rename the layer's directory");
  FAIL_POINT("runtime.layer.named");
  return base::Ok();
}

}  // namespace keelson::snapshot
