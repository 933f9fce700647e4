// SPDX-License-Identifier: Apache-2.0
// The three controllers of CertificateSigningRequests: one approves nodes' requests, one signs what
// is approved (when there is an authority), one takes away what is old. Keys are their names.
#pragma once

#include <memory>
#include <vector>

#include "minimal-master/control/controller.h"
#include "minimal-master/controllers/settings.h"

namespace keelson::controllers::csr {

std::vector<std::unique_ptr<control::Controller>> Controllers(const Context& context);

}  // namespace keelson::controllers::csr
