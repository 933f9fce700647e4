// SPDX-License-Identifier: Apache-2.0
// token-cleaner-controller (keys are the Secrets' names) and bootstrap-signer-controller (one key).
#pragma once

#include <memory>
#include <vector>

#include "minimal-master/control/controller.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::bootstraptokens {

std::vector<std::unique_ptr<control::Controller>> Controllers(const Context& context);

}  // namespace keelson::controllers::bootstraptokens
