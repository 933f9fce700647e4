// SPDX-License-Identifier: Apache-2.0
// Label and field selectors of clients: what is read prints as something that reads and prints the
// same; refusals are sentences.
#include <string>

#include "minimal-master/watch/selectors/field_selector.h"
#include "minimal-master/watch/selectors/label_selector.h"
#include "tests/fuzz/require.h"

namespace {

struct Labels {
  std::string_view value = "web";
  const std::string_view* FindLabel(std::string_view key) const {
    return key.size() % 2 == 0 ? &value : nullptr;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace fuzz = keelson::fuzz;
  using keelson::watch::selectors::FieldSelector;
  using keelson::watch::selectors::LabelSelector;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto labels = LabelSelector::Parse(text); labels.ok()) {
    const std::string printed = labels->Format();
    const auto again = LabelSelector::Parse(printed);
    fuzz::Require(again.ok() && again->Format() == printed, "a label selector reads otherwise",
                  text);
    fuzz::Require(again->Matches(Labels()) == labels->Matches(Labels()), "it matches otherwise",
                  text);
  } else {
    fuzz::RequireSentence(labels.error().message());
  }
  if (const auto fields = FieldSelector::Parse(text); fields.ok()) {
    const std::string printed = fields->Format();
    const auto again = FieldSelector::Parse(printed);
    fuzz::Require(again.ok() && again->Format() == printed, "a field selector reads otherwise",
                  text);
  } else {
    fuzz::RequireSentence(fields.error().message());
  }
  return 0;
}
