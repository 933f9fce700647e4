// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/cni_network.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/kernel/netlink/route_socket.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"
#include "runtime/network/pod_namespaces.h"

namespace keelson::cni {

using base::Result;
using base::Status;

namespace {

// After so many tries the namespace is let go, with the links in it; DEL goes on without.
constexpr uint32_t kTriesWithNamespace = 5;

}  // namespace

Result<std::unique_ptr<CniNetwork>> CniNetwork::Create(const CniOptions& options,
                                                       const base::Clock& clock) {
  RETURN_IF_ERROR(os::MakeDirs(options.state_dir, 0700));
  ASSIGN_OR_RETURN(
      std::unique_ptr<PluginRunner> runner,
      PluginRunner::Create(options.bin_dirs, ResultReader(options.read_program), clock));
  std::unique_ptr<CniNetwork> network(new CniNetwork(options, clock, std::move(runner)));
  network->Load();
  network->reaper_ = std::thread([raw = network.get()] { raw->Reap(); });
  return network;
}

CniNetwork::CniNetwork(CniOptions options, const base::Clock& clock,
                       std::unique_ptr<PluginRunner> runner)
    : options_(std::move(options)),
      clock_(clock),
      runner_(std::move(runner)),
      reader_(options_.read_program),
      client_(*runner_, reader_, options_.timeout) {}

CniNetwork::~CniNetwork() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  runner_->Stop();
  if (reaper_.joinable()) reaper_.join();
}

void CniNetwork::Load() {
  const Result<std::vector<os::DirEntry>> files = os::ListDir(options_.state_dir);
  if (!files.ok()) return;
  for (const os::DirEntry& file : *files) {
    if (file.name.find('.') != std::string::npos) continue;  // put aside, or half-written
    const Result<std::string> bytes = os::ReadFile(PathOf(file.name));
    Result<Record> record = bytes.ok() ? DecodeRecord(*bytes) : Result<Record>(bytes.error());
    if (record.ok() && record->attachment.sandbox_id != file.name)
      record = base::DataLoss("it names another pod");
    if (!record.ok()) {
      base::LogError(
          "the record of a pod's network is unreadable and put aside; what the pod had "
          "is freed by the plugins' GC at best",
          {{"path", os::AsidePath(PathOf(file.name))}, {"error", record.error()}});
      (void)os::SetAside(PathOf(file.name));
      (void)network::UnpinNamespace(options_.netns_dir, PinName(file.name));
      continue;
    }
    const auto entry = std::make_shared<Entry>();
    entry->record = std::move(record).value();
    entry->due = clock_.Steady();
    entries_[file.name] = entry;
  }
}

Status CniNetwork::Save(const Record& record, os::Durability durability) const {
  return os::WriteFileAtomic(PathOf(record.attachment.sandbox_id), Encode(record), 0600,
                             durability);
}

Result<network::PodAddress> CniNetwork::Setup(const network::PodRequest& request) {
  const std::shared_lock adding(adding_);
  ASSIGN_OR_RETURN(const Loaded loaded, LoadFirst(options_.conf_dir));
  Record record;
  ASSIGN_OR_RETURN(record.version, client_.VersionFor(loaded.network));
  ASSIGN_OR_RETURN(record.attachment, AttachmentOf(request, options_.pod_subnets));
  const std::string name = PinName(request.sandbox_id);
  record.attachment.netns = options_.netns_dir + "/" + name;
  record.network = loaded.network.text;
  record.boot_id = options_.boot_id;
  const auto entry = std::make_shared<Entry>();
  {
    const std::lock_guard lock(mutex_);
    // What ADD takes, plugins may keep on a disk: the DEL for it is owed after a power cut too. All
    // that comes later only says more.
    RETURN_IF_ERROR(Save(record, os::Durability::kPowerLoss));
    entry->record = record;
    entries_[request.sandbox_id] = entry;
  }
  RETURN_IF_ERROR(network::PrepareSharedNamespaceDirectory(options_.netns_dir));
  RETURN_IF_ERROR(network::UnpinNamespace(options_.netns_dir, name));  // of an earlier try
  RETURN_IF_ERROR(network::PinNamespace(request.netns, options_.netns_dir, name));
  ASSIGN_OR_RETURN(netlink::RouteSocket inside, netlink::RouteSocket::OpenIn(request.netns));
  ASSIGN_OR_RETURN(const int loopback, inside.IndexOf("lo"));
  RETURN_IF_ERROR(inside.SetUp(loopback));
  ASSIGN_OR_RETURN(const AddResult result,
                   client_.Add(loaded.network, record.version, record.attachment));
  if (result.addresses.empty()) {
    return base::FailedPrecondition("network '{}' gave the pod no address", loaded.network.name);
  }
  record.result = result.document;
  record.state = AttachmentState::kAdded;
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(Save(record));
  entry->record = record;
  return network::PodAddress{result.addresses, result.host_interface};
}

