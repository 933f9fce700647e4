// SPDX-License-Identifier: Apache-2.0
// pods/eviction: a delete that budgets are asked about first.
#include "minimal-master/api/bodies.h"
#include "minimal-master/api/budget.h"
#include "minimal-master/api/cache_facts.h"
#include "minimal-master/api/engine.h"
#include "minimal-master/api/shape.h"
#include "minimal-master/api/tracking.h"
#include "minimal-master/control/objects.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/storage/storage.h"

namespace keelson::api {
namespace {

using json::Value;
using status::Failure;

constexpr char kPolicy[] = "policy";
constexpr char kBudgets[] = "poddisruptionbudgets";
constexpr char kTarget[] = "DisruptionTarget";
// Writers of one budget are as many as evict at the same moment.
constexpr int kTries = 20;

void SetTarget(Value& pod, const std::string& time) {
  Value condition;
  condition.Set("type", Value(kTarget));
  condition.Set("status", Value("True"));
  condition.Set("lastTransitionTime", Value(time));
  condition.Set("reason", Value("EvictionByEvictionAPI"));
  condition.Set("message", Value("Eviction API: evicting"));
  if (const Value* status = pod.Find("status"); status == nullptr || !status->IsObject())
    pod.Set("status", Value::Object());
  Value conditions = Value::Array();
  for (const Value& other : pod.At({"status", "conditions"}).items()) {
    if (other.At({"type"}).AsString() != kTarget)
      conditions.Append(other);
    else if (other.At({"status"}).AsString() == "True")
      condition.Set("lastTransitionTime", other.At({"lastTransitionTime"}));
  }
  conditions.Append(std::move(condition));
  pod.Find("status")->Set("conditions", std::move(conditions));
}

void SetRevision(Value& options, const std::string& revision) {
  if (!options.At({"preconditions"}).IsObject()) options.Set("preconditions", Value::Object());
  options.Find("preconditions")->Set("resourceVersion", Value(revision));
}

}  // namespace

// True: the pod may only go as it was looked at.
status::Or<bool> Engine::TakeFromBudget(const Call& call, const watch::ObjectPtr& pod,
                                        bool dry_run) {
  const base::Result<Value> object = json::ParseJson(pod->bytes().view());
  if (!object.ok()) return status::Internal(object.error().message());
  if (MayGoUnasked(*object))
    return object->At({"status", "phase"}).AsString() == "Pending" &&
           !control::IsBeingDeleted(*object);
  const schema::Resource& resource = *schema::FindResource(kPolicy, "v1", kBudgets);
  std::optional<Failure> busy;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::vector<Value> budgets;
    CacheFacts(cache_.Current())
        .ForEach(kPolicy, kBudgets, call.route.ns, [&](const Value& budget) {
          if (Covers(budget, *pod)) budgets.push_back(budget);
        });
    if (budgets.empty()) return false;
    if (budgets.size() > 1) {
      Failure failure;
      failure.message =
          "This pod has more than one PodDisruptionBudget, which the eviction subresource does not "
          "support.";
      return failure;
    }
    const Value& budget = budgets[0];
    status::Or<Leave> leave = AskLeave(budget, *object, Now());
    if (!leave.ok()) return leave.failure();
    if (!leave->left) return true;
    if (dry_run) return false;
    const Value& metadata = budget.At({"metadata"});
    const status::Or<int64_t> revision = ReadRevision(metadata.At({"resourceVersion"}).AsString());
    leave->left->Find("metadata")->Erase("resourceVersion");
    const std::string key =
        storage::KeyOf(resource, call.route.ns, metadata.At({"name"}).AsString());
    const base::Result<store::Revision> committed =
        store_.Commit({{key, store::Bytes::Copy(AsStored(resource, *std::move(leave->left))),
                        revision.ok() ? *revision : store::kAny}});
    if (committed.ok()) return false;
    // Somebody else evicts, or counts, at the same moment.
    busy = IsBusy(budget);
  }
  return *busy;
}

// The pod is told first: so its Job, and whoever asks why it went, knows.
status::Or<bool> Engine::TellAndDelete(Call& call, Value options) {
  const std::string time = Now();
  const Change change = [&](const Value* current) -> status::Or<Value> {
    for (const auto& [key, what] :
         {std::pair{"uid", "UID"}, std::pair{"resourceVersion", "ResourceVersion"}}) {
      const std::string& wanted = options.At({"preconditions", key}).AsString();
      const std::string& is = current->At({"metadata", key}).AsString();
      if (!wanted.empty() && wanted != is)
        return status::PreconditionFailed({"", "Pod"}, call.route.name, what, wanted, is);
    }
    Value pod = *current;
    SetTarget(pod, time);
    return pod;
  };
  if (options.At({"dryRun"}).items().empty()) {
    std::string owners;  // stay as they are
    const status::Or<Written> written =
        Store(call, WriteOptions{}, call.route.name, change, false, &owners);
    if (!written.ok()) return written.failure();
    const base::Result<Value> pod = json::ParseJson(written->json);
    if (!pod.ok()) return status::Internal(pod.error().message());
    if (!options.At({"preconditions", "resourceVersion"}).IsNull())
      SetRevision(options, pod->At({"metadata", "resourceVersion"}).AsString());
  }
  const status::Or<std::string> deleted = DeleteWith(call, options);
  if (!deleted.ok()) return deleted.failure();
  return true;
}

Answer Engine::Evict(Call& call) {
  const status::Or<schema::Media> media = MediaOf(call.request.headers);
  if (!media.ok()) return Refusal(media.failure());
  const base::Result<schema::Decoded> decoded =
      schema::DecodeRequest(call.request.body, *media, kPolicy, "v1", "Eviction");
  if (!decoded.ok()) return Refusal(status::BadRequest(decoded.error().message()));
  if (decoded->value.At({"metadata", "name"}).AsString() != call.route.name)
    return Refusal(status::BadRequest("name in URL does not match name in Eviction object"));
  Value asked = decoded->value.At({"deleteOptions"});
  if (!asked.IsObject()) asked = Value::Object();
  for (const auto& [name, value] : call.request.query) {
    if (name == "dryRun") asked.Set("dryRun", Value::Array({Value(value)}));
  }
  std::optional<Failure> changed;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const watch::ObjectPtr pod =
        cache_.Find(storage::KeyOf(*call.route.served, call.route.ns, call.route.name));
    if (!pod) return Refusal(status::NotFound({"", "pods"}, call.route.name));
    const status::Or<bool> as_seen =
        TakeFromBudget(call, pod, !asked.At({"dryRun"}).items().empty());
    if (!as_seen.ok()) return Refusal(as_seen.failure());
    const bool pinned = *as_seen && asked.At({"preconditions", "resourceVersion"}).IsNull();
    Value options = asked;
    if (pinned) SetRevision(options, std::to_string(pod->revision()));
    const status::Or<bool> done = TellAndDelete(call, std::move(options));
    if (done.ok()) return Done(201);
    // It may have become healthy meanwhile: then its budget decides.
    if (!pinned || done.failure().code != 409) return Refusal(done.failure());
    changed = done.failure();
  }
  return Refusal(*changed);
}

}  // namespace keelson::api
