// SPDX-License-Identifier: Apache-2.0
// `keelson exec`: a command in a container, its output and its exit code. Without a terminal and
// without input.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/node.h"
#include "cli/pod_lookup.h"
#include "cli/runtime.h"

namespace keelson::cli {

struct ExecOptions {
  std::string pod, name_space, container;
  std::string timeout;  // a span; empty: none
  std::vector<std::string> command;
};

// What tells a failure of ours from one of the command's.
constexpr int kExecFailed = 125, kExecTimedOut = 124;

// The command's exit code. The pod is looked for with the kubelet; where none answers, among the
// runtime's containers.
base::Result<int> Exec(const ExecOptions& options, Kubelet& kubelet, Runtime& runtime,
                       const Console& console);

// By the labels of kubelets; those that run.
base::Result<std::string> FindContainer(const std::vector<cri::Container>& containers,
                                        const PodName& pod, const std::string& container);

}  // namespace keelson::cli
