// SPDX-License-Identifier: Apache-2.0
// Queries of API requests: options of lists, watches and writes, and tokens by which a list goes
// on, which read as they were written.
#include <string>
#include <string_view>

#include "lib/http/service/message.h"
#include "minimal-master/api/options.h"
#include "minimal-master/api/paging.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using keelson::fuzz::RequireSentence;
namespace api = keelson::api;
namespace schema = keelson::schema;
namespace service = keelson::service;

template <typename Outcome>
bool Taken(const Outcome& outcome) {
  if (outcome.ok()) return true;
  RequireSentence(outcome.failure().message);
  Require(outcome.failure().code >= 400 && outcome.failure().code < 500, "not the client's fault");
  return false;
}

void CheckPageToken(std::string_view text) {
  constexpr std::string_view kPrefix = "/registry/pods/";
  const auto token = api::ReadPageToken(text, kPrefix);
  if (!Taken(token)) return;
  Require(token->start.starts_with(kPrefix), "a page of another collection", token->start);
  const auto again = api::ReadPageToken(api::WritePageToken(*token, kPrefix), kPrefix);
  Require(again.ok() && again->start == token->start && again->revision == token->revision,
          "a page's token reads as another", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static const schema::Resource& pods = *schema::FindResource("", "v1", "pods");
  CheckPageToken(text);
  service::Request request;
  request.target = "/?" + text;
  if (!service::ParseTarget(request)) return 0;
  for (const auto& [name, value] : request.query) {
    if (name == "continue") CheckPageToken(value);
  }
  for (const bool watching : {false, true})
    (void)Taken(api::ReadListOptions(request.query, pods, watching));
  for (const char* kind : {"CreateOptions", "UpdateOptions", "PatchOptions"})
    (void)Taken(api::ReadWriteOptions(request.query, kind));
  (void)Taken(api::ReadTimeout(request.query));
  return 0;
}
