// SPDX-License-Identifier: Apache-2.0
// Where a test finds the programs that were built with it and the files of the source tree. One
// unit alone is compiled with these paths, so that all others are the same for the compiler's cache
// wherever a checkout lies.
#pragma once

#include <string>

namespace keelson::base {

// The folder of all programs of this build, this test among them.
std::string BinDir();

// The root of the source tree.
std::string SourceDir();

}  // namespace keelson::base
