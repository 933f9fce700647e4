// SPDX-License-Identifier: Apache-2.0
// Amounts of resources: the canonical text stands for the same amount, and sums and roundings keep
// their order.
#include <cstdio>
#include <cstdlib>

#include "lib/kube/quantity.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using keelson::kube::Quantity;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto require = [&](bool good, const char* what) {
    if (good) return;
    fprintf(stderr, "%s: '%.*s'\n", what, static_cast<int>(text.size()), text.data());
    abort();
  };
  const auto amount = Quantity::Parse(text);
  if (!amount.ok()) {
    require(!amount.error().message().empty(), "a refusal without words");
    return 0;
  }
  require(amount->text() == text, "the text is not kept");
  const auto again = Quantity::Parse(amount->Canonical());
  require(again.ok(), "the canonical text cannot be read");
  require(*again == *amount, "the canonical text is another amount");
  const Quantity zero;
  require(*amount + zero == *amount && zero + *amount == *amount, "zero changes a sum");
  require((*amount > zero) == (amount->MilliValue() > 0), "a positive amount rounds to nothing");
  const Quantity twice = *amount + *amount;
  require(*amount < zero ? twice <= *amount : twice >= *amount, "a sum runs backwards");
  return 0;
}
