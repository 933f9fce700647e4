// SPDX-License-Identifier: Apache-2.0
// What the name server needs of the API's objects: all services, headless and external ones too,
// and the ready endpoints of headless ones. No I/O; one thread.
#pragma once

#include <map>
#include <string>

#include "lib/json/value.h"
#include "lib/kube/client/reflector.h"
#include "proxy/dns/zone_file.h"

namespace keelson::proxy {

class Names {
 public:
  void SetService(const json::Value& object);
  void RemoveService(const kube::ObjectName& name);
  void SetSlice(const json::Value& object);
  void RemoveSlice(const kube::ObjectName& name);

  // Something that is answered may have changed since this was last asked.
  bool TakeChanged();
  bool has_changed() const { return changed_; }
  dns::ZoneFile ToFile(const std::string& domain, uint32_t serial) const;

 private:
  std::map<kube::ObjectName, dns::Service> services_;
  std::map<kube::ObjectName, dns::Endpoints> endpoints_;  // by slice
  bool changed_ = false;
};

}  // namespace keelson::proxy
