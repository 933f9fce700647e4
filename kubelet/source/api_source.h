// SPDX-License-Identifier: Apache-2.0
// The pods that a cluster gives this node: followed on the API server, each checked as a manifest
// is, handed over one by one as they change. Mirror pods (pictures of the node's own static pods)
// come too, marked. On the loop's thread; `api` outlives it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "lib/kube/client/reflector.h"
#include "lib/kube/pod.h"

namespace keelson::source {

struct ApiPod {
  // Without its status and what only the server needs: two of them are equal if nothing changed
  // that concerns the node.
  kube::Pod pod;
  json::Value status;
  std::string revision;
  // It is a picture of a static pod: of which one's hash.
  std::string mirror_of;
};
// `seen_wall_nanos` is noted in the annotation that upstream has for it.
base::Result<ApiPod> PodFromApi(const json::Value& object, int64_t seen_wall_nanos);

class ApiSource {
 public:
  struct Handler {
    std::function<void(ApiPod)> changed;
    std::function<void(const std::string& uid)> gone;
    std::function<void()> synced;  // all that there are were told; first, and after each gap
    // A pod that this node does not understand; told again only when it changes.
    std::function<void(const json::Value& object, const base::Error&)> refused;
  };
  ApiSource(kube::Api& api, const std::string& node, const base::Clock& clock, Handler handler);
  void Start() { reflector_.Start(); }

 private:
  struct Known {
    std::string uid, seen;
  };
  void Changed(const json::Value& object);

  const base::Clock& clock_;
  const Handler handler_;
  std::map<kube::ObjectName, Known> known_;
  kube::Reflector reflector_;
};

}  // namespace keelson::source
