// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/pod.h"

namespace keelson::kube {

const Container* FindContainer(const PodSpec& spec, const std::string& name) {
  for (const auto* list : {&spec.containers, &spec.init_containers, &spec.ephemeral_containers}) {
    for (const Container& container : *list) {
      if (container.name == name) return &container;
    }
  }
  return nullptr;
}

}  // namespace keelson::kube
