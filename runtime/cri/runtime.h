// SPDX-License-Identifier: Apache-2.0
// The runtime's heart: sandboxes and containers, what the CRI may ask of them, and their records.
// Operations block and are called from worker threads; reads copy what is known and never wait for
// an operation. Intent is written before its effect; Recover() finishes or undoes what an earlier
// life left. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "cri-api/container.pb.h"
#include "cri-api/sandbox.pb.h"
#include "lib/async/executor.h"
#include "lib/base/clock.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "runtime/container/log_limit.h"
#include "runtime/container/plan.h"
#include "runtime/container/record.h"
#include "runtime/cri/items.h"
#include "runtime/handlers/handlers.h"
#include "runtime/image/image_service.h"
#include "runtime/monitor/client.h"
#include "runtime/network/network.h"
#include "runtime/operations/operations.h"
#include "runtime/pod_group/pod_groups.h"
#include "runtime/security/apparmor.h"
#include "runtime/security/identity.h"
#include "runtime/security/local_profiles.h"
#include "runtime/security/seccomp.h"
#include "runtime/security/selinux.h"
#include "runtime/stats/targets.h"
#include "runtime/stream/backend.h"
#include "runtime/volume/open_source.h"

namespace keelson::cri_server {

struct Dependencies {
  std::string state_dir;
  std::string run_dir;
  base::Clock& clock;
  monitor::Anchor& anchor;
  network::PodNetwork& network;
  image::ImageService& images;
  security::DefaultPrograms& seccomp;
  security::LocalProfiles& profiles;
  cgroup::Layout cgroups;
  uint64_t available_capabilities = 0;
  std::string boot_id;
  operations::Operations& operations;
  volume::Opener volumes;
  std::string namespaces_program;  // keelson-namespaces
  std::string cgroup_prefix;       // of the name of a container's cgroup, which ends with its id
  security::AppArmor apparmor = {};
  std::vector<std::string> cdi_dirs = {"/etc/cdi", "/var/run/cdi"};  // later ones win
  std::shared_ptr<pod_group::PodGroups> pod_groups = {};             // none: cgroupfs
  std::string cgroup_suffix = {};  // after the container's id in the name of its cgroup
  std::vector<handlers::Handler> handlers = {};  // beside the built-in one
  container::LogLimits log_limits = {};
};

// Copies for readers.
struct SandboxView {
  container::SandboxRecord record;
  ::runtime::v1::PodSandboxConfig config;
};
struct ContainerView {
  container::ContainerRecord record;
  ::runtime::v1::ContainerConfig config;
};

struct ExecOutput {
  std::string out;
  std::string err;
  int32_t exit_code = 0;
};

constexpr char kUnborn[] = ".new-";  // the directory of a container that is being made

class Runtime final : public stats::Source, public stream::Backend {
 public:
  explicit Runtime(Dependencies dependencies);
  ~Runtime() override;

  // Before the first request: reads every record, adopts what lives, finishes or undoes the rest.
  // Bad records are put aside.
  base::Status Recover();

  base::Result<std::string> RunPodSandbox(const ::runtime::v1::PodSandboxConfig& config,
                                          const std::string& handler);
  base::Status StopPodSandbox(const std::string& id);
  base::Status RemovePodSandbox(const std::string& id);
  base::Result<std::string> CreateContainer(const std::string& sandbox_id,
                                            const ::runtime::v1::ContainerConfig& config);
  base::Status StartContainer(const std::string& id);
  base::Status StopContainer(const std::string& id, std::chrono::seconds timeout);
  base::Status RemoveContainer(const std::string& id);
  // At most kMostExecs at once in one pod: a probe that hangs must not take the whole node's
  // threads.
  static constexpr int kMostExecs = 32;
  base::Result<ExecOutput> ExecSync(const std::string& id, const std::vector<std::string>& command,
                                    std::chrono::seconds timeout, std::stop_token stop = {});
  // Calls that give a container time to end return at once from now on: the daemon stops.
  void StopWaiting();
  base::Status ReopenContainerLog(const std::string& id);
  // All that `change` names, or nothing; of a container that waits to be started as well.
  base::Status UpdateContainerResources(const std::string& id,
                                        const ::runtime::v1::LinuxContainerResources& change);
  // Remembered and shown: the pod's cgroup is its parent's owner's to limit. Null: untouched.
  base::Status UpdatePodSandboxResources(const std::string& id,
                                         const ::runtime::v1::LinuxContainerResources* overhead,
                                         const ::runtime::v1::LinuxContainerResources* resources);

