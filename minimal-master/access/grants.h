// SPDX-License-Identifier: Apache-2.0
// Who may write roles and bindings: only who holds what they give, or may `escalate` or `bind`. Any
// thread. Source: k8s.io/kubernetes, pkg/registry/rbac (1.35).
#pragma once

#include "minimal-master/access/access.h"

namespace keelson::access {

// True for objects of all other kinds and where the rights given do not change; certificates.h is
// asked first.
status::Or<bool> MayGrant(Access& access, const auth::User& user, const json::Value& object,
                          const json::Value* old);

}  // namespace keelson::access
