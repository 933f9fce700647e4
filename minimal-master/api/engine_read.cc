// SPDX-License-Identifier: Apache-2.0
// Get and list.
#include <fmt/format.h>

#include "lib/base/strings.h"
#include "minimal-master/api/engine.h"
#include "minimal-master/api/paging.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/api/shape.h"
#include "minimal-master/storage/storage.h"

namespace keelson::api {
namespace {

using status::Failure;
using watch::ObjectPtr;
using watch::Snapshot;

constexpr std::chrono::seconds kFreshWait{3};

Failure TooLargeRevision(int64_t asked, int64_t current) {
  Failure failure;
  failure.code = 504;
  failure.reason = "Timeout";
  failure.message =
      fmt::format("Timeout: Too large resource version: {}, current: {}", asked, current);
  failure.has_details = true;
  failure.details.causes.push_back({"ResourceVersionTooLarge", "Too large resource version", ""});
  failure.details.retry_after_seconds = 1;
  return failure;
}

// What a list is read from.
status::Or<Snapshot> SnapshotFor(watch::Cache& cache, const ListOptions& options,
                                 const std::string& prefix) {
  const status::Or<int64_t> revision = ReadRevision(options.resource_version);
  if (!revision.ok())
    return status::BadRequest("invalid resource version: " + revision.failure().message);
  const bool exact =
      options.match == "Exact" || (options.match.empty() && options.limit > 0 && *revision > 0);
  if (*revision == 0) return cache.Current();
  if (exact) {
    base::Result<Snapshot> past = cache.At(*revision, prefix);
    if (past.ok()) return *std::move(past);
    if (*revision > cache.revision()) return TooLargeRevision(*revision, cache.revision());
    return status::Expired("The resourceVersion for the provided list is too old.");
  }
  base::Result<Snapshot> fresh = cache.AtLeast(*revision, kFreshWait);
  if (fresh.ok()) return *std::move(fresh);
  return TooLargeRevision(*revision, cache.revision());
}

}  // namespace

Answer Engine::Show(const Call& call, int code, std::string json) {
  const status::Or<Form> form = FormOf(call.request.headers, false);
  if (!form.ok()) return Refusal(form.failure());
  const status::Or<std::string> shaped =
      ShapeObject(call.route, *form, call.request.query, std::move(json), clock_.WallNanos());
  if (!shaped.ok()) return Refusal(shaped.failure());
  Answer answer = Encoded(code, *form, *shaped);
  for (const std::string& warning : call.warnings) answer.headers.push_back(Warning(warning));
  return answer;
}

std::optional<std::vector<ObjectPtr>> Engine::Computed(const schema::Resource& resource,
                                                       const std::string& ns) const {
  if (!hooks_.computed) return std::nullopt;
  std::optional<std::vector<json::Value>> values = hooks_.computed(resource, ns);
  if (!values) return std::nullopt;
  std::vector<ObjectPtr> out;
  for (const json::Value& value : *values) {
    const json::Value& metadata = value.At({"metadata"});
    const std::string key = storage::KeyOf(resource, metadata.At({"namespace"}).AsString(),
                                           metadata.At({"name"}).AsString());
    const watch::Bytes bytes = store::Bytes::Copy(json::WriteJson(value));
    base::Result<watch::Contents> contents = Reader().Read(key, bytes, 1);
    if (!contents.ok()) continue;
    contents->bytes = bytes;  // what is not stored has no revision
    out.push_back(ObjectPtr(new watch::Object(key, 0, *contents)));
  }
  return out;
}

// As a metrics-server says it: what is told of is not there, or nothing is known of it yet.
status::Failure Engine::NothingKnown(const schema::Resource& resource, const Route& route) const {
  const schema::Resource* of = schema::FindResource("", "v1", resource.name());
  if (of == nullptr) return status::NotFound({resource.group(), resource.name()}, route.name);
  if (!cache_.Find(storage::KeyOf(*of, route.ns, route.name)))
    return status::NotFound({"", of->name()}, route.name);
  return status::NotFound({resource.group(), base::ToLower(resource.kind())},
                          route.ns.empty() ? route.name : route.ns + "/" + route.name);
}

Answer Engine::Get(const Call& call) {
  const std::string* asked = service::FindField(call.request.query, "resourceVersion");
  const status::Or<int64_t> revision = ReadRevision(asked == nullptr ? "" : *asked);
  if (!revision.ok()) return Refusal(revision.failure());
  if (*revision > cache_.revision() && !cache_.AtLeast(*revision, kFreshWait).ok())
    return Refusal(TooLargeRevision(*revision, cache_.revision()));
  const schema::Resource& resource = *call.route.served;
  if (const auto computed =
          hooks_.computed ? hooks_.computed(resource, call.route.ns) : std::nullopt) {
    for (const json::Value& one : *computed)
      if (one.At({"metadata", "name"}).AsString() == call.route.name)
        return Show(call, 200, json::WriteJson(one));
    return Refusal(NothingKnown(resource, call.route));
  }
  const ObjectPtr object = cache_.Find(storage::KeyOf(resource, call.route.ns, call.route.name));
  if (!object)
    return Refusal(status::NotFound({resource.group(), resource.name()}, call.route.name));
  return Show(call, 200, InVersion(resource, object->bytes().view()));
}

Answer Engine::List(const Call& call) {
  const schema::Resource& resource = *call.route.served;
  const status::Or<Form> form = FormOf(call.request.headers, false);
  if (!form.ok()) return Refusal(form.failure());
  status::Or<ListOptions> options = ReadListOptions(call.request.query, resource, false);
  if (!options.ok()) return Refusal(options.failure());
  if (const auto computed = Computed(resource, call.route.ns)) {
    std::vector<ObjectPtr> fitting;
    for (const ObjectPtr& one : *computed)
      if (options->selection.Matches(resource, *one)) fitting.push_back(one);
    status::Or<Answer> whole =
        ShapeList(call.route, *form, call.request.query, fitting, ListPage{}, clock_.WallNanos());
    return whole.ok() ? *whole : Refusal(whole.failure());
  }
  const std::string prefix = storage::PrefixOf(resource, call.route.ns);
  std::string from;
  status::Or<Snapshot> snapshot = Snapshot();
  if (!options->resume.empty()) {
    const status::Or<PageToken> token = ReadPageToken(options->resume, prefix);
    if (!token.ok()) return Refusal(token.failure());
    from = token->start;
    snapshot = SnapshotOfPage(cache_, *token, prefix);
  } else {
    snapshot = SnapshotFor(cache_, *options, prefix);
  }
  if (!snapshot.ok()) return Refusal(snapshot.failure());

  // Whoever takes what is at hand gets all of it.
  const bool any = options->resource_version == "0" && options->match.empty();
  const auto limit = options->limit > 0 && !any ? static_cast<size_t>(options->limit) : SIZE_MAX;
  std::vector<ObjectPtr> chosen;
  std::string next;
  const bool select = !options->selection.labels.empty() || !options->selection.fields.empty();
  const std::string* name = options->selection.fields.Exact("metadata.name");
  if (name != nullptr && !call.route.ns.empty()) {
    const ObjectPtr one = snapshot->Find(storage::KeyOf(resource, call.route.ns, *name));
    if (one && options->selection.Matches(resource, *one)) chosen.push_back(one);
  } else {
    snapshot->ForEach(prefix, from, [&](const ObjectPtr& object) {
      // Another page is promised where there are more keys, whether or not they are chosen.
      if (chosen.size() == limit) {
        next = std::string(object->key());
        return false;
      }
      if (select && !options->selection.Matches(resource, *object)) return true;
      chosen.push_back(object);
      return true;
    });
  }
  ListPage page;
  page.revision = snapshot->revision();
  if (!next.empty()) {
    // The next page begins behind the last one that was given.
    const std::string start = std::string(chosen.back()->key()) + '\0';
    page.resume = WritePageToken({snapshot->revision(), start}, prefix);
    if (!select) page.remaining = static_cast<int64_t>(snapshot->Count(prefix, start));
  }
  status::Or<Answer> answer =
      ShapeList(call.route, *form, call.request.query, chosen, page, clock_.WallNanos());
  return answer.ok() ? *answer : Refusal(answer.failure());
}

}  // namespace keelson::api
