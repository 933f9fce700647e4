// SPDX-License-Identifier: Apache-2.0
// Objects in the form a client asked for: as they are, as rows of a table, as metadata alone; and
// in the version of the API that was asked for. Lists share the cache's bytes. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "minimal-master/api/answer.h"
#include "minimal-master/api/route.h"
#include "minimal-master/watch/object.h"

namespace keelson::api {

struct ListPage {
  watch::Revision revision = 0;
  std::string resume;  // empty: this is all
  std::optional<int64_t> remaining;
};

// A stored object in the version of `resource`; nothing to do for most.
std::string InVersion(const schema::Resource& resource, std::string_view stored);
// The bytes to store of an object in the version of `resource`.
std::string AsStored(const schema::Resource& resource, json::Value object);

status::Or<std::string> ShapeObject(const Route& route, const Form& form,
                                    const service::Fields& query, std::string json,
                                    int64_t now_nanos);
// A Scale, whatever it is the scale of.
status::Or<std::string> ShapeScale(const Form& form, const service::Fields& query,
                                   const json::Value& scale, int64_t now_nanos);
status::Or<Answer> ShapeList(const Route& route, const Form& form, const service::Fields& query,
                             const std::vector<watch::ObjectPtr>& objects, const ListPage& page,
                             int64_t now_nanos);

// Of watches. Columns of a table are sent once, with its first event.
class EventShaper {
 public:
  static status::Or<EventShaper> For(const Route& route, const Form& form,
                                     const service::Fields& query);
  // The pieces of one line of the stream.
  std::vector<service::Buffer> Event(std::string_view type, const watch::Object& object,
                                     int64_t now_nanos);
  std::string Bookmark(watch::Revision revision, bool initial_end);

 private:
  const schema::Resource* resource_ = nullptr;
  Form form_;
  std::string include_ = "Metadata";
  bool columns_sent_ = false;
};

}  // namespace keelson::api
