// SPDX-License-Identifier: Apache-2.0
// The options of requests, out of the query (and of a DELETE's body): read, and refused in
// upstream's words. Pure, any thread. Source: meta/v1's ListOptions, CreateOptions, … and their
// validation (1.35).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/http/service/message.h"
#include "minimal-master/schema/resources.h"
#include "minimal-master/status/failure.h"
#include "minimal-master/watch/object.h"
#include "minimal-master/watch/selectors/field_selector.h"
#include "minimal-master/watch/selectors/label_selector.h"

namespace keelson::api {

enum class Validation { kStrict, kWarn, kIgnore };

// Of create, update and patch.
struct WriteOptions {
  bool dry_run = false;
  Validation validation = Validation::kWarn;
  std::string manager;  // fieldManager as asked for; empty: it follows from the client's name
  bool force = false;
};
// `kind`: "CreateOptions", "UpdateOptions", "PatchOptions": whose problems these are.
status::Or<WriteOptions> ReadWriteOptions(const service::Fields& query, std::string_view kind);

// How objects are chosen, whatever is done with them.
struct Selection {
  watch::selectors::LabelSelector labels;
  watch::selectors::FieldSelector fields;
  bool Matches(const schema::Resource& resource, const watch::Object& object) const;
};
status::Or<Selection> ReadSelection(const service::Fields& query, const schema::Resource& resource);

struct ListOptions {
  Selection selection;
  int64_t limit = 0;
  std::string resume;  // the token `continue`
  std::string resource_version;
  std::string match;  // resourceVersionMatch
  std::optional<bool> send_initial_events;
  bool bookmarks = false;
  int64_t timeout_seconds = 0;  // 0: the server's choice
};
// `watching`: other rules hold then.
status::Or<ListOptions> ReadListOptions(const service::Fields& query,
                                        const schema::Resource& resource, bool watching);

// "12" → 12; refused as Go's ParseUint refuses. Empty: 0.
status::Or<int64_t> ReadRevision(const std::string& text);

// How long the client gives us (`timeout=`, as Go writes durations); zero: it does not say. A
// refusal if it is none.
status::Or<std::chrono::nanoseconds> ReadTimeout(const service::Fields& query);

}  // namespace keelson::api
