// SPDX-License-Identifier: Apache-2.0
// What `events` tells of a cgroup beyond what pods' figures have: pages of a size, and how long
// processes waited. Pure but for MoreStats. Source: runc events(8), kernel's PSI and hugetlb.
#pragma once

#include <string>
#include <string_view>

#include "lib/json/value.h"

namespace keelson::oci {

// A *.pressure file's lines as {"some":{"avg10":…},"full":{…}}; nothing where there are none.
json::Value PressureText(std::string_view file);
// Into `data`: `hugetlb` by size, and `psi` of cpu, memory and blkio. `directory`: of the
// hierarchy that has hugetlb, v2's own otherwise.
void MoreStats(const std::string& directory, bool v2, json::Value& data);

}  // namespace keelson::oci
