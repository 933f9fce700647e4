// SPDX-License-Identifier: Apache-2.0
// What configMap, secret, downwardAPI and projected volumes hold, as files. Pure but for the
// look-up of objects. Errors are upstream's sentences.
#pragma once

#include <string>

#include "kubelet/volume/atomic_writer.h"
#include "kubelet/volume/objects.h"
#include "kubelet/volume/volumes.h"
#include "lib/base/result.h"
#include "lib/kube/pod.h"

namespace keelson::volume {

struct PayloadInputs {
  const std::string& namespace_name;
  const Objects& objects;
  const DownwardValues& values;
  std::string pod_uid = {};  // whose tokens
};
base::Result<Payload> PayloadOf(const kube::ObjectVolume& volume, const PayloadInputs& inputs);
base::Result<Payload> PayloadOf(const kube::DownwardApiVolume& volume, const PayloadInputs& inputs);
// All sources that failed are named, not only the first.
base::Result<Payload> PayloadOf(const kube::ProjectedVolume& volume, const PayloadInputs& inputs);

}  // namespace keelson::volume