  // Streams, from worker threads of their server's. Live commands and attached clients: at most
  // kMostSessions at once in one pod.
  static constexpr int kMostSessions = 128;
  base::Result<std::unique_ptr<stream::Session>> Open(
      const stream::ProcessRequest& wanted,
      std::function<void(const stream::Ended&)> ended) override;
  base::Result<os::UniqueFd> Connect(const std::string& sandbox_id, uint16_t port) override;
  // Who attaches must know whether there is a terminal.
  base::Status CheckAttach(const ContainerView& view, bool tty) const;

  const std::vector<handlers::Handler>& handlers() const { return d_.handlers; }

  // By id or unique prefix; NotFound names it.
  base::Result<SandboxView> GetSandbox(const std::string& id) const;
  base::Result<ContainerView> GetContainer(const std::string& id) const;
  std::vector<SandboxView> ListSandboxes() const;
  std::vector<ContainerView> ListContainers() const;
  std::vector<ContainerView> ListContainers(
      const std::string& sandbox_id) const;  // of one pod, by its whole id
  // As lists show them, by id: no copies, and no more work than a change has made.
  std::vector<SandboxItemPtr> SandboxItems() const;
  std::vector<ContainerItemPtr> ContainerItems() const;
  base::Result<SandboxItemPtr> GetSandboxItem(const std::string& id) const;
  base::Result<ContainerItemPtr> GetContainerItem(const std::string& id) const;
  stats::Targets Live() const override;
  uint64_t Generation() const override { return changes_; }
  const cgroup::Layout& cgroups() const { return d_.cgroups; }
  std::string cgroup_driver() const { return d_.pod_groups->driver(); }
  base::Status NetworkReady() { return d_.network.Ready(); }
  base::Status TakePodSubnet(const std::string& subnet) { return d_.network.TakeSubnet(subnet); }
  const std::string& state_dir() const { return d_.state_dir; }
  std::string DirectoryOf(const std::string& container_id) const {
    return ContainerDir(container_id);
  }
  operations::Operations& operations() { return d_.operations; }
  std::map<std::string, double> Gauges() const;  // what it holds, by metric name
  std::string Describe() const;  // JSON for people: places and what the machine gives

  enum class Event { kCreated, kStarted, kStopped, kDeleted };
  // `id`: a container's, or the sandbox's own; the sandbox as it is, or was last. Called outside
  // every lock, on whichever thread caused it; must not block.
  using EventHandler =
      std::function<void(Event, const std::string& id, const SandboxView& sandbox)>;
  void SetEventHandler(EventHandler handler);

 private:
  struct Sandbox {
    SandboxView view;                                 // guarded by mutex_
    mutable SandboxItemPtr item;                      // guarded by mutex_; none since a change
    std::shared_ptr<monitor::MonitorClient> monitor;  // guarded by mutex_
    int execs = 0;                                    // under way; guarded by mutex_
    // Live commands and attached clients; their sessions may outlive it.
    const std::shared_ptr<std::atomic<int>> sessions = std::make_shared<std::atomic<int>>(0);
    std::mutex operation;  // one change of the pod at a time
    std::mutex record;     // one writer of the record at a time
  };
  struct Container {
    ContainerView view;                                    // guarded by mutex_
    mutable std::shared_ptr<const spec::Process> command;  // guarded by mutex_; none since a change
    mutable ContainerItemPtr item;                         // guarded by mutex_; none since a change
    bool stop_sent = false;                                // guarded by mutex_
    std::stop_source start_unwanted;  // asked: a start need not wait for slow volumes any more
    std::mutex operation;             // start and remove exclude each other
    std::mutex
        record;  // one writer of the record at a time: an end may overtake the start's own words
    bool starting =
        false;  // guarded by mutex_: StartContainer is at work and will find out by itself
    bool ended_meanwhile = false;  // guarded by mutex_: its end is told after its start
  };
  using SandboxPtr = std::shared_ptr<Sandbox>;
  using ContainerPtr = std::shared_ptr<Container>;

