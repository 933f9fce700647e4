// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/usage/served.h"

#include "minimal-master/storage/storage.h"

namespace keelson::usage {
namespace {

constexpr int kPeriodsThatCount = 4;  // what was not read for so long is told no longer

}  // namespace

base::Result<std::unique_ptr<Served>> Served::Start(watch::Cache& cache, const base::Clock& clock,
                                                    Scraper::Options options) {
  std::unique_ptr<Served> out(new Served(cache, clock));
  out->lives_millis_ = options.period.count() * kPeriodsThatCount;
  const auto nodes = [&cache] {
    std::vector<json::Value> all;
    cache.Current().ForEach(
        storage::KeyPrefix("", "nodes"), {}, [&](const watch::ObjectPtr& object) {
          if (base::Result<json::Value> node = json::ParseJson(object->bytes().view()); node.ok())
            all.push_back(*std::move(node));
          return true;
        });
    return all;
  };
  ASSIGN_OR_RETURN(out->scraper_, Scraper::Start(out->usage_, nodes, clock, std::move(options)));
  return out;
}

int64_t Served::Since() const { return clock_.WallNanos() / 1'000'000 - lives_millis_; }

std::optional<json::Value> Served::Labels(const std::string& ns, const std::string& name) const {
  const watch::ObjectPtr object =
      cache_.Find(ns.empty() ? storage::KeyPrefix("", "nodes") + name
                             : storage::KeyPrefix("", "pods") + ns + "/" + name);
  if (!object) return std::nullopt;
  json::Value labels;
  for (const auto& [key, value] : object->labels()) labels.Set(key, json::Value(value));
  return labels;
}

std::optional<std::vector<json::Value>> Served::Objects(const schema::Resource& resource,
                                                        const std::string& ns) const {
  if (resource.group() != "metrics.k8s.io") return std::nullopt;
  const LabelsOf labels = [this](const std::string& of, const std::string& name) {
    return Labels(of, name);
  };
  return resource.namespaced() ? PodMetrics(usage_.Pods(Since(), ns), labels, clock_.WallNanos())
                               : NodeMetrics(usage_.Nodes(Since()), labels, clock_.WallNanos());
}

std::optional<PodUse> Served::Pod(const std::string& ns, const std::string& name) const {
  return usage_.Pod(Since(), {ns, name});
}

}  // namespace keelson::usage
