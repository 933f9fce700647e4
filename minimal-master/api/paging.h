// SPDX-License-Identifier: Apache-2.0
// Where a list that is read page by page goes on: upstream's token, base64 of the revision of the
// first page and the key behind the last object given. Pure but for the cache it looks into.
#pragma once

#include <string>
#include <string_view>

#include "minimal-master/status/failure.h"
#include "minimal-master/watch/cache.h"

namespace keelson::api {

struct PageToken {
  watch::Revision revision = 0;  // -1: whatever is there now
  std::string start;             // a whole key
};

std::string WritePageToken(const PageToken& token, std::string_view prefix);
status::Or<PageToken> ReadPageToken(std::string_view text, std::string_view prefix);
// As of the token's revision, or a refusal with a token by which the client can go on all the same.
status::Or<watch::Snapshot> SnapshotOfPage(watch::Cache& cache, const PageToken& token,
                                           std::string_view prefix);

}  // namespace keelson::api
