// SPDX-License-Identifier: Apache-2.0
// Create and update, and what every write goes through.
#include <fmt/format.h>

#include "lib/base/ids.h"
#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"
#include "minimal-master/admission/admission.h"
#include "minimal-master/api/bodies.h"
#include "minimal-master/api/cache_facts.h"
#include "minimal-master/api/engine.h"
#include "minimal-master/api/metadata.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/api/shape.h"
#include "minimal-master/api/tracking.h"
#include "minimal-master/defaults/defaults.h"
#include "minimal-master/fields/owners.h"
#include "minimal-master/fields/split.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/storage/storage.h"
#include "minimal-master/strategy/strategy.h"
#include "minimal-master/validation/validation.h"
#include "minimal-master/validation/warnings.h"

namespace keelson::api {
namespace {

using json::Value;
using status::Failure;
using store::Bytes;
using watch::ObjectPtr;

constexpr int kTries = 20;  // against writers that were quicker

bool IsDurable(const schema::Resource& resource) {
  return resource.name() != "leases" && resource.name() != "events";
}

// Among "|a|b|".
bool Among(std::string_view names, std::string_view name) {
  return names.find(fmt::format("|{}|", name)) != std::string_view::npos;
}
// A PUT to what is not there makes it.
bool IsMadeByUpdate(const schema::Resource& resource) {
  return Among(
      "|leases|services|endpoints|events|limitranges|roles|rolebindings|clusterroles|"
      "clusterrolebindings|runtimeclasses|",
      resource.name());
}
// A PUT without the version that was read is refused.
bool NeedsRevision(const schema::Resource& resource) {
  return Among(
      "|apiservices|csidrivers|csinodes|csistoragecapacities|customresourcedefinitions|leases|"
      "mutatingwebhookconfigurations|validatingwebhookconfigurations|poddisruptionbudgets|"
      "runtimeclasses|validatingadmissionpolicies|validatingadmissionpolicybindings|"
      "volumeattachments|",
      resource.name());
}

Failure OfStore(const base::Error& error) {
  // Upstream's answer when its etcd has no room, code and words.
  if (error.code() == base::Code::kResourceExhausted)
    return {.code = 500, .reason = "", .message = "database space exceeded: " + error.message()};
  return status::Unavailable(error.message());
}

bool IsService(const schema::Resource& resource) {
  return resource.group().empty() && resource.name() == "services";
}

strategy::Kind KindOf(const schema::Resource& resource) {
  return {resource.group(), resource.kind()};
}

// The keys of the store begin with it; refusals name them without.
constexpr std::string_view kRoot = "/registry";

Failure Wrong(const schema::Resource& resource, const Value& object,
              const std::vector<kube::Problem>& problems) {
  return status::Invalid(resource.group() == "events.k8s.io" ? "" : resource.group(),
                         resource.kind(), object.At({"metadata", "name"}).AsString(), problems);
}

}  // namespace

std::string Engine::Now() const { return base::FormatRfc3339(clock_.WallNanos()); }

Answer Engine::Create(Call& call) {
  const schema::Resource& resource = *call.route.served;
  const status::Or<WriteOptions> options = ReadWriteOptions(call.request.query, "CreateOptions");
  if (!options.ok()) return Refusal(options.failure());
  status::Or<Value> object = DecodeBody(call, *options);
  if (!object.ok()) return Refusal(object.failure());
  if (hooks_.answer) {
    const auto answered = hooks_.answer(call.user, call.route.ns, *object);
    if (answered && !answered->ok()) return Refusal(answered->failure());
    if (answered) return Show(call, 201, json::WriteJson(**answered));
  }
  const status::Or<std::string> made = CreateOnce(call, *options, *std::move(object));
  if (!made.ok()) return Refusal(made.failure());
  return Show(call, 201, InVersion(resource, *made));
}

Answer Engine::CreateToken(Call& call) {
  const status::Or<schema::Media> media = MediaOf(call.request.headers);
  if (!media.ok()) return Refusal(media.failure());
  base::Result<schema::Decoded> decoded = schema::DecodeRequest(
      call.request.body, *media, "authentication.k8s.io", "v1", "TokenRequest");
  if (!decoded.ok()) return Refusal(status::BadRequest(decoded.error().message()));
  const status::Or<Value> made =
      hooks_.make_token(call.route.ns, call.route.name, std::move(decoded->value));
  if (!made.ok()) return Refusal(made.failure());
  return Encoded(201, Form{}, json::WriteJson(*made));
}

status::Or<Engine::Prepared> Engine::Prepare(const schema::Resource& resource,
                                             const std::string& ns, Value object,
                                             const auth::User& user, const std::string& manager,
                                             std::string_view owners) {
  const std::string time = Now();
  const std::string suffix = RandomSuffix();
  const status::Or<bool> begun = BeginMetadata(object, ns, {base::NewUuid(), time, suffix});
  if (!begun.ok()) return begun.failure();
  defaults::Apply(resource.group(), resource.version(), resource.kind(), object);
  strategy::Normalize(KindOf(resource), object);
  std::string managers(owners);
  if (!manager.empty())
    managers = fields::TrackWrite(TargetOf(resource, ""), nullptr, {}, object, manager, time);
  const CacheFacts facts(cache_.Current());
  Prepared prepared;
  prepared.name = object.At({"metadata", "name"}).AsString();
  const admission::Request request{admission::Operation::kCreate,
                                   resource.group(),
                                   resource.name(),
                                   resource.kind(),
                                   "",
                                   ns,
                                   prepared.name,
                                   user,
                                   suffix};
  if (const admission::Verdict verdict = admission::Mutate(request, object, facts); !verdict.ok())
    return verdict.failure();
  strategy::PrepareCreate(KindOf(resource), object, time);
  if (IsService(resource)) allocation::Normalize(object, nullptr);
  if (const auto problems = validation::OfCreate(resource.group(), resource.kind(), object);
      !problems.empty())
    return Wrong(resource, object, problems);
  if (const admission::Verdict verdict = admission::Check(request, object, facts); !verdict.ok())
    return verdict.failure();
  if (hooks_.may_write) {
    const status::Or<bool> may = hooks_.may_write(user, object, nullptr);
    if (!may.ok()) return may.failure();
  }
  prepared.warnings = validation::WarningsOf(resource.group(), resource.kind(), object);
  const std::string_view notice = hooks_.notice ? hooks_.notice(resource) : std::string_view();
  if (!notice.empty()) prepared.warnings.emplace_back(notice);
  prepared.key = storage::KeyOf(resource, ns, prepared.name);
  if (IsService(resource)) {
    auto given = services_.Give(cache_, prepared.key, object);
    if (!given.ok()) return given.failure();
    prepared.given = std::move(*given);
  }
  prepared.bytes = fields::JoinManagers(AsStored(resource, std::move(object)), managers);
  return prepared;
}

status::Or<std::string> Engine::CommitNew(const schema::Resource& resource,
                                          const Prepared& prepared) {
  const base::Result<store::Revision> revision = store_.Commit(
      {{prepared.key, Bytes::Copy(prepared.bytes), store::kAbsent}},
      IsDurable(resource) ? store::Durability::kDurable : store::Durability::kRelaxed);
  if (revision.ok()) return WithRevision(prepared.bytes, *revision);
  if (store::ConflictOf(revision.error()) != nullptr)
    return status::AlreadyExists({resource.group(), resource.name()}, prepared.name);
  return OfStore(revision.error());
}

status::Or<std::string> Engine::CreateOnce(Call& call, const WriteOptions& options, Value object,
                                           const std::string* owners) {
  const schema::Resource& resource = *call.route.served;
  // Paths below a namespace are its own as well.
  const std::string ns = resource.namespaced() ? call.route.ns : "";
  const status::Or<Prepared> prepared = Prepare(resource, ns, std::move(object), call.user,
                                                owners == nullptr ? ManagerOf(call, options) : "",
                                                owners == nullptr ? std::string_view() : *owners);
  if (!prepared.ok()) return prepared.failure();
  call.warnings.insert(call.warnings.end(), prepared->warnings.begin(), prepared->warnings.end());
  if (const ObjectPtr there = cache_.Find(prepared->key)) {
    Failure exists = status::AlreadyExists({resource.group(), resource.name()}, prepared->name);
    if (there->bytes().view().find("\"deletionTimestamp\":\"") != std::string_view::npos)
      exists.message = "object is being deleted: " + exists.message;
    return exists;
  }
  if (options.dry_run) return prepared->bytes;
  return CommitNew(resource, *prepared);
}

status::Or<std::string> Engine::Insert(const schema::Resource& resource, const std::string& ns,
                                       Value object, const auth::User& user) {
  const status::Or<Prepared> prepared = Prepare(resource, ns, std::move(object), user, "", "");
  if (!prepared.ok()) return prepared.failure();
  return CommitNew(resource, *prepared);
}

base::Status Engine::InsertMissing(std::vector<Value> objects, const auth::User& user) {
  base::Status first;
  std::vector<store::Change> changes;
  const auto commit = [&] {
    if (changes.empty()) return;
    const base::Result<store::Revision> done = store_.Commit(std::move(changes));
    changes.clear();
    if (!done.ok() && first.ok()) first = done.error();
  };
  for (Value& object : objects) {
    const std::string version = object.At({"apiVersion"}).AsString();
    const std::string kind = object.At({"kind"}).AsString();
    const size_t slash = version.find('/');
    const std::string group = slash == std::string::npos ? "" : version.substr(0, slash);
    const schema::Resource* resource = schema::FindResourceOfKind(
        group, slash == std::string::npos ? version : version.substr(slash + 1), kind);
    KEELSON_CHECK(resource != nullptr);
    const std::string ns = object.At({"metadata", "namespace"}).AsString();
    const std::string name = object.At({"metadata", "name"}).AsString();
    if (cache_.Find(storage::KeyOf(*resource, ns, name))) continue;
    // What lies in a namespace asks for it: those before it must be there by now.
    if (!ns.empty()) commit();
    const status::Or<Prepared> prepared = Prepare(*resource, ns, std::move(object), user, "", "");
    if (!prepared.ok()) {
      if (first.ok()) first = base::Internal("{} {}: {}", kind, name, prepared.failure().message);
      continue;
    }
    changes.push_back({prepared->key, Bytes::Copy(prepared->bytes), store::kAbsent});
    if (changes.size() == store::kMaxChanges) commit();
  }
  commit();
  return first;
}

status::Or<Written> Engine::Store(Call& call, const WriteOptions& options, const std::string& name,
                                  const Change& change, bool may_create, std::string* owners) {
  const schema::Resource& resource = *call.route.served;
  const std::string key = storage::KeyOf(resource, call.route.ns, name);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const ObjectPtr current = cache_.Find(key);
    if (!current) {
      if (!may_create) return status::NotFound({resource.group(), resource.name()}, name);
      if (owners != nullptr) owners->clear();
      status::Or<Value> object = change(nullptr);
      if (!object.ok()) return object.failure();
      if (Value* metadata = (*object).Find("metadata")) metadata->Erase("resourceVersion");
      status::Or<std::string> made = CreateOnce(call, options, *std::move(object), owners);
      if (!made.ok()) return made.failure();
      return Written{*std::move(made), true};
    }
    fields::Split stored = fields::SplitManagers(current->bytes().view());
    base::Result<Value> read = json::ParseJson(InVersion(resource, stored.object));
    if (!read.ok()) return status::Internal(read.error().message());
    const Value old = *std::move(read);
    if (owners != nullptr) *owners = stored.managers;
    const Value seen = SeesManagers(call) ? WithManagers(old, stored.managers) : Value();
    status::Or<Value> changed = change(seen.IsNull() ? &old : &seen);
    if (!changed.ok()) return changed.failure();
    Value object = *std::move(changed);
    const std::string& uid = object.At({"metadata", "uid"}).AsString();
    const std::string& its_uid = old.At({"metadata", "uid"}).AsString();
    if (call.route.verb == "update" && !uid.empty() && uid != its_uid)
      return status::Conflict(
          {resource.group(), resource.name()}, name,
          fmt::format("StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, "
                      "AdditionalErrorMsg: Precondition failed: UID in precondition: {}, UID in "
                      "object meta: {}",
                      std::string_view(key).substr(kRoot.size()), uid, its_uid));
    const std::string asked = object.At({"metadata", "resourceVersion"}).AsString();
    const status::Or<int64_t> revision = ReadRevision(asked);
    if (!revision.ok()) return revision.failure();
    if (*revision == 0 && call.route.verb == "update" && NeedsRevision(resource))
      return status::Invalid(resource.group(), resource.name(), name,
                             {{kube::ProblemKind::kInvalid, "metadata.resourceVersion",
                               "Invalid value: 0: must be specified for an update", 0}});
    if (*revision != 0 && *revision != current->revision())
      return status::ModifiedSince({resource.group(), resource.name()}, name);
    KeepMetadata(object, old);
    defaults::Apply(resource.group(), resource.version(), resource.kind(), object);
    strategy::Normalize(KindOf(resource), object);
    // Those change what their handlers say and nothing else.
    const bool raw = call.route.subresource == "binding" || call.route.subresource == "eviction" ||
                     call.route.subresource == "finalize" || call.route.subresource == "approval";
    const std::string managers =
        owners != nullptr
            ? *owners
            : fields::TrackWrite(TargetOf(resource, call.route.subresource), &old, stored.managers,
                                 object, ManagerOf(call, options), Now());
    if (call.route.subresource == "status")
      strategy::PrepareStatusUpdate(KindOf(resource), object, old);
    else if (!raw &&
             !strategy::PreparePartUpdate(KindOf(resource), call.route.subresource, object, old))
      strategy::PrepareUpdate(KindOf(resource), object, old);
    if (resource.name() == "pods" && call.route.subresource.empty())
      admission::TolerateForAWhile(object);
    const bool service = IsService(resource) && call.route.subresource.empty();
    if (service) allocation::Normalize(object, &old);
    if (!raw) {
      const auto problems = validation::OfUpdate(resource.group(), resource.kind(),
                                                 call.route.subresource, object, old);
      if (!problems.empty()) return Wrong(resource, object, problems);
    }
    if (call.route.subresource == "resize") {
      const admission::Request request{admission::Operation::kUpdate,
                                       resource.group(),
                                       resource.name(),
                                       resource.kind(),
                                       call.route.subresource,
                                       call.route.ns,
                                       name,
                                       call.user,
                                       ""};
      const admission::Verdict verdict =
          admission::Check(request, object, CacheFacts(cache_.Current()));
      if (!verdict.ok()) return verdict.failure();
    }
    std::unique_lock<std::mutex> held;
    if (service) {
      auto given = services_.Give(cache_, key, object);
      if (!given.ok()) return given.failure();
      held = std::move(*given);
    }
    const std::optional<std::string> changed_bytes =
        ChangedBytes(resource, object, managers, stored, current->revision());
    if (!changed_bytes) return Written{std::string(current->bytes().view()), false};
    const std::string& bytes = *changed_bytes;
    if (hooks_.may_write) {
      const status::Or<bool> may = hooks_.may_write(call.user, object, &old);
      if (!may.ok()) return may.failure();
    }
    if (options.dry_run) return Written{WithRevision(bytes, current->revision()), false};
    // The last finalizer of what is being deleted has gone.
    const bool ends =
        !object.At({"metadata", "deletionTimestamp"}).AsString().empty() &&
        object.At({"metadata", "finalizers"}).items().empty() &&
        object.At({"metadata", "deletionGracePeriodSeconds"}).AsInt() == 0 &&
        (resource.name() != "namespaces" || object.At({"spec", "finalizers"}).items().empty());
    const base::Result<store::Revision> committed = store_.Commit(
        {{key, ends ? Bytes() : Bytes::Copy(bytes), current->revision()}},
        IsDurable(resource) ? store::Durability::kDurable : store::Durability::kRelaxed);
    if (committed.ok()) return Written{WithRevision(bytes, *committed), false};
    const bool lost = store::ConflictOf(committed.error()) != nullptr ||
                      committed.error().code() == base::Code::kNotFound;
    if (!lost) return OfStore(committed.error());
    if (*revision != 0 && call.route.verb == "update")
      return status::ModifiedSince({resource.group(), resource.name()}, name);
  }
  return status::ModifiedSince({resource.group(), resource.name()}, name);
}

