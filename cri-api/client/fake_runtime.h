// SPDX-License-Identifier: Apache-2.0
// A CRI runtime in memory, for tests: CRI's rules about names, states, idempotence and codes,
// events, log files on the real disk. What a container's command does is read off its words
// (fake_program.h) or decided by the test. Errors, lost answers and waits are injected per call.
// The contract suite (runtime_contract.h) holds it to what the real runtime does. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "cri-api/client/fake_program.h"
#include "cri-api/client/runtime_client.h"
#include "lib/base/clock.h"

namespace keelson::cri_client {

class FakeRuntime final : public RuntimeClient {
 public:
  explicit FakeRuntime(base::Clock& clock) : clock_(clock) {}

  // --- what a test makes of it. Calls are named as CRI does: "RunPodSandbox", "StartContainer", …
  void AddImage(const std::string& reference, const std::string& user = "");  // is here
  void Publish(const std::string& reference);                                 // can be pulled
  void Publish(const std::string& reference, const std::string& user);        // by that user
  void FailNext(const std::string& call, base::Error error, int times = 1);   // without effect
  void LoseAnswer(const std::string& call,
                  int times = 1);      // the effect happens, the answer does not arrive
  void Hold(const std::string& call);  // calls wait until Release
  void Release(const std::string& call);
  void SetNetworkReady(bool ready);
  void SetEventsSupported(bool supported);  // false: WatchEvents is Unimplemented
  void EndEventStreams();                   // as when the runtime goes away
  // A running container ends by itself; of one that is gone by now, nothing happens.
  void Exit(const std::string& container_id, int32_t code, const std::string& reason = "",
            const std::string& message = "");
  void WriteLog(const std::string& container_id, const std::string& line);
  void LoseSandbox(const std::string& sandbox_id);  // not ready any more, its containers killed
  // Containers of this name do that, whatever their command says, one entry for each start; the
  // last one stays.
  void Script(const std::string& container_name, std::vector<FakeProgram> programs);
  // Sessions are had below this URL: "<url>/exec/<container id>/<words>", "<url>/attach/<id>",
  // "<url>/portforward/<sandbox id>".
  void SetStreamingUrl(const std::string& url);
  void SetStats(std::vector<cri::PodSandboxStats> stats);
  // --- what a test looks at
  std::vector<std::string> Calls() const;  // that change something: "StartContainer web", in order
  int Count(const std::string& call) const;                // of any kind
  std::string ContainerId(const std::string& name) const;  // the newest of that name; empty: none
  cri::ContainerConfig Config(const std::string& container_id) const;
  cri::PodSandboxConfig SandboxConfig(const std::string& sandbox_id) const;

  // --- RuntimeClient
  base::Result<cri::VersionResponse> Version() override;
  base::Result<cri::StatusResponse> Status() override;
  base::Result<cri::RuntimeConfigResponse> RuntimeConfig() override;
  base::Status UpdateRuntimeConfig(const std::string& pod_cidr) override;
  base::Result<std::string> RunPodSandbox(const cri::PodSandboxConfig& config,
                                          const std::string& handler) override;
  base::Status StopPodSandbox(const std::string& id) override;
  base::Status RemovePodSandbox(const std::string& id) override;
  base::Result<cri::PodSandboxStatus> PodSandboxStatus(const std::string& id) override;
  base::Result<std::vector<cri::PodSandbox>> ListPodSandboxes() override;
  base::Result<std::string> CreateContainer(const std::string& sandbox_id,
                                            const cri::ContainerConfig& config,
                                            const cri::PodSandboxConfig& sandbox_config) override;
  base::Status StartContainer(const std::string& id) override;
  base::Status StopContainer(const std::string& id, std::chrono::seconds grace) override;
  base::Status RemoveContainer(const std::string& id) override;
  base::Result<std::vector<cri::Container>> ListContainers() override;
  base::Result<cri::ContainerStatus> ContainerStatus(const std::string& id) override;
  base::Status ReopenContainerLog(const std::string& id) override;
  base::Result<cri::ExecSyncResponse> ExecSync(const std::string& id,
                                               const std::vector<std::string>& command,
                                               std::chrono::seconds timeout) override;
  base::Result<std::string> Exec(const cri::ExecRequest& request) override;
  base::Result<std::string> Attach(const cri::AttachRequest& request) override;
  base::Result<std::string> PortForward(const cri::PortForwardRequest& request) override;
  base::Result<std::vector<cri::PodSandboxStats>> ListPodSandboxStats() override;
  base::Result<std::vector<cri::MetricDescriptor>> ListMetricDescriptors() override;
  base::Result<std::vector<cri::PodSandboxMetrics>> ListPodSandboxMetrics() override;
  base::Status CheckpointContainer(const std::string& id, const std::string& location,
                                   std::chrono::seconds timeout) override;
  base::Result<std::string> PullImage(const cri::ImageSpec& image, const cri::AuthConfig* auth,
                                      const cri::PodSandboxConfig& sandbox_config,
                                      std::stop_token stop) override;
  base::Result<cri::ImageStatusResponse> ImageStatus(const std::string& reference) override;
  base::Result<std::vector<cri::Image>> ListImages() override;
  base::Status RemoveImage(const std::string& reference) override;
  base::Result<cri::ImageFsInfoResponse> ImageFsInfo() override;
  base::Status WatchEvents(
      std::stop_token stop,
      const std::function<void(const cri::ContainerEventResponse&)>& on_event) override;

 private:
  struct Sandbox {
    cri::PodSandboxStatus status;
    cri::PodSandboxConfig config;
  };
  struct Container {
    cri::ContainerStatus status;
    cri::ContainerConfig config;
    std::string sandbox_id;
    FakeProgram program;
  };
  struct Injected {
    std::deque<base::Error> errors;
    int lost_answers = 0;
    int held = 0;
  };
  using Lock = std::unique_lock<std::mutex>;
  // Notes the call, waits while it is held, and takes an injected error.
  base::Status Enter(Lock& lock, const std::string& call, const std::string& subject,
                     const std::stop_token& stop = {});
  base::Status Leave(const std::string& call);  // the answer may be lost
  int64_t Now();                                // no two alike
  void Emit(cri::ContainerEventType type, const std::string& container_id,
            const std::string& sandbox_id);
  void End(Container& container, int32_t code, const std::string& reason,
           const std::string& message);
  void StopSandboxLocked(Sandbox& sandbox);
  void RemoveContainerLocked(const std::string& id);
  void AppendLog(Container& container, const std::string& text, const char* stream);

  base::Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  int64_t last_time_ = 0;  // all below are guarded by mutex_
  uint32_t next_id_ = 1;
  bool network_ready_ = true;
  bool events_supported_ = true;
  uint64_t stream_life_ = 0;
  std::string streaming_url_ = "http://127.0.0.1:1";
  std::vector<cri::PodSandboxStats> stats_;
  std::map<std::string, Sandbox> sandboxes_;
  std::map<std::string, Container> containers_;
  std::map<std::string, cri::Image> images_;  // by reference
  std::set<std::string> published_;
  std::map<std::string, std::string> private_;  // by reference, who may pull it
  std::map<std::string, Injected> injected_;
  std::map<std::string, std::deque<FakeProgram>> scripts_;
  std::vector<std::string> calls_;
  std::map<std::string, int> counts_;
  std::list<std::deque<cri::ContainerEventResponse>*> watchers_;
};

}  // namespace keelson::cri_client
