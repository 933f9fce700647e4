// SPDX-License-Identifier: Apache-2.0
// Pods of many shapes that come and go, eight at a time, through a daemon's socket, and what is
// held meanwhile. KEELSON_CHURN_PODS says how many (scripts/churn).
#pragma once

#include <functional>

#include "tests/component/held.h"
#include "tests/component/node_fixture.h"

namespace keelson::node_test {

class ChurnTest : public NodeTest {
 protected:
  // What a pod is differs from one number to the next.
  struct Shape {
    std::string name;
    cri::PodSandboxConfig pod;
    cri::ContainerConfig container;
    bool fails = false;  // its container cannot be started
    bool exec = false, container_first = false, stop = true;
  };

  void SetUp() override;
  Shape ShapeOf(int number) const;
  // Calls cycle(number) for each of `pods` numbers from `first` on; no more once one has failed.
  void Churn(int first, int pods, const std::function<void(int)>& cycle);
  Held Look();
  // Removal goes on behind the caller: until nothing is more than `before`, or, without one, until
  // nothing changes.
  Held Settle(const Held* before);
  // That nothing is more than before, and no pod or container is listed.
  void ExpectNothingMore(const Held& before);

  int pods_ = 0;
};

}  // namespace keelson::node_test
