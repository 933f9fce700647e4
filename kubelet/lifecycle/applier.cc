// SPDX-License-Identifier: Apache-2.0
#include "kubelet/lifecycle/applier.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "kubelet/image/pull_secrets.h"
#include "kubelet/pod/environment.h"
#include "kubelet/pod/names.h"
#include "lib/base/fail_point.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"

namespace keelson::lifecycle {
namespace {

Outcome Failed(std::string reason, base::Error error) {
  Outcome outcome;
  outcome.status = std::move(error);
  outcome.reason = std::move(reason);
  return outcome;
}
Outcome Of(base::Status status) {
  Outcome outcome;
  outcome.status = std::move(status);
  return outcome;
}

// One more than the highest log that an earlier life of the node left.
uint32_t FirstAttempt(const std::string& directory) {
  uint32_t first = 0;
  const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(directory);
  if (!entries.ok()) return 0;
  for (const os::DirEntry& entry : *entries) {
    const auto number =
        base::ParseUint64(std::string_view(entry.name).substr(0, entry.name.find('.')));
    if (number && *number < UINT32_MAX) first = std::max(first, static_cast<uint32_t>(*number) + 1);
  }
  return first;
}

// The file and those that it was turned over into: 0.log, 0.log.20260102-030405.gz.
void RemoveLogs(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return;
  const std::string directory = path.substr(0, slash), name = path.substr(slash + 1);
  const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(directory);
  if (!entries.ok() || name.empty()) return;
  for (const os::DirEntry& entry : *entries) {
    if (entry.name == name || entry.name.starts_with(name + "."))
      (void)os::RemoveFile(directory + "/" + entry.name);
  }
}

// Runtimes say some reasons in words that kubelets look for.
std::string ReasonOfPull(const base::Error& error) {
  if (error.code() == base::Code::kInvalidArgument) return "InvalidImageName";
  for (const char* reason : {"RegistryUnavailable", "SignatureValidationFailed"}) {
    if (error.message().find(reason) != std::string::npos) return reason;
  }
  return "ErrImagePull";
}

std::function<void(const std::string&, const std::string&)> WarningsTo(const Context& context) {
  return [tell = context.tell](const std::string& reason, const std::string& message) {
    if (tell) tell(true, reason, message);
  };
}

bool AlreadyGone(const base::Status& status) {
  return !status.ok() && status.error().code() == base::Code::kNotFound;
}

}  // namespace

Outcome Applier::Apply(const sync::Action& action, const Context& context,
                       const std::stop_token& stop) {
  return std::visit([&](const auto& a) { return Do(a, context, stop); }, action);
}

Outcome Applier::Do(const sync::Prepare&, const Context& context, const std::stop_token&) {
  Outcome outcome;
  const kube::ObjectMeta& metadata = context.pod.metadata;
  base::Result<std::string> parent = d_.cgroups.Ensure(context.pod);
  if (!parent.ok()) return Failed("FailedCreatePodContainer", parent.error());
  FAIL_POINT("kubelet.prepare.cgroup");
  outcome.cgroup_parent = std::move(parent).value();
  const std::string logs = pod::PodLogDirectory(d_.node.logs, metadata);
  for (const std::string& directory : {d_.volumes.PodDir(metadata.uid), logs}) {
    if (const base::Status made = os::MakeDirs(directory, 0755); !made.ok())
      return Failed("FailedMount", made.error());
  }
  FAIL_POINT("kubelet.prepare.directories");
  kube::ForEachContainer(context.pod.spec, [&](const kube::Container& container) {
    outcome.first_attempts[container.name] = FirstAttempt(logs + "/" + container.name);
  });
  const volume::DownwardValues values =
      pod::DownwardOf(context.pod, d_.node.names, {}, d_.node.allocatable);
  base::Result<std::map<std::string, std::string>> paths =
      d_.volumes.SetUp(context.pod, values, &outcome.volume_failures);
  if (!paths.ok()) {
    outcome.status = paths.error();
    outcome.reason = "FailedMount";
    return outcome;
  }
  FAIL_POINT("kubelet.prepare.volumes");
  outcome.volume_paths = std::move(paths).value();
  return outcome;
}

Outcome Applier::Do(const sync::CreateSandbox& action, const Context& context,
                    const std::stop_token&) {
  pod::NodeSettings node = d_.node;
  if (!node.resolver_file.empty()) {
    const base::Result<std::string> text = os::ReadFile(node.resolver_file);
    if (text.ok()) node.host_resolver = pod::ParseResolvConf(*text);
  }
  const base::Result<cri::PodSandboxConfig> config =
      pod::SandboxConfig(context.pod, node, context.cgroup_parent, action.attempt);
  if (!config.ok()) return Failed("ConfigPodSandboxError", config.error());
  const base::Result<std::string> id =
      d_.runtime.RunPodSandbox(*config, context.pod.spec.runtime_class_name);
  FAIL_POINT("kubelet.sandbox.made");
  if (!id.ok()) return Failed("CreatePodSandboxError", id.error());
  Outcome outcome;
  pod::ResolverSettings resolver =
      pod::PodResolver(context.pod, node.cluster_dns, node.host_resolver);
  outcome.dns_notes = std::move(resolver.notes);
  outcome.cluster_dns_missing = resolver.cluster_dns_missing;
  return outcome;
}

Outcome Applier::Do(const sync::EnsureImage& action, const Context& context,
                    const std::stop_token& stop) {
  const kube::Container& container = *kube::FindContainer(context.pod.spec, action.container);
  Outcome outcome;
  const std::vector<kube::ConfigObject> secrets = PullSecrets(context);
  const auto credentials = [&] { return image_gc::CredentialsFor(container.image, secrets); };
  image_gc::PullRecords* records = d_.pull_records;
  if (records != nullptr) records->Settle([this](const std::string& image) { return Find(image); });
  const base::Result<cri::ImageStatusResponse> present = d_.runtime.ImageStatus(container.image);
  if (!present.ok() && present.error().code() == base::Code::kInvalidArgument)
    return Failed("InvalidImageName", present.error());
  if (!present.ok()) return Failed("ImageInspectError", present.error());
  bool usable = present->has_image();
  if (usable && records != nullptr && container.image_pull_policy != "Always") {
    const base::Result<bool> must_pull =
        records->MustPull(container.image, present->image().id(), credentials);
    if (!must_pull.ok()) return Failed("ErrImagePull", must_pull.error());
    usable = !*must_pull;
  }
  if (usable && container.image_pull_policy != "Always") {
    outcome.image_ref = present->image().id();
    return outcome;
  }
  // The same words where it is there and not this pod's to use: that it is there is not told.
  if (container.image_pull_policy == "Never") {
    return Failed(
        "ErrImageNeverPull",
        base::FailedPrecondition("Container image \"{}\" is not present with pull policy of Never",
                                 container.image));
  }
  cri::ImageSpec spec;
  spec.set_image(container.image);
  const base::Result<cri::PodSandboxConfig> config =
      pod::SandboxConfig(context.pod, d_.node, context.cgroup_parent, 0);
  if (!config.ok()) return Failed("ConfigPodSandboxError", config.error());
  using Time = std::chrono::steady_clock;
  const auto since = [](Time::time_point begin) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Time::now() - begin);
  };
  const Time::time_point asked = Time::now();
  std::optional<image_gc::PullGate::Turn> turn;
  if (d_.pulls != nullptr) {
    base::Result<image_gc::PullGate::Turn> entered = d_.pulls->Enter(stop);
    if (!entered.ok()) return Failed("ErrImagePull", entered.error());
    turn.emplace(std::move(entered).value());
  }
  base::Result<std::vector<image_gc::Credential>> own = credentials();
  if (!own.ok()) return Failed("ErrImagePull", own.error());
  if (d_.credentials) {
    for (image_gc::Credential& one : d_.credentials(container.image))
      own->push_back(std::move(one));
  }
  if (records != nullptr) {
    if (const base::Status begun = records->Begin(container.image); !begun.ok())
      return Failed("ErrImagePull", begun.error());
  }
  const Time::time_point begun = Time::now();
  if (context.tell) context.tell(false, "Pulling", "Pulling image \"" + container.image + "\"");
  const base::Result<PulledBy> pulled = Pull(spec, *own, *config, stop);
  FAIL_POINT("kubelet.image.pulled");
  if (!pulled.ok()) {
    if (records != nullptr) records->Failed(container.image);
    return Failed(ReasonOfPull(pulled.error()), pulled.error());
  }
  outcome.image_ref = pulled->image_ref;
  outcome.pulled = true;
  outcome.pull_time = since(begun);
  outcome.pull_and_wait_time = since(asked);
  std::string id = pulled->image_ref;
  if (const base::Result<cri::ImageStatusResponse> image = d_.runtime.ImageStatus(id);
      image.ok() && image->has_image()) {
    outcome.image_bytes = image->image().size();
    id = image->image().id();
  }
  if (records != nullptr) records->Pulled(container.image, id, pulled->credential);
  return outcome;
}

