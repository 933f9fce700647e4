// SPDX-License-Identifier: Apache-2.0
// What a request is about: its attributes, as authorization sees them, and the resource of the
// schema that they mean. Pure, any thread.
#pragma once

#include "lib/http/service/message.h"
#include "minimal-master/auth/attributes.h"
#include "minimal-master/schema/resources.h"

namespace keelson::api {

struct Route : auth::Attributes {
  // Null: nothing of that name is served there.
  const schema::Resource* served = nullptr;
  const schema::Subresource* served_sub = nullptr;
  // The method can be used there.
  bool allowed = false;
};

// `user` is left empty.
Route RouteOf(const service::Request& request);

// A session with a container, or what is proxied: answered by somebody else.
bool IsSession(const Route& route);
// Lasts as long as a client likes: watches, logs and sessions.
bool IsLongRunning(const Route& route);

}  // namespace keelson::api
