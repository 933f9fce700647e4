// SPDX-License-Identifier: Apache-2.0
// Which objects of the API a pod names: the only ones that a node may read. Pure.
#pragma once

#include <set>
#include <string>

#include "kubelet/volume/objects.h"
#include "lib/kube/pod.h"

namespace keelson::cluster {

struct ObjectKey {
  bool secret = false;
  std::string ns, name;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};
struct References {
  std::set<ObjectKey> objects;
  std::set<volume::Objects::TokenWish> tokens;
};
References ReferencesOf(const kube::Pod& pod);

}  // namespace keelson::cluster
