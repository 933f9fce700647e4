// SPDX-License-Identifier: Apache-2.0
// Who changed what and when, as audit.k8s.io/v1 Event at level Metadata: nothing of what objects
// hold. Pure, any thread. Source: k8s.io/apiserver, audit (1.35).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/http/service/message.h"
#include "minimal-master/auth/attributes.h"

namespace keelson::audit {

// Whether it is written down: everything that is more than looking, but for questions that are sent
// as objects (reviews), and for events and the leases that are renewed every few seconds.
bool IsWorthIt(const auth::Attributes& attributes);
// A session with a container, a proxied request: lives on behind its answer.
bool IsConnection(const auth::Attributes& attributes);

enum class Stage { kStarted, kComplete };
enum class Decision { kNone, kAllowed, kForbidden };

struct Event {
  const service::Request& request;
  const auth::Attributes& attributes;  // with the user, who may act as another's
  std::string_view id;
  Stage stage = Stage::kComplete;
  Decision decision = Decision::kNone;
  int code = 0;
  std::string_view
      answer;  // its beginning at least: a Status is told, an object's name is read off
  int64_t received_nanos = 0;
  int64_t stage_nanos = 0;
};

// One line of JSON.
std::string ToLine(const Event& event);

}  // namespace keelson::audit
