// SPDX-License-Identifier: Apache-2.0
// metrics.k8s.io of this cluster: readings of all nodes, kept, and told with the labels that the
// cache knows. Thread-safe; `cache` and `clock` outlive it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "minimal-master/schema/resources.h"
#include "minimal-master/usage/objects.h"
#include "minimal-master/usage/scraper.h"
#include "minimal-master/watch/cache.h"

namespace keelson::usage {

class Served {
 public:
  static base::Result<std::unique_ptr<Served>> Start(watch::Cache& cache, const base::Clock& clock,
                                                     Scraper::Options options);

  // Nothing: the resource is none of ours.
  std::optional<std::vector<json::Value>> Objects(const schema::Resource& resource,
                                                  const std::string& ns) const;
  std::optional<PodUse> Pod(const std::string& ns, const std::string& name) const;
  std::vector<NodeUse> Nodes() const { return usage_.Nodes(Since()); }
  std::map<std::string, std::vector<Point>> Past() const { return usage_.Past(); }
  void SetCertificate(const std::string& certificate, const std::string& key) {
    scraper_->SetCertificate(certificate, key);
  }

 private:
  Served(watch::Cache& cache, const base::Clock& clock) : cache_(cache), clock_(clock) {}
  int64_t Since() const;
  std::optional<json::Value> Labels(const std::string& ns, const std::string& name) const;

  watch::Cache& cache_;
  const base::Clock& clock_;
  int64_t lives_millis_ = 0;
  Usage usage_;
  std::unique_ptr<Scraper> scraper_;
};

}  // namespace keelson::usage