Answer Engine::Update(Call& call) {
  const schema::Resource& resource = *call.route.served;
  const status::Or<WriteOptions> options = ReadWriteOptions(call.request.query, "UpdateOptions");
  if (!options.ok()) return Refusal(options.failure());
  const status::Or<Value> sent = DecodeBody(call, *options);
  if (!sent.ok()) return Refusal(sent.failure());
  const std::string& given = sent->At({"metadata", "name"}).AsString();
  if (given.empty())
    return Refusal(status::BadRequest(fmt::format(
        "the name of the object ({} based on URL) was undeterminable: name must be provided",
        call.route.name)));
  if (given != call.route.name)
    return Refusal(status::BadRequest(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", given,
                    call.route.name)));
  const std::string& space = sent->At({"metadata", "namespace"}).AsString();
  if (!space.empty() && space != call.route.ns)
    return Refusal(status::BadRequest(
        "the namespace of the provided object does not match the namespace sent on the request"));
  const bool may_create = call.route.subresource.empty() && IsMadeByUpdate(resource);
  const status::Or<Written> written = Store(
      call, *options, call.route.name, [&](const Value*) -> status::Or<Value> { return *sent; },
      may_create);
  if (!written.ok()) return Refusal(written.failure());
  return Show(call, written->created ? 201 : 200, InVersion(resource, written->json));
}

}  // namespace keelson::api
