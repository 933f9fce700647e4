// SPDX-License-Identifier: Apache-2.0
// Limits between the CRI's words and the cgroups': what was asked, what an update changes of it,
// and what the kernel made of it. Zero and empty mean "untouched" everywhere. Pure, any thread.
#pragma once

#include <map>
#include <string>

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"

namespace runtime::v1 {
class ContainerConfig;
class LinuxContainerResources;
class PodSandboxConfig;
}  // namespace runtime::v1

namespace keelson::container {

// InvalidArgument names the field.
base::Result<cgroup::Resources> ToCgroup(const ::runtime::v1::LinuxContainerResources& wanted);

// Only what `change` names.
void Merge(const ::runtime::v1::LinuxContainerResources& change,
           ::runtime::v1::LinuxContainerResources& into);

// `asked` with the kernel's values where it has any: what ContainerStatus shows.
::runtime::v1::LinuxContainerResources Actual(const ::runtime::v1::LinuxContainerResources& asked,
                                              const cgroup::Resources& kernel);

// Classes of cache, memory bandwidth (RDT) and block I/O, which peers take from annotations: none
// is set here, and a wish for one is refused rather than dropped.
base::Status CheckClasses(const ::runtime::v1::PodSandboxConfig& sandbox,
                          const ::runtime::v1::ContainerConfig& container);

}  // namespace keelson::container