Status CniNetwork::Check(const std::string& sandbox_id) {
  Record record;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(sandbox_id);
    if (found == entries_.end() || found->second->record.state != AttachmentState::kAdded)
      return base::NotFound("no plugin has attached pod sandbox '{}'", sandbox_id);
    record = found->second->record;
  }
  ASSIGN_OR_RETURN(const NetworkConfig network, ParseNetwork(record.network));
  return client_.Check(network, record.version, record.attachment, record.result);
}

Status CniNetwork::Owe(const std::string& id) {
  Entry& entry = *entries_.at(id);
  if (entry.record.state == AttachmentState::kOwed) return base::Ok();
  Record owed = entry.record;
  owed.state = AttachmentState::kOwed;
  owed.owed_since = clock_.WallNanos();
  RETURN_IF_ERROR(Save(owed));
  entry.record = std::move(owed);
  entry.due = clock_.Steady();
  return base::Ok();
}

Status CniNetwork::Teardown(const std::string& sandbox_id) {
  std::unique_lock lock(mutex_);
  const auto found = entries_.find(sandbox_id);
  if (found == entries_.end()) return base::Ok();
  const EntryPtr entry = found->second;
  if (entry->record.state == AttachmentState::kOwed) return base::Ok();  // it is worked on
  RETURN_IF_ERROR(Owe(sandbox_id));
  entry->running = true;
  first_tries_.Post([this, entry] { Try(entry); });
  // Whoever stops the pod waits for the usual case alone.
  changed_.wait_for(lock, options_.stop_patience, [&] { return stopping_ || !entry->running; });
  return base::Ok();
}

void CniNetwork::Try(const EntryPtr& entry) {
  Record record;
  {
    const std::lock_guard lock(mutex_);
    record = entry->record;
  }
  const std::string& id = record.attachment.sandbox_id;
  const std::string name = PinName(id);
  const bool there = record.boot_id == options_.boot_id && record.tries < kTriesWithNamespace &&
                     os::Exists(record.attachment.netns);
  if (!there) {
    record.attachment.netns.clear();
    (void)network::UnpinNamespace(options_.netns_dir, name);
  }
  const Result<NetworkConfig> network = ParseNetwork(record.network);
  Status done = network.ok()
                    ? client_.Delete(*network, record.version, record.attachment, record.result)
                    : Status(network.error());
  if (done.ok()) done = network::UnpinNamespace(options_.netns_dir, name);
  if (done.ok()) done = os::RemoveFile(PathOf(id));
  const std::lock_guard lock(mutex_);
  entry->running = false;
  before_garbage_.erase(id);
  Record& kept = entry->record;
  if (done.ok()) {
    if (kept.tries > 0)
      base::LogInfo("an owed DEL is done", {{"pod", kept.attachment.pod}, {"sandbox", id}});
    entries_.erase(id);
  } else if (!stopping_) {
    ++kept.tries;
    kept.last_error = done.error().message();
    const auto pause = std::min<std::chrono::nanoseconds>(
        options_.longest_pause, options_.first_pause * (1ll << std::min(kept.tries - 1, 20u)));
    entry->due = clock_.Steady() + pause;
    base::LogWarn("a pod's network cannot be taken away, tried again later",
                  {{"pod", kept.attachment.pod},
                   {"sandbox", id},
                   {"tries", kept.tries},
                   {"seconds", std::chrono::duration<double>(pause).count()},
                   {"error", done.error()}});
    (void)Save(kept);  // it is owed already; only the count is lost
  }
  changed_.notify_all();
}

