// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/crio_form.h"

#include "lib/json/value.h"
#include "runtime/cri/runtime_server.h"

namespace keelson::cri_server {
namespace {

using json::Value;

constexpr char kContainers[] = "/containers/";

http::Response Json(const Value& value) {
  return {.content_type = "application/json", .body = json::WriteJson(value)};
}

template <typename Map>
Value Strings(const Map& map) {
  Value out = Value::Object();
  for (const auto& [key, text] : map) out.Set(key, Value(text));
  return out;
}

// As CRI-O names containers: k8s_<container>_<pod>_<namespace>_<uid>_<attempt>.
std::string NameOf(const ContainerView& container, const SandboxView& sandbox) {
  const cri::PodSandboxMetadata& pod = sandbox.config.metadata();
  return "k8s_" + container.config.metadata().name() + "_" + pod.name() + "_" + pod.namespace_() +
         "_" + pod.uid() + "_" + std::to_string(container.config.metadata().attempt());
}

http::Response Container(const Runtime& runtime, const std::string& id) {
  const base::Result<ContainerView> container = runtime.GetContainer(id);
  // A prefix names nothing here: it may be another container's by the next question.
  if (!container.ok() || container->record.id != id)
    return {.status = 404, .body = "no container '" + id + "'\n"};
  const SandboxView sandbox = runtime.GetSandbox(container->record.sandbox_id).ValueOr({});
  Value addresses = Value::Array();
  for (const std::string& address : sandbox.record.addresses) addresses.Append(Value(address));
  return Json(Value::Object({{"name", Value(NameOf(*container, sandbox))},
                             {"pid", Value(container->record.pid)},
                             {"image", Value(container->record.image_ref)},
                             {"image_ref", Value(container->record.image_id)},
                             {"created_time", Value(container->record.created_at)},
                             {"labels", Strings(container->config.labels())},
                             {"annotations", Strings(container->config.annotations())},
                             {"log_path", Value(FullStatus(runtime, *container).log_path())},
                             // Its writable layer is the folder "diff" in there.
                             {"root", Value(runtime.DirectoryOf(container->record.id) + "/merged")},
                             {"sandbox", Value(container->record.sandbox_id)},
                             {"ip_addresses", std::move(addresses)}}));
}

}  // namespace

http::Response AnswerAsCrio(const Runtime& runtime, const http::Request& request) {
  if (request.method != "GET") return {.status = 405, .body = "only GET\n"};
  if (request.path == "/info") {
    return Json(Value::Object({{"storage_driver", Value("overlay")},
                               {"storage_root", Value(runtime.state_dir())},
                               {"storage_image", Value("")},
                               {"cgroup_driver", Value(runtime.cgroup_driver())}}));
  }
  if (request.path.starts_with(kContainers))
    return Container(runtime, request.path.substr(sizeof kContainers - 1));
  return {.status = 404, .body = "see /info and /containers/<id>\n"};
}

}  // namespace keelson::cri_server
