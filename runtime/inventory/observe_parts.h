// SPDX-License-Identifier: Apache-2.0
// The parts of ReadThings (observe.h). Each fills its members and leaves the others alone.
#pragma once

#include "lib/base/result.h"
#include "runtime/inventory/observe.h"

namespace keelson::inventory {

void ReadFiles(const Places& places, Things& out);
void ReadProcesses(const Places& places, Facts& facts);  // and what they say of other nodes
base::Status ReadMounts(const Places& places, Things& out);
base::Status ReadLinks(const Places& places, Things& out);
base::Status ReadChains(Things& out);
void ReadGroups(const Places& places, const Records& records, Things& out);

}  // namespace keelson::inventory
