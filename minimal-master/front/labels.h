// SPDX-License-Identifier: Apache-2.0
// What kind of request one is, as upstream's metrics name it. Names that clients make up are not
// told: only what is served. Pure, any thread. Source: k8s.io/apiserver, endpoints/metrics (1.35).
#pragma once

#include <string>
#include <string_view>

#include "minimal-master/api/route.h"

namespace keelson::front {

struct Labels {
  std::string_view group;
  std::string_view version;
  std::string_view resource;
  std::string_view subresource;  // of what is no resource: its path
  std::string_view scope;        // "resource", "namespace", "cluster" or ""
  std::string_view verb;         // "GET", "LIST", "APPLY", "CONNECT", …
  std::string_view dry_run;      // "All" or ""

  std::string Key() const;  // the same for equal ones
};

// Points into `route` and into constants.
Labels LabelsOf(const service::Request& request, const api::Route& route);
// Get, list and watch change nothing; every other verb may.
bool IsMutating(const api::Route& route);

}  // namespace keelson::front
