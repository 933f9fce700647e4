// SPDX-License-Identifier: Apache-2.0
// The error in what a runtime's program wrote with --log-format json, one object a line: the "msg"
// of the last line whose level is an error's, else of the last line. Foreign text: bounded, never
// trusted to be JSON. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace keelson::oci {

std::string ErrorIn(std::string_view log);  // empty: none

}  // namespace keelson::oci