  SandboxItemPtr ItemOf(const Sandbox& sandbox) const;        // mutex_ is held
  ContainerItemPtr ItemOf(const Container& container) const;  // mutex_ is held
  SandboxPtr FindSandbox(const std::string& id) const;
  ContainerPtr FindContainer(const std::string& id) const;
  std::vector<ContainerPtr> ContainersOf(const std::string& sandbox_id) const;
  base::Result<monitor::ExecRequest> ExecRequestFor(const ContainerPtr& container,
                                                    const std::vector<std::string>& command) const;
  // What every command in it runs as, but for its words; planned once.
  base::Result<std::shared_ptr<const spec::Process>> CommandOf(const ContainerPtr& container) const;
  base::Result<ExecOutput> ExecNow(const ContainerPtr& container, const SandboxPtr& sandbox,
                                   const std::vector<std::string>& command,
                                   std::chrono::seconds timeout, const std::stop_token& stop);
  std::shared_ptr<monitor::MonitorClient> MonitorOf(const std::string& sandbox_id) const;
  std::shared_ptr<monitor::MonitorClient> MonitorOf(const SandboxPtr& sandbox) const;

  std::string SandboxDir(const std::string& id) const { return d_.state_dir + "/pods/" + id; }
  std::string ContainerDir(const std::string& id) const {
    return d_.state_dir + "/containers/" + id;
  }
  std::string TrashDir() const { return d_.state_dir + "/trash"; }
  // Shortened: a socket below it must fit into 107 bytes (unix(7)).
  std::string PodRunDir(const std::string& id) const {
    return d_.run_dir + "/pods/" + id.substr(0, 24);
  }
  std::string PinDir() const { return d_.run_dir + "/netns"; }
  // Changes the record under the lock and writes it; the callers' order of states is theirs.
  base::Status Update(const SandboxPtr& sandbox,
                      const std::function<void(container::SandboxRecord&)>& change);
  base::Status Update(const ContainerPtr& container,
                      const std::function<void(container::ContainerRecord&)>& change);
  void Emit(Event event, const std::string& id, const SandboxView& sandbox);
  void Emit(Event event, const std::string& container_id, const std::string& sandbox_id);