base::Result<std::optional<std::string>> Applier::Find(const std::string& image) const {
  ASSIGN_OR_RETURN(const cri::ImageStatusResponse present, d_.runtime.ImageStatus(image));
  if (!present.has_image()) return std::optional<std::string>();
  return std::optional<std::string>(present.image().id());
}

// Those that there are; the others are told, and the pull is tried all the same.
std::vector<kube::ConfigObject> Applier::PullSecrets(const Context& context) const {
  std::vector<kube::ConfigObject> found;
  std::vector<std::string> missing;
  for (const std::string& name : context.pod.spec.image_pull_secrets) {
    if (name.empty()) continue;
    if (auto secret = d_.objects.Find(true, context.pod.metadata.namespace_name, name)) {
      found.push_back(*std::move(secret));
    } else {
      missing.push_back(name);
    }
  }
  if (!missing.empty() && context.tell) {
    context.tell(true, "FailedToRetrieveImagePullSecret",
                 "Unable to retrieve some image pull secrets (" + base::Join(missing, ", ") +
                     "); attempting to pull the image may not succeed.");
  }
  return found;
}

// With each of these for it, then with the node's own, which the runtime knows.
base::Result<Applier::PulledBy> Applier::Pull(const cri::ImageSpec& image,
                                              const std::vector<image_gc::Credential>& credentials,
                                              const cri::PodSandboxConfig& sandbox,
                                              const std::stop_token& stop) {
  std::vector<std::string> failures;
  std::optional<base::Error> last;
  for (size_t i = 0; i <= credentials.size(); ++i) {
    const bool nodes = i == credentials.size();
    const base::Result<std::string> pulled =
        d_.runtime.PullImage(image, nodes ? nullptr : &credentials[i].auth, sandbox, stop);
    if (pulled.ok()) return PulledBy{*pulled, nodes ? image_gc::Credential() : credentials[i]};
    if (stop.stop_requested()) return pulled.error();
    last = pulled.error();
    if (std::find(failures.begin(), failures.end(), last->message()) == failures.end())
      failures.push_back(last->message());
  }
  if (failures.size() == 1) return *last;
  return base::Error(last->code(), "[" + base::Join(failures, ", ") + "]");
}

