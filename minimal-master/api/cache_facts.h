// SPDX-License-Identifier: Apache-2.0
// What admission asks about other objects, answered from one snapshot of the watch cache.
#pragma once

#include "minimal-master/admission/admission.h"
#include "minimal-master/watch/cache.h"

namespace keelson::api {

class CacheFacts final : public admission::Facts {
 public:
  explicit CacheFacts(watch::Snapshot snapshot) : snapshot_(std::move(snapshot)) {}
  std::optional<json::Value> Find(std::string_view group, std::string_view resource,
                                  std::string_view ns, std::string_view name) const override;
  void ForEach(std::string_view group, std::string_view resource, std::string_view ns,
               const std::function<void(const json::Value&)>& each) const override;

 private:
  const watch::Snapshot snapshot_;
};

}  // namespace keelson::api
