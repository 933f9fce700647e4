// SPDX-License-Identifier: Apache-2.0
// Label selectors as objects spell them. Pure, any thread.
#pragma once

#include <optional>

#include "lib/json/value.h"
#include "minimal-master/watch/selectors/label_selector.h"

namespace keelson::pods {

// Of matchLabels and matchExpressions; an empty one matches everything.
watch::selectors::LabelSelector SelectorOf(const json::Value& selector);
// Nothing where it is empty: workloads that would own every pod own none.
std::optional<watch::selectors::LabelSelector> UnlessEmpty(
    watch::selectors::LabelSelector selector);
// Of a map of labels that must all be there.
watch::selectors::LabelSelector SelectorOfLabels(const json::Value& labels);

}  // namespace keelson::pods
