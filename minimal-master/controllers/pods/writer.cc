// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/pods/writer.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace keelson::pods {

bool IsNamespaceEnding(const status::Failure& failure) {
  return std::any_of(
      failure.details.causes.begin(), failure.details.causes.end(),
      [](const status::Cause& cause) { return cause.reason == "NamespaceTerminating"; });
}

bool IsNotFound(const status::Failure& failure) { return failure.code == 404; }

void Writer::Each(size_t count, const std::function<void(size_t)>& work) {
  if (count == 0) return;
  if (count == 1) return work(0);
  std::mutex mutex;
  std::condition_variable done;
  size_t left = count;
  for (size_t i = 0; i < count; ++i) {
    executor_.Post([&, i] {
      work(i);
      const std::lock_guard lock(mutex);
      if (--left == 0) done.notify_all();
    });
  }
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return left == 0; });
}

Writer::Made Writer::Create(const json::Value& owner, size_t count,
                            const std::function<json::Value(size_t)>& make) {
  static const schema::Resource& kPods = control::ResourceNamed("", "pods");
  const std::string& ns = owner.At({"metadata", "namespace"}).AsString();
  Made made;
  std::mutex mutex;
  bool ending = false;
  size_t batch = 1;
  for (size_t next = 0; next < count && !made.failure && !ending; batch *= 2) {
    const size_t size = std::min(batch, count - next);
    Each(size, [&](size_t i) {
      const status::Or<json::Value> pod = One(control::Create(kPods, ns, make(next + i)));
      if (pod.ok()) {
        Record(owner, "Normal", "SuccessfulCreate",
               "Created pod: " + pod->At({"metadata", "name"}).AsString());
      } else if (!IsNamespaceEnding(pod.failure())) {
        Record(owner, "Warning", "FailedCreate", "Error creating: " + pod.failure().message);
      }
      const std::lock_guard lock(mutex);
      if (pod.ok()) {
        ++made.created;
      } else if (IsNamespaceEnding(pod.failure())) {
        ending = true;
      } else if (!made.failure) {
        made.failure = pod.failure();
      }
    });
    next += size;
  }
  return made;
}

std::optional<status::Failure> Writer::Delete(const json::Value& owner,
                                              const std::vector<PodPtr>& pods) {
  static const schema::Resource& kPods = control::ResourceNamed("", "pods");
  std::optional<status::Failure> first;
  std::mutex mutex;
  Each(pods.size(), [&](size_t i) {
    const PodFacts& pod = *pods[i];
    const status::Or<json::Value> gone =
        One(control::Delete(kPods, pod.ns(), pod.name(), pod.uid()));
    if (gone.ok()) {
      Record(owner, "Normal", "SuccessfulDelete", "Deleted pod: " + std::string(pod.name()));
      return;
    }
    // Of another uid: this one is gone as well.
    if (IsNotFound(gone.failure()) || gone.failure().code == 409) return;
    Record(owner, "Warning", "FailedDelete", "Error deleting: " + gone.failure().message);
    const std::lock_guard lock(mutex);
    if (!first) {
      first = gone.failure();
      first->message = "unable to delete pods: " + first->message;
    }
  });
  return first;
}

std::optional<status::Failure> Writer::Do(const std::vector<control::Write>& writes) {
  std::optional<status::Failure> first;
  std::mutex mutex;
  Each(writes.size(), [&](size_t i) {
    const status::Or<json::Value> done = One(writes[i]);
    if (done.ok() || IsNotFound(done.failure())) return;
    const std::lock_guard lock(mutex);
    if (!first) first = done.failure();
  });
  return first;
}

}  // namespace keelson::pods
