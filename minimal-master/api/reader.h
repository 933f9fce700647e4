// SPDX-License-Identifier: Apache-2.0
// How the watch cache reads what the store keeps: header, labels, owners, selectable fields, and
// the bytes that clients get, which say their resourceVersion. Values that begin with "k8s\0" are
// protobuf, as upstream's server writes them. Stateless, any thread.
#pragma once

#include <string>
#include <string_view>

#include "minimal-master/watch/object.h"

namespace keelson::api {

class Reader final : public watch::ObjectReader {
 public:
  base::Result<watch::Contents> Read(std::string_view key, const store::Bytes& value,
                                     store::Revision revision) const override;
  store::Bytes Departed(const watch::Object& last, store::Revision revision) const override;
};

// `object`: canonical JSON of an object that has no resourceVersion; the same with one.
std::string WithRevision(std::string_view object, store::Revision revision);

}  // namespace keelson::api
