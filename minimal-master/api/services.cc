// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/services.h"

#include <random>

#include "minimal-master/storage/storage.h"

namespace keelson::api {

uint64_t Services::Chance(uint64_t bound) {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random);
}

status::Or<std::unique_lock<std::mutex>> Services::Give(const watch::Cache& cache,
                                                        const std::string& key,
                                                        json::Value& service) {
  std::unique_lock lock(mutex_);
  if (ranges_.services.empty()) return lock;
  allocation::Taken taken;
  cache.Current().ForEach(
      storage::KeyPrefix("", "services"), "", [&](const watch::ObjectPtr& object) {
        if (object->key() == key) return true;
        const base::Result<json::Value> other = json::ParseJson(object->bytes().view());
        if (other.ok()) taken.Add(*other);
        return true;
      });
  const std::vector<kube::Problem> problems =
      allocation::Allocate(service, ranges_, taken, random_);
  if (problems.empty()) return lock;
  return status::Invalid("", "Service", service.At({"metadata", "name"}).AsString(), problems);
}

}  // namespace keelson::api
