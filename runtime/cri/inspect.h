// SPDX-License-Identifier: Apache-2.0
// What a verbose status adds for people and their tools: one JSON text. Not part of what clients
// may rely on. Pure.
#pragma once

#include <string>

#include "runtime/cri/runtime.h"

namespace keelson::cri_server {

std::string Inspect(const SandboxView& view);
std::string Inspect(const ContainerView& view);

}  // namespace keelson::cri_server
