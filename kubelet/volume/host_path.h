// SPDX-License-Identifier: Apache-2.0
// hostPath volumes: whether what the pod names is there and of the type it says, made where the
// type allows. Blocking, any thread.
#pragma once

#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::volume {

// Errors are upstream's sentences ("hostPath type check failed: /x is not a directory").
base::Status PrepareHostPath(const kube::HostPathVolume& volume);

}  // namespace keelson::volume
