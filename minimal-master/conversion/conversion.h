// SPDX-License-Identifier: Apache-2.0
// Kinds that the API shows in two forms, of which one is stored: events (core and events.k8s.io)
// and autoscalers (v2 is stored; v1 knows one metric and keeps the rest in annotations). Pure, any
// thread. Source: the conversion.go files of k8s.io/kubernetes/pkg/apis (1.35).
#pragma once

#include <string_view>

#include "lib/json/value.h"

namespace keelson::conversion {

// `group` and `version` are those asked for; what is stored in that form comes back as it is.
json::Value FromStored(std::string_view group, std::string_view version, std::string_view kind,
                       json::Value stored);
json::Value ToStored(std::string_view group, std::string_view version, std::string_view kind,
                     json::Value object);

}  // namespace keelson::conversion
