// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/front/figures.h"

#include <map>
#include <string>
#include <utility>

#include "lib/meter/process.h"
#include "minimal-master/schema/resources.h"
#include "minimal-master/storage/storage.h"

namespace keelson::front {
namespace {

using meter::Registry;
using Reads = std::vector<Registry::Read>;

struct Stored {
  std::string group;
  std::string resource;
};

// Where each resource lies; one that is served in several versions or groups lies once.
const std::map<std::string, Stored>& Places() {
  static const std::map<std::string, Stored> places = [] {
    std::map<std::string, Stored> out;
    for (const schema::Resource& resource : schema::Resources())
      out.try_emplace(storage::PrefixOf(resource, ""),
                      Stored{std::string(resource.group()), std::string(resource.name())});
    return out;
  }();
  return places;
}

double Number(int64_t value) { return static_cast<double>(value); }

}  // namespace

void AddStorage(Registry& registry, store::Store& store, const watch::Cache& cache) {
  const auto counts = [&cache](bool grouped) {
    const watch::Snapshot snapshot = cache.Current();
    Reads out;
    for (const auto& [prefix, stored] : Places()) {
      const auto count = static_cast<double>(snapshot.Count(prefix));
      if (count == 0) continue;
      if (grouped)
        out.push_back({{stored.group, stored.resource}, count});
      else
        out.push_back({{status::Qualified(stored.resource, stored.group)}, count});
    }
    return out;
  };
  registry.ReadGauges("apiserver_storage_objects", "Objects that are kept, by resource.",
                      {"resource"}, [counts] { return counts(false); });
  registry.ReadGauges("apiserver_resource_objects", "Objects that are kept, by resource.",
                      {"group", "resource"}, [counts] { return counts(true); });
  registry.ReadGauges(
      "apiserver_storage_size_bytes", "The database on the disk.", {"storage_cluster_id"},
      [&store] {
        const base::Result<store::Stats> stats = store.GetStats();
        if (!stats.ok()) return Reads();
        return Reads{{{stats->backend}, Number(stats->file_bytes + stats->wal_bytes)}};
      });
  registry.ReadGauges("apiserver_watch_cache_resource_version",
                      "The newest revision that watches and lists are served from.",
                      {"group", "resource"},
                      [&cache] { return Reads{{{"", ""}, Number(cache.revision())}}; });
  // What upstream has no name for.
  registry.ReadGauges("keelson_watchers", "Watches that are open.", {}, [&cache] {
    return Reads{{{}, static_cast<double>(cache.GetStats().watchers)}};
  });
  registry.ReadGauges(
      "keelson_watch_history_bytes", "What is kept for watches that resume.", {},
      [&cache] { return Reads{{{}, static_cast<double>(cache.GetStats().history_bytes)}}; });
  registry.ReadGauges("keelson_store_full", "1: the last commit found no room.", {}, [&store] {
    const base::Result<store::Stats> stats = store.GetStats();
    return Reads{{{}, stats.ok() && stats->full ? 1.0 : 0.0}};
  });
  registry.ReadCounters("keelson_store_commits_total", "Commits since the start.", {}, [&store] {
    const base::Result<store::Stats> stats = store.GetStats();
    return stats.ok() ? Reads{{{}, Number(stats->commits)}} : Reads();
  });
}

void AddQueues(Registry& registry, std::function<std::vector<control::QueueStats>()> queues) {
  const auto each = [queues = std::move(queues)](auto value) {
    return [queues, value] {
      Reads out;
      for (const control::QueueStats& queue : queues())
        out.push_back({{queue.controller}, static_cast<double>(value(queue))});
      return out;
    };
  };
  using control::QueueStats;
  registry.ReadGauges("workqueue_depth", "Keys that wait for a controller.", {"name"},
                      each([](const QueueStats& queue) { return queue.waiting; }));
  registry.ReadCounters("workqueue_adds_total", "Keys that controllers were given.", {"name"},
                        each([](const QueueStats& queue) { return queue.added; }));
  registry.ReadCounters("workqueue_retries_total", "Keys that controllers have to try again.",
                        {"name"}, each([](const QueueStats& queue) { return queue.failed; }));
}

void AddProgram(Registry& registry, std::string_view version) {
  meter::AddProcess(registry);
  registry
      .Gauges("kubernetes_build_info", "1, with the version as labels.",
              {"git_version", "major", "minor", "platform"})
      .With({version, "1", "35", "linux/amd64"})
      .Set(1);
}

api::Answer MetricsPage(const Registry& registry) {
  api::Answer answer = api::PlainText(200, registry.Text());
  answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return answer;
}

}  // namespace keelson::front
