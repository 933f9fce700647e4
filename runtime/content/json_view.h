// SPDX-License-Identifier: Apache-2.0
// Typed reading of JSON with errors that name the field. null counts as absent. Depth and size are
// bounded by Parse(). Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace keelson::content {

class JsonView {
 public:
  static base::Result<JsonView> Parse(std::string_view text);

  bool Has(std::string_view key) const;  // an object's member that is not null
  base::Result<std::string> String(std::string_view key) const;  // "" when absent
  base::Result<uint64_t> Number(std::string_view key) const;     // 0 when absent
  base::Result<std::vector<std::string>> Strings(std::string_view key) const;
  base::Result<JsonView> Object(std::string_view key) const;  // an empty one when absent
  base::Result<std::vector<JsonView>> Array(std::string_view key) const;
  std::vector<std::string> Keys() const;

 private:
  JsonView(std::shared_ptr<const void> owner, const void* node, std::string path)
      : owner_(std::move(owner)), node_(node), path_(std::move(path)) {}
  const void* Member(std::string_view key) const;
  base::Error Bad(std::string_view key, std::string_view what) const;

  std::shared_ptr<const void> owner_;  // the parsed text
  const void* node_;
  std::string path_;
};

}  // namespace keelson::content
