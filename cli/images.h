// SPDX-License-Identifier: Apache-2.0
// `keelson images`, `pull` and `rmi`: the images that the runtime holds.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/runtime.h"

namespace keelson::cli {

base::Status Images(const std::string& output, Runtime& runtime,
                    const Console& console);  // "", "wide" or "json"
base::Status Pull(const std::string& reference, Runtime& runtime, const Console& console);
// Refuses images of containers unless `force`. Every one is tried; the errors are joined.
base::Status RemoveImages(const std::vector<std::string>& references, bool force, Runtime& runtime,
                          const Console& console);

// A line for each name; images without a name are "<none>".
std::string ImageTable(const std::vector<cri::Image>& images, bool wide);
// "docker.io/library/nginx:demo" as name and tag: the tag is what follows the last ':' behind the
// last '/'.
std::pair<std::string, std::string> SplitTag(const std::string& name);

}  // namespace keelson::cli
