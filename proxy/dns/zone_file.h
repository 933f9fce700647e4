// SPDX-License-Identifier: Apache-2.0
// The file by which the proxy tells the name server what there is: JSON, written whole and renamed
// into place, so that either side may be started anew at any time. Pure. Fields are only ever
// added.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "proxy/dns/zone.h"

namespace keelson::dns {

struct ZoneFile {
  std::string domain = "cluster.local";
  uint32_t serial = 1;
  std::vector<Service> services;
  std::vector<Endpoints> endpoints;
};

std::string WriteZoneFile(const ZoneFile& file);
base::Result<ZoneFile> ReadZoneFile(std::string_view text);

}  // namespace keelson::dns
