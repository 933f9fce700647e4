// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/view.h"

#include "lib/base/strings.h"

namespace keelson::lifecycle {
namespace {

// The loop wakes at least every five seconds; upstream's limit for calling it stuck is five
// minutes.
constexpr std::chrono::minutes kStuck{5};
constexpr std::chrono::minutes kNotListed{3};

View::Counts CountsOf(const PodPicture& picture) {
  View::Counts counts{.pods = 1, .running_pods = picture.runs ? size_t{1} : 0};
  for (const auto& [name, log] : picture.logs) {
    if (log.present.empty()) continue;
    ++(log.running ? counts.running_containers : counts.exited_containers);
  }
  return counts;
}

}  // namespace

View::Counts& View::Counts::operator+=(const Counts& more) {
  pods += more.pods;
  running_pods += more.running_pods;
  running_containers += more.running_containers;
  exited_containers += more.exited_containers;
  return *this;
}

View::Counts& View::Counts::operator-=(const Counts& less) {
  pods -= less.pods;
  running_pods -= less.running_pods;
  running_containers -= less.running_containers;
  exited_containers -= less.exited_containers;
  return *this;
}

void View::Set(PodPicture picture) {
  auto shared = std::make_shared<const PodPicture>(std::move(picture));
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const PodPicture>& place = pictures_[shared->uid];
  if (place != nullptr) counts_ -= CountsOf(*place);
  counts_ += CountsOf(*shared);
  place = std::move(shared);
}

void View::Remove(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  const auto found = pictures_.find(uid);
  if (found == pictures_.end()) return;
  counts_ -= CountsOf(*found->second);
  pictures_.erase(found);
}

void View::SetFileErrors(std::map<std::string, std::string> errors) {
  const std::lock_guard lock(mutex_);
  file_errors_ = std::move(errors);
}

void View::Beat() {
  const std::lock_guard lock(mutex_);
  beat_ = clock_.Steady();
  beaten_ = true;
}

void View::Listed() {
  const std::lock_guard lock(mutex_);
  listed_ = clock_.Steady();
}

void View::SetRuntimeError(const std::string& error) {
  const std::lock_guard lock(mutex_);
  runtime_error_ = error;
}

void View::SetRuntimeNotReady(const std::string& why) {
  const std::lock_guard lock(mutex_);
  runtime_not_ready_ = why;
}

void View::SetNetworkNotReady(const std::string& why) {
  const std::lock_guard lock(mutex_);
  network_not_ready_ = why;
}

void View::SetPressure(const std::set<eviction::Condition>& conditions) {
  const std::lock_guard lock(mutex_);
  pressure_ = conditions;
}

std::set<eviction::Condition> View::Pressure() const {
  const std::lock_guard lock(mutex_);
  return pressure_;
}

std::vector<std::string> View::NotReady() const {
  std::vector<std::string> reasons;
  const std::string unhealthy = Unhealthy();
  for (const std::string_view line : base::Split(unhealthy, '\n')) {
    if (!line.empty()) reasons.emplace_back(line);
  }
  const std::lock_guard lock(mutex_);
  if (!network_not_ready_.empty()) reasons.push_back(network_not_ready_);
  return reasons;
}

View::Counts View::Count() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

View::Pictures View::Copy() const {
  const std::lock_guard lock(mutex_);
  return pictures_;
}

std::string View::List(bool running_only) const {
  std::string items;
  for (const auto& [uid, picture] : Copy()) {
    if (running_only && !picture->runs) continue;
    items += (items.empty() ? "" : ",") + picture->document;
  }
  return R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)" + items + "]}\n";
}

std::string View::Pods() const { return List(false); }
std::string View::RunningPods() const { return List(true); }

std::shared_ptr<const PodPicture> View::Find(const std::string& namespace_name,
                                             const std::string& pod) const {
  for (const auto& [uid, picture] : Copy()) {
    if (picture->namespace_name == namespace_name && picture->name == pod) return picture;
  }
  return nullptr;
}

base::Result<std::string> View::Explain(const std::string& namespace_name,
                                        const std::string& pod) const {
  if (const auto picture = Find(namespace_name, pod)) return picture->explanation;
  std::string message = "pod \"" + namespace_name + "/" + pod + "\" is not on this node";
  const std::lock_guard lock(mutex_);
  for (const auto& [file, error] : file_errors_) message += "\nrefused: " + error;
  return base::NotFound("{}", message);
}

base::Result<server::NodeView::LogFile> View::Log(const std::string& namespace_name,
                                                  const std::string& pod,
                                                  const std::string& container,
                                                  bool previous) const {
  const auto picture = Find(namespace_name, pod);
  if (picture == nullptr) return base::NotFound("pod \"{}\" does not exist", pod);
  const auto log = picture->logs.find(container);
  if (log == picture->logs.end())
    return base::NotFound("container \"{}\" not found in pod \"{}_{}\"", container, pod,
                          namespace_name);
  const std::string& path = previous ? log->second.previous : log->second.present;
  if (path.empty()) {
    return previous
               ? base::InvalidArgument(
                     "previous terminated container \"{}\" in pod \"{}\" not found", container, pod)
               : base::InvalidArgument("container \"{}\" in pod \"{}\" is waiting to start",
                                       container, pod);
  }
  return LogFile{path, !previous && log->second.running};
}

std::string View::Unhealthy() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  if (beaten_ && clock_.Steady() - beat_ > kStuck)
    text += "syncloop: the loop has not gone round for five minutes\n";
  if (const auto age = clock_.Steady() - listed_; age > kNotListed) {
    text += "pleg: pleg was last seen active " +
            std::to_string(std::chrono::duration_cast<std::chrono::seconds>(age).count()) +
            "s ago; threshold is 3m0s\n";
  }
  if (!runtime_error_.empty()) {
    text += "runtime: " + runtime_error_ + "\n";
  } else if (!runtime_not_ready_.empty()) {
    text += "runtime: " + runtime_not_ready_ + "\n";
  }
  return text;
}

}  // namespace keelson::lifecycle
