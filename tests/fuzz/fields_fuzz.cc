// SPDX-License-Identifier: Apache-2.0
// metadata.managedFields as clients send them: a set of fields that is read is written in one way
// only, sets are added and taken away by their laws, and lists of managers and objects that have
// them survive being taken apart.
#include <string>

#include "minimal-master/fields/managers.h"
#include "minimal-master/fields/split.h"
#include "minimal-master/schema/decode.h"
#include "tests/fuzz/require.h"

namespace {

namespace fields = keelson::fields;
namespace fuzz = keelson::fuzz;

void OfSet(std::string_view text) {
  const auto set = fields::Set::Parse(text);
  if (!set.ok()) return fuzz::RequireSentence(set.error().message());
  const std::string written = set->Write();
  const auto again = fields::Set::Parse(written);
  fuzz::Require(again.ok() && *again == *set && again->Write() == written,
                "a set reads otherwise than it was written", text);
  fuzz::Require(fields::Covers(written, *set), "a set lacks what it has", text);
  fuzz::Require(fields::Touches(written, *set) == !set->Empty(), "a set is apart from itself",
                text);
  fuzz::Require(Union(*set, *set) == *set && Intersection(*set, *set) == *set,
                "a set with itself is another", text);
  fuzz::Require(Difference(*set, *set).Empty() && Without(*set, *set).Empty(),
                "something is left of a set without itself", text);
  for (const fields::Set::Node& node : set->nodes()) {
    fuzz::Require(Union(Difference(*set, node.below), Intersection(*set, node.below)) == *set,
                  "a set is not the sum of its parts", text);
  }
}

void OfManagers(std::string_view text) {
  const std::string written = fields::WriteManagers(fields::ReadManagers(text));
  if (written.empty()) return;
  fuzz::Require(keelson::schema::CheckJson(written).ok(), "managers are no JSON", written);
  fuzz::Require(fields::SameButTimes(written, written), "managers differ from themselves", written);
  const auto list = keelson::schema::DecodeAny(written);
  fuzz::Require(list.ok() && list->IsArray(), "managers are no list", written);
}

void OfObject(std::string_view text) {
  const fields::Split split = fields::SplitManagers(text);
  fuzz::Require(keelson::schema::CheckJson(split.object).ok(), "an object broke", text);
  // Of several the first is taken off.
  if (split.managers.empty() || !fields::SplitManagers(split.object).managers.empty()) return;
  const fields::Split again =
      fields::SplitManagers(fields::JoinManagers(split.object, split.managers));
  fuzz::Require(again.managers == split.managers || again.managers.empty(),
                "managers changed on the way", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!keelson::schema::CheckJson(text).ok()) return 0;
  OfSet(text);
  OfManagers(text);
  OfObject(text);
  if (const auto sent = keelson::schema::DecodeAny(text); sent.ok() && sent->IsArray()) {
    if (auto managers = fields::ReadSentManagers(*sent)) {
      fields::CapUpdaters(*managers);
      OfManagers(fields::WriteManagers(*std::move(managers)));
    }
  }
  return 0;
}
