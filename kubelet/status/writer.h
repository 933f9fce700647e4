// SPDX-License-Identifier: Apache-2.0
// Brings pods' statuses to the API server: of each pod the latest, one request at a time, ends
// before readiness before the rest, a bounded number side by side. What the server has is known
// from the watch and from its answers, so nothing is read before it is written. When all of a pod
// is gone from the node, its last status is followed by the DELETE that takes the object away. On
// the loop's thread; `api` outlives it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "kubelet/status/patch.h"
#include "lib/kube/client/api.h"

namespace keelson::status {

struct PodKey {
  std::string ns, name, uid;
};

class Writer {
 public:
  struct Options {
    size_t in_flight = 16;
    std::chrono::milliseconds min_backoff{500};
    std::chrono::milliseconds max_backoff{30000};
  };
  Writer(kube::Api& api, Options options);
  explicit Writer(kube::Api& api) : Writer(api, Options()) {}
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // The server has this. Older revisions than what is known are not believed.
  void Known(const PodKey& pod, const json::Value& status, const std::string& revision);
  void Want(const PodKey& pod, json::Value status);
  // Nothing of it is left on the node: the object may go once its status is there.
  void Finish(const PodKey& pod);
  // The server has no such pod.
  void Forget(const std::string& uid);
  size_t waiting() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace keelson::status
