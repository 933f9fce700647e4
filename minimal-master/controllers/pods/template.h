// SPDX-License-Identifier: Apache-2.0
// Pods as a controller makes them from its object's template, and the patches by which it takes
// them up or lets them go. Pure, any thread.
#pragma once

#include "minimal-master/control/write.h"
#include "minimal-master/controllers/pods/facts.h"

namespace keelson::pods {

// Named "<owner>-<random>", with the template's labels, annotations and finalizers.
json::Value FromTemplate(const json::Value& pod_template, std::string_view api_version,
                         std::string_view kind, const json::Value& owner);
// Makes `owner` the controller of an object that has none; refused when it is another one by now.
control::Write Adopt(const schema::Resource& resource, const watch::Object& object,
                     std::string_view api_version, std::string_view kind, const json::Value& owner);
// Takes this owner's reference off it.
control::Write Release(const schema::Resource& resource, const watch::Object& object,
                       std::string_view owner_uid);

}  // namespace keelson::pods
