// SPDX-License-Identifier: Apache-2.0
// What the runtime knows, in the CRI's words; and the filters of its lists. Pure.
#pragma once

#include "cri-api/calls.pb.h"
#include "cri-api/image.pb.h"
#include "cri-api/stats.pb.h"
#include "runtime/cri/runtime.h"

namespace keelson::cri_server {

::runtime::v1::PodSandbox ToListItem(const SandboxView& view);
::runtime::v1::PodSandboxStatus ToStatus(const SandboxView& view);
::runtime::v1::Container ToListItem(const ContainerView& view);
::runtime::v1::ContainerStatus ToStatus(const ContainerView& view);
::runtime::v1::Image ToImage(const image::Image& image);

bool Matches(const ::runtime::v1::PodSandboxFilter& filter, const SandboxItem& item);
bool Matches(const ::runtime::v1::ContainerFilter& filter, const ContainerItem& item);
bool Matches(const ::runtime::v1::PodSandboxStatsFilter& filter, const stats::PodTarget& target);
bool Matches(const ::runtime::v1::ContainerStatsFilter& filter,
             const stats::ContainerTarget& target);

}  // namespace keelson::cri_server
