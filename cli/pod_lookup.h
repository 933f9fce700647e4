// SPDX-License-Identifier: Apache-2.0
// Which pod and which container a person means. Static pods carry their node's name at the end;
// people leave it out. Pure.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/json/value.h"

namespace keelson::cli {

struct PodName {
  std::string name_space;  // empty: any
  std::string name;
};
// "web", "pod/web", or "kube-system/web" where `name_space` is empty.
PodName ParsePodName(const std::string& text, const std::string& name_space);

// Of a v1 PodList. NotFound names what there is; FailedPrecondition: several are meant.
base::Result<const json::Value*> FindPod(const json::Value& list, const PodName& name);

// The container asked for, else the one that the pod says is meant, else the first. `note`: what
// was chosen, where there was a choice.
struct ChosenContainer {
  std::string name;
  std::string note;
};
base::Result<ChosenContainer> ChooseContainer(const json::Value& pod, const std::string& asked);

}  // namespace keelson::cli
