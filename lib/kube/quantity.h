// SPDX-License-Identifier: Apache-2.0
// Amounts of a resource as Kubernetes writes them: "100m", "128Mi", "2", "1e3". Exact in billionths
// up to about 9.2e18 of the unit; what is more precise is rounded up, what is larger is refused.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::kube {

__extension__ using Wide = __int128;

class Quantity {
 public:
  Quantity() = default;
  static Quantity FromMilli(int64_t milli);
  static Quantity FromUnits(int64_t units);
  static base::Result<Quantity> Parse(std::string_view text);

  int64_t MilliValue() const;  // rounded up, saturating
  int64_t Value() const;       // rounded up, saturating
  bool IsZero() const { return nanos_ == 0; }
  const std::string& text() const { return text_; }  // as written; canonical when made by a program
  std::string Canonical() const;  // as upstream shows it: "1500m" for "1.5", "1Gi" for "1024Mi"

  friend bool operator==(const Quantity& a, const Quantity& b) { return a.nanos_ == b.nanos_; }
  friend auto operator<=>(const Quantity& a, const Quantity& b) { return a.nanos_ <=> b.nanos_; }
  friend Quantity operator+(const Quantity& a, const Quantity& b);

 private:
  Wide nanos_ = 0;
  std::string text_ = "0";
};

using ResourceList = std::map<std::string, Quantity>;

}  // namespace keelson::kube
