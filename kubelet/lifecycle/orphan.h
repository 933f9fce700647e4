// SPDX-License-Identifier: Apache-2.0
// A pod that runs and that nothing asks for any more (its manifest went while no kubelet ran): what
// its containers' annotations tell of its end is enough to end it properly, with preStop hooks and
// its own grace period. Pure.
#pragma once

#include <string>

#include "kubelet/pod/facts.h"

namespace keelson::lifecycle {

kube::Pod OrphanPod(const kube::ObjectMeta& metadata, const pod::Observed& observed);

}  // namespace keelson::lifecycle