  base::Result<std::string> MakeSandbox(const ::runtime::v1::PodSandboxConfig& config,
                                        const std::string& handler);
  base::Status BuildSandbox(const SandboxPtr& sandbox);
  base::Status WritePodFiles(const Sandbox& sandbox, const std::vector<std::string>& addresses);
  // Monitor, network, pin, cgroup, from any state. Every part is tried; the first that stays behind
  // is the error, and another try takes it away.
  base::Status TearDownSandbox(const SandboxPtr& sandbox);
  // As above, and what stays behind is said in the log; the sandbox counts as stopping until a
  // client's Stop or Remove ends it.
  bool TearDownOrKeep(const SandboxPtr& sandbox);
  static pod_group::Pod GroupOf(const SandboxView& view);
  monitor::PodSetup SetupOf(const SandboxView& view) const;
  void OnExit(const monitor::ExitRecord& record);
  void RecordExit(const monitor::ExitRecord& record);
  void OnMonitorLost(const std::string& sandbox_id);
  base::Status AdoptSandbox(const SandboxPtr& sandbox);
  base::Status AdoptInTheEnd(const SandboxPtr& sandbox);
  void KillStrangers(const std::string& sandbox_id,
                     const std::vector<monitor::ContainerState>& states);
  // `stuck` has not answered in time: it is ended, and what it knew is its successor's. Nothing
  // happens when it has been replaced already.
  base::Status ReplaceMonitor(const SandboxPtr& sandbox, const monitor::MonitorClient* stuck);
  // Asks the pod's monitor, or the successor of one that is lost or does not answer. Unavailable:
  // nobody can be asked.
  base::Status AskMonitor(const std::string& sandbox_id,
                          const std::function<base::Status(monitor::MonitorClient&)>& ask);
  // What an image's layers say of users never changes: read once an image, for the few read last.
  base::Result<std::shared_ptr<const security::IdentityFiles>> IdentitiesOf(
      const image::Image& image) const;
  // Images that mounts name: found at creation, written down and held like the container's own.
  void NoteVolumeImages(const ::runtime::v1::ContainerConfig& config,
                        container::ContainerRecord& record) const;
  std::map<size_t, image::Image> VolumeImagesOf(const ContainerView& container) const;
  void HoldImages(const container::ContainerRecord& record);
  void ReleaseImages(const container::ContainerRecord& record);
  base::Result<container::Plan> PlanOf(const ContainerView& container,
                                       const SandboxView& sandbox) const;
  // Null: the built-in one. Of a pod whose handler is no longer configured: an error.
  base::Result<const handlers::Handler*> HandlerOf(const std::string& name) const;
  // What `config` wants and the handler's program cannot do.
  base::Status CheckHandler(const std::string& name,
                            const ::runtime::v1::PodSandboxConfig& config) const;
  base::Status CheckHandler(const std::string& name,
                            const ::runtime::v1::ContainerConfig& config) const;
  // Of a container that another OCI runtime makes: what that is told beside the plan.
  base::Status PlanOther(const handlers::Handler& handler, const ContainerView& container,
                         const SandboxView& pod, container::Plan& plan);
  base::Status Launch(const ContainerPtr& container, const SandboxPtr& sandbox,
                      const std::shared_ptr<monitor::MonitorClient>& monitor);
  // After a monitor was lost during a start: true when the container was begun, false when its
  // successor has never heard of it.
  base::Result<bool> AskSuccessor(const ContainerPtr& container,
                                  std::shared_ptr<monitor::MonitorClient> lost);
  base::Status LaunchUntilKnown(const ContainerPtr& container, const SandboxPtr& sandbox);
  // LinuxContainerResources, serialised: `asked` with what the kernel has. Without a pid the score
  // is the one asked for.
  std::string ActualLimits(const cgroup::Group& group,
                           const ::runtime::v1::LinuxContainerResources& asked, int32_t pid) const;
  // Record and configuration together.
  base::Status SetLimits(const ContainerPtr& container,
                         const std::function<void(container::ContainerRecord&)>& change,
                         const ::runtime::v1::LinuxContainerResources& limits);
  void FinishUpdates();  // those that an earlier life left under way
  void SetStarting(const ContainerPtr& container, bool starting);
  // `until_stop`: Unavailable at once when the daemon stops.
  base::Status AwaitExit(const ContainerPtr& container, base::SteadyTime deadline,
                         bool until_stop = false);
  base::Status KillContainer(const container::ContainerRecord&
                                 record);  // every process of it, by whoever is left to do so
  // Out of sight by one rename, then deleted while nobody waits: freeing blocks can take long.
  // Absent is success. What a crash leaves of it goes at the next start.
  base::Status Discard(const std::string& directory);
  void DeleteInBackground(const std::string& path);
  void Quarantine(const std::string& kind, const std::string& id, const base::Error& why);

  Dependencies d_;
  const bool selinux_ = security::SelinuxEnabled();
  mutable std::mutex mutex_;
  bool stopping_ = false;                           // guarded by mutex_
  std::condition_variable changed_;                 // some container's state
  std::atomic<uint64_t> changes_{1};                // of records; written with mutex_
  std::map<std::string, SandboxPtr> sandboxes_;     // guarded by mutex_
  std::map<std::string, ContainerPtr> containers_;  // guarded by mutex_
  std::map<std::string, std::shared_future<base::Result<std::string>>>
      under_way_;  // guarded by mutex_
  // Pods that are being made, which nobody finds yet; true: the monitor is lost. Guarded by mutex_.
  std::map<std::string, bool> making_;
  EventHandler on_event_;  // guarded by mutex_
  mutable std::deque<
      std::pair<std::vector<std::string>, std::shared_ptr<const security::IdentityFiles>>>
      identities_;                 // guarded by mutex_
  std::atomic<int> discarded_{0};  // still to be deleted
  async::Executor deletions_{2};
  async::Executor executor_{8};  // exits and lost monitors; last, so that it ends first
};

}  // namespace keelson::cri_server
