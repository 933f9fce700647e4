// SPDX-License-Identifier: Apache-2.0
// Samples as the CRI's messages, serialised: what does not change (attributes) is serialised once
// by the target's owner and joined with the figures, since messages laid end to end merge. Pure.
#pragma once

#include <string>

#include "runtime/stats/sample.h"

namespace keelson::stats {

// `filesystem`: where writable layers lie, as ImageFsInfo names it.
std::string ContainerMessage(const ContainerSample& sample, const std::string& filesystem);
// From the messages of its containers, which must be there.
std::string PodMessage(const PodSample& sample);

// Field `number` of a message that holds `bytes`: a nested message or a string.
void AppendField(int number, std::string_view bytes, std::string& out);

}  // namespace keelson::stats
