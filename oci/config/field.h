// SPDX-License-Identifier: Apache-2.0
// A JSON value with the way that led to it, and readers that refuse what is of the wrong kind:
// "linux.resources.cpu.shares: must be a whole number from 2 to …". Members that nobody asks for
// are passed over: the runtime-spec demands it (extensibility). Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"

namespace keelson::oci {

class Field {
 public:
  Field(const json::Value& value, std::string path) : value_(&value), path_(std::move(path)) {}

  const json::Value& value() const { return *value_; }
  const std::string& path() const { return path_; }

  template <typename... Args>
  base::Error Bad(fmt::format_string<Args...> format, Args&&... args) const {
    return base::InvalidArgument("{}{}{}", path_, path_.empty() ? "" : ": ",
                                 fmt::format(format, std::forward<Args>(args)...));
  }
  // A member that is there and not null, as Go's writers leave empty ones.
  std::optional<Field> Find(std::string_view name) const;
  base::Result<Field> Need(std::string_view name) const;
  base::Status IsObject() const;

  base::Result<std::vector<Field>> Items() const;
  base::Result<std::vector<std::pair<std::string, Field>>> Members() const;
  base::Result<std::string> String() const;  // without NUL: the kernel would read less of it
  base::Result<std::vector<std::string>> Strings() const;
  base::Result<bool> Bool() const;
  base::Result<int64_t> Int(int64_t least, int64_t most) const;
  base::Result<uint32_t> Uint32() const;

  // The member's value into `out`; absent leaves it.
  base::Status Read(std::string_view name, std::string& out) const;
  base::Status Read(std::string_view name, bool& out) const;
  base::Status Read(std::string_view name, std::optional<bool>& out) const;
  base::Status Read(std::string_view name, std::vector<std::string>& out) const;
  base::Status Read(std::string_view name, std::vector<std::pair<std::string, std::string>>& out)
      const;  // a map of strings
  base::Status Read(std::string_view name, std::optional<int64_t>& out, int64_t least = INT64_MIN,
                    int64_t most = INT64_MAX) const;
  base::Status Read(std::string_view name, uint32_t& out) const;

 private:
  const json::Value* value_;
  std::string path_;
};

}  // namespace keelson::oci
