// SPDX-License-Identifier: Apache-2.0
// The kubelet's heart: one thread that owns all facts, lets the planner decide and hands actions to
// workers. Sources, the lifecycle event generator, probes and finished actions all come in as
// posted events; nothing else touches the facts, so there are no locks. An action's effect must be
// seen before the pod is planned again. Readers get immutable views.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "kubelet/lifecycle/applier.h"
#include "kubelet/lifecycle/cluster.h"
#include "kubelet/lifecycle/journal.h"
#include "kubelet/lifecycle/shortage.h"
#include "kubelet/lifecycle/view.h"
#include "kubelet/log_rotation/log_rotation.h"
#include "kubelet/pleg/pleg.h"
#include "kubelet/pod/admission.h"
#include "kubelet/probe/probes.h"
#include "kubelet/source/file_source.h"
#include "kubelet/status/status.h"
#include "lib/async/executor.h"
#include "lib/base/clock.h"
#include "lib/os/event_loop.h"

namespace keelson::lifecycle {

struct AgentDependencies {
  os::EventLoop& loop;       // the agent's thread runs it
  async::Executor& workers;  // for actions
  base::Clock& clock;
  cri_client::RuntimeClient& runtime;
  Applier& applier;
  volume::Volumes& volumes;
  node_cgroup::PodCgroups& cgroups;
  const pod::NodeSettings& node;
  pod::AdmissionRules admission;
  status::NodeAddresses addresses;
  log_rotation::Limits logs;
  std::function<void()> reload_objects;  // reads ConfigMaps and Secrets anew; from a worker
  View& view;                            // what readers see
  std::chrono::nanoseconds sync_frequency =
      std::chrono::minutes(1);  // each pod is looked at again then, more or less
  int64_t restart_cap = pod::kBackoffCap;
  std::chrono::nanoseconds log_check = std::chrono::seconds(10);
  std::function<base::Status(bool remove)> collect_images =
      {};                      // from a worker, one at a time; looks only, or removes too
  Cluster* cluster = nullptr;  // null: the node is alone; else its pods are waited for as well
  std::optional<ShortageSettings> shortage =
      {};  // nothing: what is left on the node is not watched
};

class Agent {
 public:
  explicit Agent(AgentDependencies dependencies);
  ~Agent();
  // Set once, before Run: they are made with handlers that call back here.
  void Connect(pleg::Pleg& pleg, probe::Probes& probes) {
    pleg_ = &pleg;
    probes_ = &probes;
  }
  // Any thread.
  void OnFiles(source::FileSet files);
  void OnSnapshot(std::shared_ptr<const pleg::Snapshot> snapshot);
  void OnRuntimeError(const base::Error& error);
  void OnHealth(const std::string& pod_uid);
  void OnProbeFailure(const std::string& pod_uid, const std::string& container,
                      const std::string& text);
  // The agent's thread: asks the runtime how it is, now instead of at the next look.
  void CheckRuntime();
  // The agent's thread, before the loop runs.
  void Begin();
  // The agent's thread: pods of an API server, by uid. `status`: what the server has.
  void SetApiPod(kube::Pod pod, const json::Value& status);
  void RemoveApiPod(const std::string& uid);
  void ApiSynced();  // all of them were told once

 private:
  struct Entry {
    pod::Facts facts;
    Context context;
    sync::Plan plan;
    uint64_t needs_sequence = 0;  // not planned on a snapshot older than this
    os::EventLoop::TimerId wake = 0;
    std::map<std::string, std::string> image_refs;  // by container name
    Journal events;                                 // the last ones, for people
    json::Value status;                             // as it was shown last
    std::set<std::string> ends_noted;  // ids of containers whose end is among the events
    std::string refresh_failure;       // told once
    bool network_told = false;         // that it waits for the network
    std::set<std::string> adopted;     // ids of containers that ran before this kubelet did
    std::map<std::string, pod::HealthFact>
        health_before;         // what that life's probes had said of them
    std::string health_saved;  // what is on the disk
    std::stop_source stop_pulls;
    bool orphan = false;
    bool settled = false;            // the cluster knows its end
    std::set<std::string> preempts;  // uids of pods that must end before this one begins
    std::string preempted_by;        // uid of the pod that this one makes room for
  };
  using EntryPtr = std::shared_ptr<Entry>;

  void Reconcile();
  void AdoptWanted();
  void Adopt(const kube::Pod& pod);
  bool WasTaken(const kube::Pod& pod) const;
  void AdmitNew(Entry& entry);
  void Preempt(Entry& entry, Entry& victim);
  void AwaitRoom(Entry& entry);
  void AddOrphan(const kube::ObjectMeta& metadata);
  void Delete(Entry& entry, int64_t grace_seconds);
  void Resume(Entry& entry, const json::Value& status);
  void Show(Entry& entry, const json::Value& status);
  bool SourcesReady() const { return files_ready_ && (d_.cluster == nullptr || api_ready_); }
  void SyncPod(const std::string& uid);
  void RefreshHealth(Entry& entry);
  void Start(const EntryPtr& entry, const sync::Action& action);
  void Finish(const EntryPtr& entry, const sync::Action& action, const Outcome& outcome);
  void Fail(Entry& entry, const sync::Action& action, const Outcome& outcome);
  void Publish(Entry& entry);
  void Note(Entry& entry, bool warning, const std::string& reason, const std::string& message,
            const std::map<std::string, std::string>& annotations = {});
  void WatchShortage();
  std::vector<Shortage::Subject> PodsThatCount() const;
  std::vector<std::function<void()>> Remains();
  void Evict(const std::string& uid, pod::End end, const eviction::Notice& notice);
  void RotateLogs();
  void CollectImages(bool remove);
  void RefreshShares();
  void SaveHealth(const EntryPtr& entry);
  void RecallHealth(Entry& entry, const std::string& path);
  std::string HealthFile(const std::string& uid) const {
    return d_.volumes.PodDir(uid) + "/health.json";
  }
  int64_t NextLook(const Entry& entry, int64_t now);
  void RefreshVolumes();
  void NoteEnds(Entry& entry, const pod::Observed& now);
  int64_t Now() const { return d_.clock.WallNanos(); }

  AgentDependencies d_;
  pleg::Pleg* pleg_ = nullptr;
  probe::Probes* probes_ = nullptr;
  std::map<std::string, EntryPtr> entries_;  // by uid
  std::map<std::string, kube::Pod> wanted_;  // by uid: what the sources say
  std::set<std::string> renewed_;            // of these, what they said since the last Reconcile
  struct FromApi {
    json::Value status;     // until it is adopted
    bool finished = false;  // it was deleted, and nothing of it is left here
  };
  std::map<std::string, FromApi> from_api_;  // by uid
  bool files_ready_ = false, api_ready_ = false;
  bool swept_ = false;  // what earlier lives left on disk was looked for
  std::shared_ptr<const pleg::Snapshot> snapshot_;
  bool network_ready_ = true;
  std::string network_message_;
  bool recursive_read_only_ = false;  // the runtime can do it
  std::map<std::string, std::string> file_errors_;
  std::minstd_rand random_{std::random_device{}()};
  std::string image_gc_failure_;    // told once
  std::set<std::string> rotating_;  // container ids whose log is being turned over
  std::optional<Shortage> shortage_;
};

}  // namespace keelson::lifecycle
