// SPDX-License-Identifier: Apache-2.0
// Who may approve, deny or sign requests for certificates: only who may `approve` or `sign` for
// their signer; and nobody asks for a certificate that makes them the cluster's master. Any thread.
// Source: k8s.io/kubernetes, plugin/pkg/admission/certificates (1.35).
#pragma once

#include "minimal-master/access/access.h"

namespace keelson::access {

// True for objects of all other kinds.
status::Or<bool> MayCertify(Access& access, const auth::User& user, const json::Value& object,
                            const json::Value* old);

}  // namespace keelson::access
