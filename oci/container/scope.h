// SPDX-License-Identifier: Apache-2.0
// A container's scope as systemd is told of it: its limits, so that `systemctl` shows them and a
// `daemon-reload` keeps them, and what annotations ask for. Pure, any thread. Source:
// systemd.resource-control(5), runc's org.systemd.property annotations.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "lib/systemd/units.h"

namespace keelson::oci {

// The quota as systemd keeps it, so that it stays what it is when systemd writes it anew.
void RoundQuota(cgroup::Resources& resources);
// A group that runs when nobody else would; it has no weight beside that.
bool IsIdle(const cgroup::Resources& resources);
systemd::Properties LimitsOfScope(const cgroup::Resources& resources);
// "org.systemd.property.TimeoutStopSec": "10", as systemd's D-Bus interface has them; "…Sec"
// becomes "…USec". Values: true, false, whole numbers, 'text'.
base::Result<systemd::Properties> AnnotatedProperties(
    const std::vector<std::pair<std::string, std::string>>& annotations);
// `more` over `base`: of two of one name the later one.
void Overlay(systemd::Properties& base, systemd::Properties more);

}  // namespace keelson::oci
