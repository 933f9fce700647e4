// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/cri_streams.h"

#include <fmt/format.h>

#include "kubelet/pod/names.h"
#include "lib/base/clock.h"
#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::node_api {

using base::Result;

namespace {

template <typename Labels>
std::string Label(const Labels& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string() : found->second;
}

template <typename T>
bool IsOf(const T& object, const PodRef& pod) {
  return Label(object.labels(), pod::kPodNamespaceLabel) == pod.ns &&
         Label(object.labels(), pod::kPodNameLabel) == pod.name &&
         (pod.uid.empty() || Label(object.labels(), pod::kPodUidLabel) == pod.uid);
}

}  // namespace

Result<std::string> CriStreams::Sandbox(const PodRef& pod) {
  ASSIGN_OR_RETURN(const std::vector<cri::PodSandbox> all, runtime_.ListPodSandboxes());
  const cri::PodSandbox* newest = nullptr;
  for (const cri::PodSandbox& one : all) {
    if (IsOf(one, pod) && (newest == nullptr || one.created_at() > newest->created_at()))
      newest = &one;
  }
  if (newest == nullptr) return base::NotFound("pod does not exist");
  if (newest->state() != cri::SANDBOX_READY)
    return base::FailedPrecondition("pod {}_{} has no ready sandbox", pod.name, pod.ns);
  return newest->id();
}

Result<std::string> CriStreams::Container(const PodRef& pod, const std::string& name) {
  ASSIGN_OR_RETURN(const std::vector<cri::Container> all, runtime_.ListContainers());
  const cri::Container* newest = nullptr;
  bool pod_is_there = false;
  for (const cri::Container& one : all) {
    if (!IsOf(one, pod)) continue;
    pod_is_there = true;
    if (Label(one.labels(), pod::kContainerNameLabel) != name) continue;
    if (newest == nullptr || one.created_at() > newest->created_at()) newest = &one;
  }
  if (!pod_is_there) {
    const Result<std::string> sandbox = Sandbox(pod);
    if (!sandbox.ok() && sandbox.error().code() == base::Code::kNotFound) return sandbox;
  }
  if (newest == nullptr) return base::FailedPrecondition("container not found (\"{}\")", name);
  return newest->id();
}

Result<std::string> CriStreams::Exec(const PodRef& pod, const std::string& container,
                                     const std::vector<std::string>& command,
                                     const Wanted& wanted) {
  cri::ExecRequest request;
  ASSIGN_OR_RETURN(*request.mutable_container_id(), Container(pod, container));
  for (const std::string& word : command) request.add_cmd(word);
  request.set_stdin(wanted.in);
  request.set_stdout(wanted.out);
  request.set_stderr(wanted.err);
  request.set_tty(wanted.tty);
  return runtime_.Exec(request);
}

Result<std::string> CriStreams::Attach(const PodRef& pod, const std::string& container,
                                       const Wanted& wanted) {
  cri::AttachRequest request;
  ASSIGN_OR_RETURN(*request.mutable_container_id(), Container(pod, container));
  request.set_stdin(wanted.in);
  request.set_stdout(wanted.out);
  request.set_stderr(wanted.err);
  request.set_tty(wanted.tty);
  return runtime_.Attach(request);
}

Result<std::string> CriStreams::PortForward(const PodRef& pod, const std::vector<int32_t>& ports) {
  cri::PortForwardRequest request;
  ASSIGN_OR_RETURN(*request.mutable_pod_sandbox_id(), Sandbox(pod));
  for (const int32_t port : ports) request.add_port(port);
  return runtime_.PortForward(request);
}

Result<std::string> CriStreams::Run(const PodRef& pod, const std::string& container,
                                    const std::vector<std::string>& command) {
  ASSIGN_OR_RETURN(const std::string id, Container(pod, container));
  ASSIGN_OR_RETURN(const cri::ExecSyncResponse done,
                   runtime_.ExecSync(id, command, std::chrono::seconds(0)));
  if (done.exit_code() != 0) {
    return base::FailedPrecondition("command '{}' exited with {}: {}", base::Join(command, " "),
                                    done.exit_code(), done.stderr());
  }
  return done.stdout() + done.stderr();
}

Result<std::string> CriStreams::Checkpoint(const PodRef& pod, const std::string& container,
                                           const std::string& folder,
                                           std::chrono::seconds timeout) {
  ASSIGN_OR_RETURN(const std::string id, Container(pod, container));
  RETURN_IF_ERROR(os::MakeDirs(folder, 0700));
  const int64_t now = base::SystemClock().WallNanos();
  const std::string file = fmt::format("{}/checkpoint-{}_{}-{}-{}.tar", folder, pod.name, pod.ns,
                                       container, base::FormatRfc3339(now));
  RETURN_IF_ERROR(runtime_.CheckpointContainer(id, file, timeout));
  return file;
}

}  // namespace keelson::node_api
