// SPDX-License-Identifier: Apache-2.0
// ContainerSpec and Process as bytes (base/codec), version first. Decode checks every length and
// enumerator and refuses what it does not know; fields are only ever added at the end. Pure, any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "runtime/spec/container_spec.h"

namespace keelson::spec {

std::string Encode(const ContainerSpec& spec);
base::Result<ContainerSpec> DecodeContainerSpec(std::string_view bytes);
std::string Encode(const Process& process);
base::Result<Process> DecodeProcess(std::string_view bytes);

}  // namespace keelson::spec
