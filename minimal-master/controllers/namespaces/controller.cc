// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/namespaces/controller.h"

#include <mutex>

#include "minimal-master/controllers/pods/writer.h"
#include "minimal-master/storage/storage.h"

namespace keelson::controllers::namespaces {
namespace {

using json::Value;

constexpr char kAs[] = "namespace-controller";

bool MayBeEnding(const watch::Object& space) {
  return space.bytes().view().find("\"deletionTimestamp\":\"") != std::string_view::npos;
}

}  // namespace

Ender::Ender(const Context& context, const pods::Tools& tools) : context_(context), tools_(tools) {
  const schema::Resource& pods = control::ResourceNamed("", "pods");
  kinds_.push_back(&pods);
  for (const schema::Resource& resource : schema::Resources()) {
    if (resource.namespaced() && resource.Can("delete") && resource.Can("list") &&
        &resource != &pods && &storage::StoredAs(resource) == &resource)
      kinds_.push_back(&resource);
  }
}

std::vector<const schema::Resource*> Ender::Watches() const {
  std::vector<const schema::Resource*> out = kinds_;
  out.push_back(&namespaces_);
  return out;
}

void Ender::Route(const control::Change& change, const Add& add) {
  const watch::Object& object = *change.object;
  if (&change.resource == &namespaces_) {
    if (change.kind != watch::Kind::kDeleted && MayBeEnding(object))
      add(std::string(object.name()));
    return;
  }
  if (change.kind == watch::Kind::kModified) return;
  const watch::ObjectPtr space = control::Find(context_.cache, namespaces_, "", object.ns());
  if (space && MayBeEnding(*space)) add(std::string(object.ns()));
}

std::vector<Content> Ender::ContentsOf(const std::string& ns) const {
  std::vector<Content> contents;
  for (const schema::Resource* kind : kinds_) {
    Content content{kind, {}};
    for (const watch::ObjectPtr& object : control::List(context_.cache, *kind, ns))
      content.objects.push_back(control::Parse(*object));
    if (!content.objects.empty()) contents.push_back(std::move(content));
  }
  return contents;
}

std::vector<std::string> Ender::Delete(const std::vector<control::Write>& deletes) {
  std::mutex mutex;
  std::vector<std::string> errors;
  pods::Writer writer(context_.client, context_.recorder, tools_.executor, kAs);
  writer.Each(deletes.size(), [&](size_t i) {
    const status::Or<Value> done = context_.client.Do(kAs, deletes[i]);
    if (done.ok() || done.failure().code == 404 || done.failure().code == 409) return;
    const std::lock_guard lock(mutex);
    errors.push_back(done.failure().message);
  });
  return errors;
}

control::Outcome Ender::Sync(const std::string& key) {
  std::optional<Value> space = control::Get(context_.cache, namespaces_, "", key);
  if (!space || !IsEnding(*space)) return control::Outcome::Done();
  Rest rest;
  rest.contents = ContentsOf(key);
  // Pods first; what is left of them keeps the rest.
  while (true) {
    const std::vector<control::Write> deletes = PlanDeletes(rest.contents);
    rest.errors = Delete(deletes);
    rest.contents = ContentsOf(key);
    if (deletes.empty() || !rest.errors.empty()) break;
  }
  space = control::Get(context_.cache, namespaces_, "", key);
  if (!space || !IsEnding(*space)) return control::Outcome::Done();
  // While there are pods nothing else was looked at.
  if (!rest.contents.empty() && rest.contents.front().resource == kinds_.front())
    rest.contents.resize(1);
  rest.space = *std::move(space);
  rest.now = context_.clock.WallNanos();
  control::Outcome outcome = Apply(context_.client, kAs, PlanEnd(rest));
  if (!outcome.failed && !rest.errors.empty()) outcome.failed = rest.errors.front();
  return outcome;
}

}  // namespace keelson::controllers::namespaces
