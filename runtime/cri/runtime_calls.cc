// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/runtime_server.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>

#include "lib/os/files.h"
#include "runtime/cri/convert.h"

namespace keelson::cri_server {
namespace {

// Layers with mapped owners below an overlay: since 5.19.
bool KernelMapsOwners() {
  utsname name{};
  if (uname(&name) != 0 || !os::Exists("/proc/self/ns/user")) return false;
  int major = 0, minor = 0;
  if (std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 5 || (major == 5 && minor >= 19);
}

stats::Sampler::Options SamplerOptions(const Runtime& runtime) {
  stats::Sampler::Options options;
  options.collector.cgroups = runtime.cgroups();
  options.collector.filesystem = runtime.state_dir();
  // A quarter of what this process may open: the rest is for pods.
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0)
    options.collector.most_descriptors =
        static_cast<int>(std::min<rlim_t>(files.rlim_cur / 4, 8192));
  return options;
}

}  // namespace

RuntimeServer::RuntimeServer(Runtime& runtime, base::Clock& clock, async::Executor& executor,
                             async::Executor& execs)
    : runtime_(runtime),
      clock_(clock),
      executor_(executor),
      execs_(execs),
      sampler_(runtime, clock, SamplerOptions(runtime)) {
  runtime_.SetEventHandler([this](Runtime::Event event, const std::string& id,
                                  const SandboxView& sandbox) { OnEvent(event, id, sandbox); });
}

RuntimeServer::~RuntimeServer() { runtime_.SetEventHandler(nullptr); }

Reactor* RuntimeServer::Version(Context* context, const cri::VersionRequest*,
                                cri::VersionResponse* response) {
  response->set_version("0.1.0");
  response->set_runtime_name("keelson");
  response->set_runtime_version(KEELSON_VERSION);
  response->set_runtime_api_version("v1");
  return Answer(context, grpc::Status::OK);
}

Reactor* RuntimeServer::Status(Context* context, const cri::StatusRequest* request,
                               cri::StatusResponse* response) {
  // Asking the network may make its bridge anew: not on this thread.
  return Run(executor_, runtime_.operations(), context, "Status", "",
             [this, request, response]() -> base::Status {
               if (request->verbose()) {
                 const std::string described = runtime_.Describe();
                 // Clients of containerd look for stateDir in "config".
                 for (const char* key : {"info", "config"})
                   (*response->mutable_info())[key] = described;
               }
               cri::RuntimeCondition& ready = *response->mutable_status()->add_conditions();
               ready.set_type("RuntimeReady");
               ready.set_status(true);
               cri::RuntimeCondition& network = *response->mutable_status()->add_conditions();
               network.set_type("NetworkReady");
               const base::Status state = runtime_.NetworkReady();
               network.set_status(state.ok());
               if (!state.ok()) {
                 network.set_reason("NetworkNotReady");
                 network.set_message(state.error().message());
               }
               const bool user_namespaces = KernelMapsOwners();
               const auto add = [response](const std::string& name, bool read_only, bool users) {
                 cri::RuntimeHandler& handler = *response->add_runtime_handlers();
                 handler.set_name(name);
                 handler.mutable_features()->set_recursive_read_only_mounts(read_only);
                 handler.mutable_features()->set_user_namespaces(users);
               };
               for (const char* name : {"", "keelson"}) add(name, true, user_namespaces);
               for (const handlers::Handler& other : runtime_.handlers()) {
                 add(other.settings.name, other.features.recursive_read_only,
                     other.features.user_namespaces && user_namespaces);
               }
               response->mutable_features()->set_supplemental_groups_policy(true);
               response->mutable_features()->set_mount_options(true);
               response->mutable_features()->set_user_namespaces_host_network(user_namespaces);
               return {};
             });
}

Reactor* RuntimeServer::RuntimeConfig(Context* context, const cri::RuntimeConfigRequest*,
                                      cri::RuntimeConfigResponse* response) {
  response->mutable_linux()->set_cgroup_driver(
      runtime_.cgroup_driver() == "systemd" ? cri::SYSTEMD : cri::CGROUPFS);
  return Answer(context, grpc::Status::OK);
}

// Counts where the pods' subnet is left to the cluster; kubelets tell theirs in any case.
Reactor* RuntimeServer::UpdateRuntimeConfig(Context* context,
                                            const cri::UpdateRuntimeConfigRequest* request,
                                            cri::UpdateRuntimeConfigResponse*) {
  return Run(executor_, runtime_.operations(), context, "UpdateRuntimeConfig", "",
             [this, request]() -> base::Status {
               return runtime_.TakePodSubnet(request->runtime_config().network_config().pod_cidr());
             });
}

grpc::ServerWriteReactor<cri::ContainerEventResponse>* RuntimeServer::GetContainerEvents(
    Context* context, const cri::GetEventsRequest*) {
  return streams_.Add(context);
}

void RuntimeServer::OnEvent(Runtime::Event event, const std::string& id,
                            const SandboxView& sandbox) {
  if (streams_.Empty()) return;
  const auto message = std::make_shared<cri::ContainerEventResponse>();
  message->set_container_id(id);
  message->set_container_event_type(static_cast<cri::ContainerEventType>(event));
  message->set_created_at(clock_.WallNanos());
  *message->mutable_pod_sandbox_status() = ToStatus(sandbox);
  for (const ContainerView& view : runtime_.ListContainers(sandbox.record.id))
    *message->add_containers_statuses() = FullStatus(runtime_, view);
  streams_.ForEach([&message](EventStream* stream) { stream->Push(message); });
}

}  // namespace keelson::cri_server