void CniNetwork::Reap() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const base::SteadyTime now = clock_.Steady();
    std::chrono::nanoseconds pause = std::chrono::hours(1);
    for (const auto& [id, entry] : entries_) {
      if (entry->record.state != AttachmentState::kOwed || entry->running) continue;
      if (entry->due > now) {
        pause = std::min<std::chrono::nanoseconds>(pause, entry->due - now);
        continue;
      }
      entry->running = true;
      retries_.Post([this, owed = entry] { Try(owed); });
    }
    if (garbage_ && before_garbage_.empty()) {
      if (garbage_due_ <= now) {
        garbage_ = false;
        asks_.Post([this] { TryGarbage(); });
      } else {
        pause = std::min<std::chrono::nanoseconds>(pause, garbage_due_ - now);
      }
    }
    changed_.wait_for(lock, pause);
  }
}

void CniNetwork::TryGarbage() {
  // A pod that is being added just now must not be taken for garbage.
  const std::unique_lock alone(adding_, std::try_to_lock);
  if (!alone.owns_lock()) {
    const std::lock_guard lock(mutex_);
    garbage_ = true;
    garbage_due_ = clock_.Steady() + options_.first_pause;
    changed_.notify_all();
    return;
  }
  const Result<Loaded> loaded = LoadFirst(options_.conf_dir);
  if (!loaded.ok()) return;  // there is nobody to ask
  std::vector<std::pair<std::string, std::string>> valid;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : entries_) {
      // What is owed has its own DEL coming.
      valid.emplace_back(id, entry->record.attachment.interface);
    }
  }
  const Status done = client_.CollectGarbage(loaded->network, valid);
  if (!done.ok() && done.error().code() != base::Code::kCancelled)
    base::LogWarn("the plugins' GC failed; the next start asks again", {{"error", done.error()}});
}

Status CniNetwork::CollectGarbage(const std::vector<std::string>& live) {
  const std::lock_guard lock(mutex_);
  Status first;
  for (const auto& [id, entry] : entries_) {
    if (entry->record.state != AttachmentState::kOwed) {
      if (std::find(live.begin(), live.end(), id) != live.end()) continue;
      if (Status owed = Owe(id); !owed.ok() && first.ok()) first = std::move(owed);
    }
    before_garbage_.insert(id);
  }
  garbage_ = true;
  garbage_due_ = clock_.Steady();
  changed_.notify_all();
  return first;
}

void CniNetwork::Ask() {
  Result<Loaded> loaded = LoadFirst(options_.conf_dir);
  const Status status = loaded.ok() ? client_.AskStatus(loaded->network) : Status(loaded.error());
  const std::lock_guard lock(mutex_);
  answer_.asking = false;
  answer_.last = status;
  answer_.when = clock_.Steady();
  changed_.notify_all();
}

Status CniNetwork::Ready() {
  std::unique_lock lock(mutex_);
  if (!answer_.asking) {
    answer_.asking = true;
    answer_.since = clock_.Steady();
    asks_.Post([this] { Ask(); });
  }
  const base::SteadyTime asked = answer_.since;
  const base::SteadyTime until = asked + options_.ready_patience;
  const auto answered = [&] { return stopping_ || answer_.since != asked || !answer_.asking; };
  if (const auto left = until - clock_.Steady(); left.count() > 0)
    changed_.wait_for(lock, left, answered);
  // A plugin that does not answer is not the end of the network that it made.
  if (answer_.last) return *answer_.last;
  return base::Unavailable(
      "the network plugins have been asked for their status and have not answered for {} s",
      std::chrono::duration_cast<std::chrono::seconds>(clock_.Steady() - asked).count());
}

std::vector<std::string> CniNetwork::Notes() {
  std::vector<std::string> notes = runner_->UnderWay();
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : entries_) {
    const Record& record = entry->record;
    if (record.state != AttachmentState::kOwed) continue;
    notes.push_back(
        fmt::format("DEL owed for pod {} (sandbox {}), for {} s, {} tries{}", record.attachment.pod,
                    id.substr(0, 12), (clock_.WallNanos() - record.owed_since) / 1'000'000'000,
                    record.tries, record.last_error.empty() ? "" : ": " + record.last_error));
  }
  return notes;
}

size_t CniNetwork::owed() {
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto& [id, entry] : entries_)
    count += entry->record.state == AttachmentState::kOwed ? 1 : 0;
  return count;
}

}  // namespace keelson::cni
