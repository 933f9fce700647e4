// SPDX-License-Identifier: Apache-2.0
// Every controller of the control plane, given to the manager that runs them. A new one is a line
// in all.cc.
#pragma once

#include "minimal-master/control/manager.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers {

// As upstream's --controllers: named, or not taken away and "*" is there.
bool IsEnabled(const std::vector<std::string>& enabled, std::string_view name);
void AddControllers(control::Manager& manager, const Context& context);

}  // namespace keelson::controllers