base::Status Applier::Refresh(const Context& context) {
  return d_.volumes.Refresh(context.pod, pod::DownwardOf(context.pod, d_.node.names,
                                                         context.pod_ips, d_.node.allocatable));
}

base::Result<pod::ContainerInputs> Applier::Inputs(const kube::Container& container,
                                                   const Context& context) {
  const kube::Pod& pod = context.pod;
  const std::string directory = d_.volumes.PodDir(pod.metadata.uid);
  pod::ContainerInputs inputs;
  inputs.pod_ips = pod.spec.host_network ? d_.node.names.host_ips : context.pod_ips;
  inputs.volume_paths = context.volume_paths;
  inputs.image_ref = context.image_ref;
  inputs.recursive_read_only = context.recursive_read_only;
  if (const base::Result<cri::ImageStatusResponse> image =
          d_.runtime.ImageStatus(context.image_ref);
      image.ok() && image->has_image()) {
    inputs.image_user_name = image->image().username();
    inputs.image_user_is_root = image->image().username().empty() &&
                                (!image->image().has_uid() || image->image().uid().value() == 0);
  }
  const volume::DownwardValues values =
      pod::DownwardOf(pod, d_.node.names, inputs.pod_ips, d_.node.allocatable);
  for (size_t i = 0; i < container.volume_mounts.size(); ++i) {
    const kube::VolumeMount& mount = container.volume_mounts[i];
    std::string sub_path = mount.sub_path;
    if (!mount.sub_path_expr.empty()) {
      ASSIGN_OR_RETURN(const pod::Environment environment,
                       pod::ContainerEnvironment(pod, container, values, d_.objects));
      sub_path = pod::Expand(mount.sub_path_expr, environment);
    }
    const auto volume = context.volume_paths.find(mount.name);
    if (sub_path.empty() || volume == context.volume_paths.end()) continue;
    ASSIGN_OR_RETURN(inputs.sub_paths[i],
                     d_.volumes.SubPath(pod.metadata.uid, mount.name, volume->second, sub_path,
                                        container.name, i));
  }
  ASSIGN_OR_RETURN(const pod::HostName name, pod::PodHostName(pod, d_.node.cluster_dns.domain));
  inputs.hosts_file = directory + "/etc-hosts";
  const std::string node_file = pod.spec.host_network ? os::ReadFile("/etc/hosts").ValueOr("") : "";
  const std::string hosts =
      pod::HostsFile(pod, inputs.pod_ips, name.short_name, name.domain_name, node_file);
  // Only when it changes: a neighbour that is being started mounts this very file, and one that is
  // replaced cannot be mounted.
  if (const base::Result<std::string> there = os::ReadFile(inputs.hosts_file);
      !there.ok() || *there != hosts) {
    if (!there.ok() && there.error().code() != base::Code::kNotFound) {
      base::LogError("a pod's hosts file cannot be read, put aside and written anew",
                     {{"path", inputs.hosts_file}, {"error", there.error()}});
      RETURN_IF_ERROR(os::SetAside(inputs.hosts_file));
    }
    RETURN_IF_ERROR(os::WriteFileAtomic(inputs.hosts_file, hosts, 0644));
  }
  FAIL_POINT("kubelet.container.hosts");
  const std::string own = directory + "/containers/" + container.name;
  RETURN_IF_ERROR(os::MakeDirs(own, 0755));
  inputs.termination_log = own + "/" + base::RandomHex(4);
  RETURN_IF_ERROR(os::WriteFileAtomic(inputs.termination_log, "", 0666));
  if (chmod(inputs.termination_log.c_str(), 0666) != 0)
    return base::Error::FromErrno(errno, "chmod {}", inputs.termination_log);
  return inputs;
}

