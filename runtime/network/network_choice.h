// SPDX-License-Identifier: Apache-2.0
// The network that new pods get, beside those that older pods were made by: each network knows its
// own pods by its records, so what is taken down is taken down by the network that made it,
// whatever has been chosen since. Owns nothing. Thread-safe as its members are.
#pragma once

#include <vector>

#include "runtime/network/network.h"

namespace keelson::network {

class NetworkChoice final : public PodNetwork {
 public:
  NetworkChoice(PodNetwork& chosen, std::vector<PodNetwork*> others)
      : chosen_(chosen), others_(std::move(others)) {}

  base::Status Ready() override { return chosen_.Ready(); }
  base::Result<PodAddress> Setup(const PodRequest& request) override {
    return chosen_.Setup(request);
  }
  base::Status Teardown(const std::string& sandbox_id) override {
    return OfAll([&](PodNetwork& network) { return network.Teardown(sandbox_id); });
  }
  base::Status CollectGarbage(const std::vector<std::string>& live) override {
    return OfAll([&](PodNetwork& network) { return network.CollectGarbage(live); });
  }
  base::Status TakeSubnet(const std::string& subnet) override {
    return OfAll([&](PodNetwork& network) { return network.TakeSubnet(subnet); });
  }
  std::vector<std::string> Notes() override {
    std::vector<std::string> notes = chosen_.Notes();
    for (PodNetwork* other : others_) {
      for (std::string& note : other->Notes()) notes.push_back(std::move(note));
    }
    return notes;
  }

 private:
  // Each is asked, whoever fails; the first failure is the answer.
  template <typename Work>
  base::Status OfAll(const Work& work) {
    base::Status first = work(chosen_);
    for (PodNetwork* other : others_) {
      base::Status status = work(*other);
      if (first.ok()) first = std::move(status);
    }
    return first;
  }

  PodNetwork& chosen_;
  const std::vector<PodNetwork*> others_;
};

}  // namespace keelson::network
