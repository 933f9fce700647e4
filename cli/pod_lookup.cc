// SPDX-License-Identifier: Apache-2.0
#include "cli/pod_lookup.h"

#include <algorithm>
#include <vector>

#include "lib/base/strings.h"

namespace keelson::cli {

using base::Result;
using json::Value;

namespace {

const std::string& Name(const Value& pod) { return pod.At({"metadata", "name"}).AsString(); }
const std::string& NameSpace(const Value& pod) {
  return pod.At({"metadata", "namespace"}).AsString();
}

bool IsMeant(const Value& pod, const std::string& name, bool with_node) {
  if (!with_node) return Name(pod) == name;
  const std::string node = base::ToLower(pod.At({"spec", "nodeName"}).AsString());
  return !node.empty() && Name(pod) == name + "-" + node;
}

std::string Names(const std::vector<const Value*>& pods) {
  constexpr size_t kMost = 10;
  std::vector<std::string> names;
  for (const Value* pod : pods) {
    if (names.size() == kMost) {
      names.emplace_back("…");
      break;
    }
    names.push_back(NameSpace(*pod) + "/" + Name(*pod));
  }
  return base::Join(names, ", ");
}

}  // namespace

PodName ParsePodName(const std::string& text, const std::string& name_space) {
  for (const std::string_view kind : {"pod/", "pods/", "po/"}) {
    if (text.starts_with(kind)) return {name_space, text.substr(kind.size())};
  }
  const size_t slash = text.find('/');
  if (slash == std::string::npos || !name_space.empty()) return {name_space, text};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

Result<const Value*> FindPod(const Value& list, const PodName& name) {
  std::vector<const Value*> candidates;
  for (const Value& pod : list.At({"items"}).items()) {
    if (name.name_space.empty() || NameSpace(pod) == name.name_space) candidates.push_back(&pod);
  }
  for (const bool with_node : {false, true}) {
    std::vector<const Value*> meant;
    std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(meant),
                 [&](const Value* pod) { return IsMeant(*pod, name.name, with_node); });
    if (meant.size() == 1) return meant[0];
    if (meant.size() > 1)
      return base::FailedPrecondition("several pods are called '{}': {}; choose with -n", name.name,
                                      Names(meant));
  }
  const std::string where =
      name.name_space.empty() ? "on this node" : "in namespace '" + name.name_space + "'";
  if (candidates.empty()) return base::NotFound("no pod '{}': there are none {}", name.name, where);
  return base::NotFound("no pod '{}' {}; there are: {}", name.name, where, Names(candidates));
}

Result<ChosenContainer> ChooseContainer(const Value& pod, const std::string& asked) {
  std::vector<std::string> names, all;
  for (const Value& container : pod.At({"spec", "containers"}).items())
    names.push_back(container.At({"name"}).AsString());
  all = names;
  for (const Value& container : pod.At({"spec", "initContainers"}).items())
    all.push_back(container.At({"name"}).AsString());
  const auto has = [&all](const std::string& name) {
    return std::find(all.begin(), all.end(), name) != all.end();
  };
  if (!asked.empty()) {
    if (!has(asked))
      return base::NotFound("pod '{}' has no container '{}'; it has: {}", Name(pod), asked,
                            base::Join(all, ", "));
    return ChosenContainer{asked, ""};
  }
  const std::string& meant =
      pod.At({"metadata", "annotations", "kubectl.kubernetes.io/default-container"}).AsString();
  if (!meant.empty() && has(meant)) return ChosenContainer{meant, ""};
  if (names.empty()) return base::NotFound("pod '{}' has no containers", Name(pod));
  return ChosenContainer{
      names[0], all.size() == 1
                    ? ""
                    : "container '" + names[0] + "', the first of: " + base::Join(all, ", ")};
}

}  // namespace keelson::cli