Outcome Applier::Do(const sync::StartContainer& action, const Context& context,
                    const std::stop_token&) {
  const kube::Container& container = *kube::FindContainer(context.pod.spec, action.container);
  base::Result<pod::ContainerInputs> inputs = Inputs(container, context);
  if (!inputs.ok()) return Failed("CreateContainerConfigError", inputs.error());
  FAIL_POINT("kubelet.container.files");
  inputs->target_id = action.target_id;
  const base::Result<cri::ContainerConfig> config =
      pod::ContainerConfig(context.pod, container, d_.node, *inputs, d_.objects, action.attempt);
  if (!config.ok()) return Failed("CreateContainerConfigError", config.error());
  const base::Result<cri::PodSandboxConfig> sandbox =
      pod::SandboxConfig(context.pod, d_.node, context.cgroup_parent, 0);
  if (!sandbox.ok()) return Failed("CreateContainerConfigError", sandbox.error());
  const std::string logs = pod::PodLogDirectory(d_.node.logs, context.pod.metadata);
  if (const base::Status made = os::MakeDirs(logs + "/" + container.name, 0755); !made.ok())
    return Failed("CreateContainerError", made.error());
  const base::Result<std::string> id =
      d_.runtime.CreateContainer(action.sandbox_id, *config, *sandbox);
  FAIL_POINT("kubelet.container.created");
  if (!id.ok()) return Failed("CreateContainerError", id.error());
  Outcome outcome;
  outcome.container_id = *id;
  outcome.status = d_.runtime.StartContainer(*id);
  FAIL_POINT("kubelet.container.started");
  if (!outcome.status.ok()) outcome.reason = "RunContainerError";
  if (!d_.log_links.empty()) {
    const kube::ObjectMeta& metadata = context.pod.metadata;
    const std::string link =
        d_.log_links + "/" +
        pod::LogLink(metadata.name, metadata.namespace_name, container.name, *id);
    const std::string target = logs + "/" + pod::ContainerLogPath(container.name, action.attempt);
    if (symlink(target.c_str(), link.c_str()) != 0 && errno != EEXIST) {
      base::LogWarn("no link to the container's log for collectors, going on",
                    {{"link", link}, {"error", base::Error::FromErrno(errno, "symlink")}});
    }
  }
  return outcome;
}

Outcome Applier::Do(const sync::PostStart& action, const Context& context, const std::stop_token&) {
  const kube::Container& container = *kube::FindContainer(context.pod.spec, action.container);
  const std::string address = context.pod_ips.empty() ? "127.0.0.1" : context.pod_ips.front();
  return Of(d_.prober.Hook(*container.post_start,
                           {address, action.id, &container, WarningsTo(context)},
                           std::chrono::minutes(10)));
}

