// SPDX-License-Identifier: Apache-2.0
// Answers made of items that are serialised already: a list's response has one repeated field, the
// first. For the *_calls.cc alone.
#pragma once

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "runtime/stats/convert.h"

namespace keelson::cri_server {

using Bytes = std::shared_ptr<const std::string>;

template <typename Request>
base::Result<Request> ParseRequest(const grpc::ByteBuffer& bytes) {
  Request request;
  grpc::ByteBuffer copy(bytes);  // of references; parsing takes them
  const grpc::Status parsed = grpc::SerializationTraits<Request>::Deserialize(&copy, &request);
  if (!parsed.ok()) return base::InvalidArgument("the request cannot be read");
  return request;
}

class ItemList {
 public:
  void Add(std::string_view item) { stats::AppendField(1, item, bytes_); }
  size_t size() const { return bytes_.size(); }
  void Reserve(size_t bytes) { bytes_.reserve(bytes); }
  grpc::ByteBuffer Take() {
    auto* const kept = new std::string(std::move(bytes_));
    bytes_.clear();
    const grpc::Slice slice(
        kept->data(), kept->size(), [](void* text) { delete static_cast<std::string*>(text); },
        kept);
    return grpc::ByteBuffer(&slice, 1);
  }

 private:
  std::string bytes_;
};

}  // namespace keelson::cri_server
