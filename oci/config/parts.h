// SPDX-License-Identifier: Apache-2.0
// The part of the parser that config.json and process.json share. For oci/config alone.
#pragma once

#include "lib/base/result.h"
#include "oci/config/config.h"
#include "oci/config/field.h"

namespace keelson::oci {

base::Result<Process> ReadProcess(const Field& field);
base::Status ReadMemoryPolicy(const Field& owner, Linux& out);
base::Status ReadNetDevices(const Field& owner, Linux& out);
// Nothing of it can be had.
base::Status RefuseIntelRdt(const Field& owner);

}  // namespace keelson::oci