Outcome Applier::Do(const sync::PreStop& action, const Context& context, const std::stop_token&) {
  const kube::Container& container = *kube::FindContainer(context.pod.spec, action.container);
  const std::string address = context.pod_ips.empty() ? "127.0.0.1" : context.pod_ips.front();
  return Of(d_.prober.Hook(*container.pre_stop,
                           {address, action.id, &container, WarningsTo(context)},
                           std::chrono::seconds(action.grace_seconds)));
}

Outcome Applier::Do(const sync::KillContainer& action, const Context&, const std::stop_token&) {
  base::Status stopped =
      d_.runtime.StopContainer(action.id, std::chrono::seconds(action.grace_seconds));
  FAIL_POINT("kubelet.container.stopped");
  return AlreadyGone(stopped) ? Outcome{} : Of(std::move(stopped));
}

Outcome Applier::Do(const sync::RemoveContainer& action, const Context& context,
                    const std::stop_token&) {
  if (const base::Result<cri::ContainerStatus> status = d_.runtime.ContainerStatus(action.id);
      status.ok()) {
    const kube::ObjectMeta& metadata = context.pod.metadata;
    if (!d_.log_links.empty()) {
      (void)os::RemoveFile(d_.log_links + "/" +
                           pod::LogLink(metadata.name, metadata.namespace_name,
                                        status->metadata().name(), action.id));
    }
    RemoveLogs(status->log_path());
  }
  base::Status removed = d_.runtime.RemoveContainer(action.id);
  return AlreadyGone(removed) ? Outcome{} : Of(std::move(removed));
}

Outcome Applier::Do(const sync::StopSandbox& action, const Context&, const std::stop_token&) {
  base::Status stopped = d_.runtime.StopPodSandbox(action.id);
  FAIL_POINT("kubelet.sandbox.stopped");
  return AlreadyGone(stopped) ? Outcome{} : Of(std::move(stopped));
}

Outcome Applier::Do(const sync::RemoveSandbox& action, const Context&, const std::stop_token&) {
  base::Status removed = d_.runtime.RemovePodSandbox(action.id);
  FAIL_POINT("kubelet.sandbox.removed");
  return AlreadyGone(removed) ? Outcome{} : Of(std::move(removed));
}

// The pod's directories of logs, found by its uid alone, and the links into them.
base::Status Applier::RemoveLogDirectories(const std::string& uid) {
  const base::Result<std::vector<os::DirEntry>> entries = os::ListDir(d_.node.logs);
  if (!entries.ok() || uid.empty()) return {};
  for (const os::DirEntry& entry : *entries) {
    if (!entry.name.ends_with("_" + uid)) continue;
    const std::string directory = d_.node.logs + "/" + entry.name;
    const base::Result<std::vector<os::DirEntry>> links =
        os::ListDir(d_.log_links.empty() ? directory : d_.log_links);
    for (const os::DirEntry& link :
         links.ok() && !d_.log_links.empty() ? *links : std::vector<os::DirEntry>()) {
      char target[PATH_MAX];
      const std::string path = d_.log_links + "/" + link.name;
      const ssize_t length = readlink(path.c_str(), target, sizeof target);
      if (length > 0 &&
          std::string_view(target, static_cast<size_t>(length)).starts_with(directory + "/"))
        (void)os::RemoveFile(path);
    }
    RETURN_IF_ERROR(os::RemoveTree(directory));
  }
  return {};
}

// The pod's own directory goes last: as long as it is there, a later life of the kubelet knows that
// there is more to remove.
Outcome Applier::Do(const sync::TearDown&, const Context& context, const std::stop_token&) {
  const std::string& uid = context.pod.metadata.uid;
  if (base::Status gone = d_.cgroups.Remove(uid); !gone.ok())
    return Failed("FailedKillPod", gone.error());
  FAIL_POINT("kubelet.teardown.cgroup");
  if (context.deleted) {
    if (base::Status gone = RemoveLogDirectories(uid); !gone.ok())
      return Failed("FailedSync", gone.error());
  }
  FAIL_POINT("kubelet.teardown.logs");
  base::Status gone = d_.volumes.TearDown(uid);
  FAIL_POINT("kubelet.teardown.volumes");
  if (!gone.ok()) return Failed("FailedUnmount", gone.error());
  Outcome outcome;
  outcome.logs_removed = context.deleted;
  return outcome;
}

}  // namespace keelson::lifecycle
