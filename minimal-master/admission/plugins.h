// SPDX-License-Identifier: Apache-2.0
// The single plugins. For this folder alone.
#pragma once

#include "minimal-master/admission/admission.h"

namespace keelson::admission {

using json::Value;

status::Failure Forbid(const Request& request, const Value& object, std::string_view why);

bool IsPodCreate(const Request& request);
Verdict NamespaceIsThere(const Request& request, const Facts& facts);
Verdict NamespaceMayGo(const Request& request);
Verdict GiveServiceAccount(const Request& request, Value& pod, const Facts& facts);
Verdict GivePriority(const Request& request, Value& pod, const Facts& facts);
Verdict OneDefaultPriority(const Request& request, const Value& object, const Facts& facts);
Verdict ApplyRuntimeClass(const Request& request, Value& pod, const Facts& facts);
void ApplyLimitDefaults(Value& pod, const Request& request, const Facts& facts);
Verdict WithinLimits(const Request& request, const Value& object, const Facts& facts);

}  // namespace keelson::admission
