// SPDX-License-Identifier: Apache-2.0
// Objects as clusters hold them, as request bodies: some 3.3 kB a pod once it is served.
#pragma once

#include <string>

namespace keelson::load {

std::string Pod(const std::string& name);        // no scheduler takes it
std::string PodStatus(uint64_t number);          // a strategic merge patch of the status
std::string ConfigMap(const std::string& name);  // 1 kB
// `revision` empty: to create it.
std::string Lease(const std::string& ns, const std::string& name, const std::string& revision,
                  uint64_t number);
// The first resourceVersion in an object's bytes.
std::string RevisionIn(const std::string& body);

}  // namespace keelson::load
