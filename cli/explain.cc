// SPDX-License-Identifier: Apache-2.0
#include "cli/explain.h"

#include "cli/pod_lookup.h"

namespace keelson::cli {

base::Status Explain(const std::string& text, const std::string& name_space, Kubelet& kubelet,
                     const Console& console) {
  ASSIGN_OR_RETURN(const json::Value list, kubelet.Pods());
  PodName name = ParsePodName(text, name_space);
  const base::Result<const json::Value*> pod = FindPod(list, name);
  if (pod.ok()) {
    name = {(*pod)->At({"metadata", "namespace"}).AsString(),
            (*pod)->At({"metadata", "name"}).AsString()};
  } else if (pod.error().code() != base::Code::kNotFound) {
    return pod.error();
  }
  // A pod that is not there is asked for, too: the kubelet knows which manifests it has refused.
  const base::Result<std::string> explanation =
      kubelet.Explain(name.name_space.empty() ? "default" : name.name_space, name.name);
  if (!explanation.ok()) {
    if (pod.ok() || explanation.error().code() != base::Code::kNotFound) return explanation.error();
    const std::string& more = explanation.error().message();  // its first line says what we know
    const size_t line = more.find('\n');
    return line == std::string::npos
               ? pod.error()
               : base::NotFound("{}{}", pod.error().message(), more.substr(line));
  }
  console.out << *explanation << (explanation->ends_with('\n') ? "" : "\n");
  return {};
}

}  // namespace keelson::cli
