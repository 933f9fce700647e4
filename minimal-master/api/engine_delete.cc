// SPDX-License-Identifier: Apache-2.0
// Deletion: at once, after a time of grace, or once everything that holds an object lets go.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "minimal-master/admission/admission.h"
#include "minimal-master/api/cache_facts.h"
#include "minimal-master/api/engine.h"
#include "minimal-master/api/reader.h"
#include "minimal-master/api/shape.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/storage/storage.h"

namespace keelson::api {
namespace {

using json::Value;
using status::Failure;
using store::Bytes;
using watch::ObjectPtr;

constexpr int kTries = 20;
constexpr char kMetaGroup[] = "meta.k8s.io";

struct DeleteOptions {
  std::optional<int64_t> grace;
  std::string propagation;  // "", "Background", "Foreground", "Orphan"
  std::string uid;          // preconditions
  std::string revision;
  bool dry_run = false;
};

void NotSupported(std::vector<kube::Problem>& problems, const char* field, std::string value,
                  const char* supported) {
  problems.push_back({kube::ProblemKind::kNotSupported, field,
                      fmt::format("Unsupported value: {}: supported values: {}", value, supported),
                      0});
}

status::Or<Value> BodyOf(const Call& call) {
  // Options belong to no group of their own: every group takes them.
  static const schema::Type* const type =
      schema::FindByOpenApiName("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
  KEELSON_CHECK(type != nullptr);
  const std::string& body = call.request.body;
  const std::string* header = service::FindHeader(call.request.headers, "content-type");
  const std::string_view media =
      header == nullptr ? "application/json"
                        : base::Trim(std::string_view(*header).substr(0, header->find(';')));
  schema::Media form = schema::Media::kJson;
  if (media == "application/yaml") {
    form = schema::Media::kYaml;
  } else if (media == "application/vnd.kubernetes.protobuf") {
    form = schema::Media::kProtobuf;
  } else if (media != "application/json") {
    return status::UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf");
  }
  const base::Result<schema::ObjectKind> kind = schema::ReadKind(body, form);
  if (!kind.ok()) return status::BadRequest(kind.error().message());
  if (!kind->kind.empty() && kind->kind != "DeleteOptions")
    return status::BadRequest(fmt::format(
        "no kind {} is registered for version {} in scheme \"pkg/runtime/scheme.go:111\"",
        json::Quote(kind->kind), json::Quote(kind->version)));
  base::Result<schema::Decoded> decoded = schema::Decode(body, *type, form);
  if (!decoded.ok()) return status::BadRequest(decoded.error().message());
  return std::move(decoded->value);
}

status::Or<Value> QueryAsBody(const service::Fields& query) {
  Value out = Value::Object();
  for (const auto& [name, text] : query) {
    if (name == "gracePeriodSeconds" && !text.empty()) {
      const std::optional<int64_t> seconds = base::ParseInt64(text);
      if (!seconds)
        return status::BadRequest(
            fmt::format("strconv.ParseInt: parsing {}: invalid syntax", json::Quote(text)));
      out.Set(name, Value(*seconds));
    } else if (name == "propagationPolicy") {
      out.Set(name, Value(text));
    } else if (name == "orphanDependents") {
      out.Set(name, Value(text != "false" && text != "0"));
    } else if (name == "dryRun") {
      if (out.Find(name) == nullptr) out.Set(name, Value::Array());
      out.Find(name)->Append(Value(text));
    }
  }
  return out;
}

status::Or<DeleteOptions> OptionsIn(const Value& sent) {
  DeleteOptions options;
  std::vector<kube::Problem> problems;
  if (const Value& grace = sent.At({"gracePeriodSeconds"}); grace.IsNumber())
    options.grace = std::max<int64_t>(grace.AsInt(), -1);
  // A negative time of grace is one second: so old clients said "soon".
  if (options.grace && *options.grace < 0) options.grace = 1;
  options.propagation = sent.At({"propagationPolicy"}).AsString();
  const Value& orphan = sent.At({"orphanDependents"});
  if (!options.propagation.empty()) {
    if (orphan.IsBool()) {
      problems.push_back({kube::ProblemKind::kInvalid, "propagationPolicy",
                          fmt::format("Invalid value: {}: orphanDependents and "
                                      "deletionPropagation cannot be both set",
                                      json::Quote(options.propagation)),
                          0});
    } else if (options.propagation != "Background" && options.propagation != "Foreground" &&
               options.propagation != "Orphan") {
      NotSupported(problems, "propagationPolicy", json::Quote(options.propagation),
                   R"("Foreground", "Background", "Orphan", "nil")");
    }
  }
  if (orphan.IsBool() && orphan.AsBool()) options.propagation = "Orphan";
  const Value& runs = sent.At({"dryRun"});
  for (const Value& run : runs.items()) {
    if (run.AsString() == "All") continue;
    NotSupported(problems, "dryRun", json::WriteJson(runs), "\"All\"");
    break;
  }
  options.dry_run = !runs.items().empty();
  options.uid = sent.At({"preconditions", "uid"}).AsString();
  options.revision = sent.At({"preconditions", "resourceVersion"}).AsString();
  if (!problems.empty()) return status::Invalid(kMetaGroup, "DeleteOptions", "", problems);
  return options;
}

status::Or<DeleteOptions> OptionsOf(const Call& call) {
  const status::Or<Value> read =
      call.request.body.empty() ? QueryAsBody(call.request.query) : BodyOf(call);
  if (!read.ok()) return read.failure();
  return OptionsIn(*read);
}

// Kinds of which the last state is answered, where others only say that it is done.
bool AnswersObject(const schema::Resource& resource) {
  constexpr std::array<std::string_view, 17> kKinds{
      "persistentvolumes", "persistentvolumeclaims", "pods",
      "podtemplates",      "resourcequotas",         "services",
      "serviceaccounts",   "storageclasses",         "csinodes",
      "csidrivers",        "volumeattachments",      "volumeattributesclasses",
      "resourceclaims",    "resourceclaimtemplates", "resourceslices",
      "deviceclasses",     "podsecuritypolicies"};
  return std::find(kKinds.begin(), kKinds.end(), resource.name()) != kKinds.end();
}

int64_t GraceOfPod(const Value& pod, const DeleteOptions& options) {
  if (pod.At({"spec", "nodeName"}).AsString().empty()) return 0;  // nothing of it runs
  const std::string& phase = pod.At({"status", "phase"}).AsString();
  if (phase == "Succeeded" || phase == "Failed") return 0;
  if (options.grace) return *options.grace;
  return pod.At({"spec", "terminationGracePeriodSeconds"}).AsInt();
}

void AddFinalizer(Value& metadata, const char* finalizer, bool wanted) {
  std::vector<Value> kept;
  for (const Value& item : metadata.At({"finalizers"}).items()) {
    if (item.AsString() != finalizer) kept.push_back(item);
  }
  if (wanted) kept.emplace_back(finalizer);
  if (kept.empty())
    metadata.Erase("finalizers");
  else
    metadata.Set("finalizers", Value::Array(std::move(kept)));
}

std::string TimeText(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

// Kinds whose dependents stay where nobody says what is to become of them, as long ago.
bool OrphansByDefault(const schema::Resource& resource) {
  return (resource.group() == "batch" && resource.name() == "jobs") ||
         (resource.group().empty() && resource.name() == "replicationcontrollers");
}

struct Remnant {
  std::optional<Value> object;  // what is stored for now; nothing: it goes at once
  bool ends = false;            // `object` is told of and then goes
};

Remnant Remains(const schema::Resource& resource, const Value& old, const DeleteOptions& options,
                int64_t now_seconds) {
  Value object = old;
  Value& metadata = *object.Find("metadata");
  if (!options.propagation.empty() || OrphansByDefault(resource)) {
    AddFinalizer(metadata, "orphan",
                 options.propagation == "Orphan" || options.propagation.empty());
    AddFinalizer(metadata, "foregroundDeletion", options.propagation == "Foreground");
  }
  const bool pod = resource.group().empty() && resource.name() == "pods";
  const bool space = resource.group().empty() && resource.name() == "namespaces";
  const int64_t grace = pod ? GraceOfPod(old, options) : 0;
  const bool held = !metadata.At({"finalizers"}).items().empty() ||
                    (space && !old.At({"spec", "finalizers"}).items().empty());
  if (!pod && !held) return {};
  const bool already = !metadata.At({"deletionTimestamp"}).AsString().empty();
  const int64_t before = metadata.At({"deletionGracePeriodSeconds"}).AsInt();
  if (already && before == 0 && !held) return {};
  if (already && ((pod && !options.grace) || grace >= before)) {
    // Asked again: a shorter time counts, a longer one does not; finalizers may still be added.
    return {object, false};
  }
  metadata.Set("deletionTimestamp", Value(TimeText(now_seconds + grace)));
  if (!space) metadata.Set("deletionGracePeriodSeconds", Value(grace));
  const int64_t generation = metadata.At({"generation"}).AsInt();
  if (generation > 0 && !already) metadata.Set("generation", Value(generation + 1));
  if (space) {
    Value status = object.At({"status"}).IsObject() ? object.At({"status"}) : Value::Object();
    status.Set("phase", Value("Terminating"));
    object.Set("status", std::move(status));
  }
  return {object, pod && grace == 0 && !held};
}

std::string Success(const schema::Resource& resource, const watch::Object& object) {
  Value details;
  details.Set("name", Value(object.name()));
  if (!resource.group().empty()) details.Set("group", Value(resource.group()));
  details.Set("kind", Value(resource.name()));
  details.Set("uid", Value(object.uid()));
  Value out;
  out.Set("kind", Value("Status"));
  out.Set("apiVersion", Value("v1"));
  out.Set("metadata", Value::Object());
  out.Set("status", Value("Success"));
  out.Set("details", std::move(details));
  return json::WriteJson(out);
}

struct Deleted {
  std::string json;
  bool is_object = false;
};

status::Or<Deleted> DeleteOne(store::Store& store, watch::Cache& cache, const base::Clock& clock,
                              const schema::Resource& resource, const std::string& key,
                              const std::string& name, const DeleteOptions& options) {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const ObjectPtr current = cache.Find(key);
    if (!current) return status::NotFound({resource.group(), resource.name()}, name);
    if (!options.uid.empty() && options.uid != current->uid())
      return status::PreconditionFailed({resource.group(), resource.kind()}, name, "UID",
                                        options.uid, std::string(current->uid()));
    if (!options.revision.empty() && options.revision != std::to_string(current->revision()))
      return status::PreconditionFailed({resource.group(), resource.kind()}, name,
                                        "ResourceVersion", options.revision,
                                        std::to_string(current->revision()));
    const base::Result<Value> old = json::ParseJson(InVersion(resource, current->bytes().view()));
    if (!old.ok()) return status::Internal(old.error().message());
    auto [left, ends] = Remains(resource, *old, options, clock.WallNanos() / 1'000'000'000);
    if (left && *left == *old) return Deleted{InVersion(resource, current->bytes().view()), true};
    std::string bytes;
    if (left) {
      left->Find("metadata")->Erase("resourceVersion");
      bytes = AsStored(resource, *left);
    }
    if (!options.dry_run) {
      // What is gone at once needs no sync of its own for the word that it goes.
      base::Result<store::Revision> committed =
          store.Commit({{key, left ? Bytes::Copy(bytes) : Bytes(), current->revision()}},
                       ends ? store::Durability::kRelaxed : store::Durability::kDurable);
      // Whoever watches hears that it is deleted before it is gone.
      if (committed.ok() && ends) {
        const store::Revision told = *committed;
        committed = store.Commit({{key, Bytes(), told}});
        // Somebody who heard of it was faster: it is gone all the same.
        if (!committed.ok() && !cache.Find(key)) committed = told;
      }
      if (!committed.ok()) {
        if (store::ConflictOf(committed.error()) != nullptr ||
            committed.error().code() == base::Code::kNotFound)
          continue;
        return status::Unavailable(committed.error().message());
      }
      if (left) return Deleted{InVersion(resource, WithRevision(bytes, *committed)), true};
    } else if (left) {
      return Deleted{InVersion(resource, WithRevision(bytes, current->revision())), true};
    }
    if (!AnswersObject(resource)) return Deleted{Success(resource, *current), false};
    return Deleted{InVersion(resource, current->bytes().view()), true};
  }
  return status::ModifiedSince({resource.group(), resource.name()}, name);
}

}  // namespace

Answer Engine::Delete(const Call& call) {
  const schema::Resource& resource = *call.route.served;
  const status::Or<DeleteOptions> options = OptionsOf(call);
  if (!options.ok()) return Refusal(options.failure());
  const admission::Request request{admission::Operation::kDelete,
                                   resource.group(),
                                   resource.name(),
                                   resource.kind(),
                                   "",
                                   call.route.ns,
                                   call.route.name,
                                   call.user,
                                   ""};
  if (const admission::Verdict verdict =
          admission::Check(request, Value(), CacheFacts(cache_.Current()));
      !verdict.ok())
    return Refusal(verdict.failure());
  const status::Or<Deleted> deleted = DeleteOne(
      store_, cache_, clock_, resource, storage::KeyOf(resource, call.route.ns, call.route.name),
      call.route.name, *options);
  if (!deleted.ok()) return Refusal(deleted.failure());
  if (deleted->is_object) return Show(call, 200, deleted->json);
  return Encoded(200, Form{}, deleted->json);
}

status::Or<std::string> Engine::DeleteWith(const Call& call, const Value& sent) {
  const status::Or<DeleteOptions> options = OptionsIn(sent);
  if (!options.ok()) return options.failure();
  const schema::Resource& resource = *call.route.served;
  status::Or<Deleted> deleted = DeleteOne(store_, cache_, clock_, resource,
                                          storage::KeyOf(resource, call.route.ns, call.route.name),
                                          call.route.name, *options);
  if (!deleted.ok()) return deleted.failure();
  return std::move(deleted->json);
}

Answer Engine::DeleteCollection(const Call& call) {
  const schema::Resource& resource = *call.route.served;
  const status::Or<DeleteOptions> options = OptionsOf(call);
  if (!options.ok()) return Refusal(options.failure());
  const status::Or<Selection> selection = ReadSelection(call.request.query, resource);
  if (!selection.ok()) return Refusal(selection.failure());
  const watch::Snapshot snapshot = cache_.Current();
  std::vector<ObjectPtr> chosen;
  snapshot.ForEach(storage::PrefixOf(resource, call.route.ns), "", [&](const ObjectPtr& object) {
    if (selection->Matches(resource, *object)) chosen.push_back(object);
    return true;
  });
  for (const ObjectPtr& object : chosen) {
    const status::Or<Deleted> deleted =
        DeleteOne(store_, cache_, clock_, resource, std::string(object->key()),
                  std::string(object->name()), *options);
    if (!deleted.ok() && deleted.failure().code != 404) return Refusal(deleted.failure());
  }
  const status::Or<Form> form = FormOf(call.request.headers, false);
  if (!form.ok()) return Refusal(form.failure());
  ListPage page;
  page.revision = snapshot.revision();
  status::Or<Answer> answer =
      ShapeList(call.route, *form, call.request.query, chosen, page, clock_.WallNanos());
  return answer.ok() ? *answer : Refusal(answer.failure());
}

}  // namespace keelson::api
