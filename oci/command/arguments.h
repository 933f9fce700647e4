// SPDX-License-Identifier: Apache-2.0
// Flags as runc's and crun's users write them: --name value, --name=value, -x value, switches with
// or without =true. Pure, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace keelson::oci {

struct Flag {
  std::string_view name;        // "pid-file"
  std::string_view other = {};  // "p", or a second long name
  bool takes_value = true;
};

class Arguments {
 public:
  // Flags up to the first word that is none, or everywhere among the words (`anywhere`) until "--".
  static base::Result<Arguments> Parse(const std::vector<std::string>& words,
                                       const std::vector<Flag>& flags, bool anywhere);

  bool Has(std::string_view flag) const { return values_.contains(flag); }
  bool Is(std::string_view flag) const;                                     // a switch that is on
  std::string Get(std::string_view flag, std::string fallback = "") const;  // the last one
  std::vector<std::string> All(std::string_view flag) const;
  base::Result<int64_t> Number(std::string_view flag, int64_t fallback) const;
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> rest_;
};

}  // namespace keelson::oci
