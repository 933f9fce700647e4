// SPDX-License-Identifier: Apache-2.0
// The lists of the page, one by one. Pure, any thread. For this folder alone.
#pragma once

#include "minimal-master/page/facts.h"
#include "minimal-master/page/findings.h"

namespace keelson::page {

json::Value FindingOut(const Finding& finding);
// Each sets a list of no more than `most`, and how many there are of it.
void AddWorkloads(json::Value& out, const World& world, size_t most);
void AddServices(json::Value& out, const World& world, int64_t now, size_t most);
void AddEvents(json::Value& out, const World& world, size_t most);

}  // namespace keelson::page
