// SPDX-License-Identifier: Apache-2.0
// Questions that clients ask about access itself: SubjectAccessReview and its kin, rules, tokens,
// and who one is. They are answered and not kept. Any thread. Source: k8s.io/kubernetes,
// pkg/registry/authorization and authentication (1.35).
#pragma once

#include <string>

#include "minimal-master/access/access.h"

namespace keelson::access {

// Whether an object is such a question, of authentication.k8s.io or authorization.k8s.io.
bool IsReview(const json::Value& object);

// `review` with its status filled in. `asker` created it in `ns` (empty: in no namespace).
status::Or<json::Value> Answer(Access& access, const auth::User& asker, const std::string& ns,
                               json::Value review);

}  // namespace keelson::access
