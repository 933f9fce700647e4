// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/deployment/rollout.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/strings.h"
#include "minimal-master/control/objects.h"

namespace keelson::deployment {
namespace {

using json::Value;

constexpr size_t kHistoryLength = 2'000;  // of characters

const schema::Resource& Sets() {
  static const schema::Resource& resource = control::ResourceNamed("apps", "replicasets");
  return resource;
}

Value& Child(Value& object, std::string_view name) {
  if (Value* found = object.Find(name); found != nullptr && found->IsObject()) return *found;
  return object.Set(name, Value::Object());
}

// True: it was another one.
bool Annotate(Value& object, std::string_view key, std::string_view text) {
  Value& annotations = Child(Child(object, "metadata"), "annotations");
  const Value* present = annotations.Find(key);
  if (present != nullptr && present->AsString() == text) return false;
  annotations.Set(key, Value(text));
  return true;
}

// Those that are the Deployment's own affair.
bool IsCopied(std::string_view key) {
  return key != "kubectl.kubernetes.io/last-applied-configuration" && key != kRevision &&
         key != kRevisionHistory && key != kDesired && key != kMaximum &&
         key != "deprecated.deployment.rollback.to";
}

// "1,4" and 6: "1,4,6", without the first ones when it becomes too long.
std::string AddToHistory(const std::string& history, const std::string& revision) {
  if (history.empty()) return revision;
  std::string out = history + "," + revision;
  while (out.size() > kHistoryLength) {
    const size_t comma = out.find(',');
    if (comma == std::string::npos) return history;
    out.erase(0, comma + 1);
  }
  return out;
}

int64_t RevisionOf(const Set& set) {
  return base::ParseInt64(set.Annotation(kRevision)).value_or(0);
}

}  // namespace

Rollout::Rollout(const Facts& facts, int64_t now)
    : facts_(facts),
      now_(now),
      bounds_(BoundsOf(facts.deployment)),
      wanted_(Wanted(facts.deployment)),
      deployment_(facts.deployment),
      before_(ReadStatus(facts.deployment)),
      after_(before_) {
  for (const Value& set : facts.sets) sets_.push_back(ReadSet(set));
  sets_.sort([](const Set& a, const Set& b) {
    return a.created != b.created ? a.created < b.created : a.name < b.name;
  });
}

std::vector<Set*> Rollout::All() const {
  std::vector<Set*> out = old_;
  if (new_ != nullptr) out.push_back(new_);
  return out;
}

std::vector<Set*> Rollout::Active(const std::vector<Set*>& sets) const {
  std::vector<Set*> out;
  for (Set* set : sets) {
    if (set->replicas > 0) out.push_back(set);
  }
  return out;
}

void Rollout::SetRevision(const std::string& revision) {
  annotated_ |= Annotate(deployment_, kRevision, revision);
}

bool Rollout::WasScaled() const {
  for (const Set& set : sets_) {
    if (set.replicas == 0) continue;
    const std::optional<uint64_t> desired = base::ParseUint64(set.Annotation(kDesired));
    if (desired && *desired <= INT32_MAX && static_cast<int64_t>(*desired) != wanted_) return true;
  }
  return false;
}

void Rollout::NotePause() {
  if (!ProgressDeadline(deployment_)) return;
  const std::string reason = ReasonOf(before_, "Progressing");
  if (reason == "ProgressDeadlineExceeded") return;
  const bool paused = deployment_.At({"spec", "paused"}).AsBool();
  if (paused && reason != "DeploymentPaused") {
    SetCondition(before_, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused",
                 now_);
  } else if (!paused && reason == "DeploymentPaused") {
    SetCondition(before_, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed",
                 now_);
  }
}

void Rollout::FindNew(bool may_create) {
  new_ = nullptr;
  old_.clear();
  const Value& wanted = deployment_.At({"spec", "template"});
  for (Set& set : sets_) {
    // Of several the oldest: an upgrade may have left two.
    if (new_ == nullptr && SameTemplate(set.object.At({"spec", "template"}), wanted)) {
      new_ = &set;
    } else {
      old_.push_back(&set);
    }
  }
  int64_t revision = 0;
  for (const Set* set : old_) revision = std::max(revision, RevisionOf(*set));
  if (new_ != nullptr) {
    KeepUp(*new_, revision + 1);
  } else if (may_create) {
    CreateNew(revision + 1);
  }
}

void Rollout::KeepUp(Set& set, int64_t revision) {
  for (const auto& [key, value] : deployment_.At({"metadata", "annotations"}).members()) {
    if (IsCopied(key)) set.changed |= Annotate(set.object, key, value.AsString());
  }
  const std::string present = set.Annotation(kRevision);
  const std::optional<int64_t> number = base::ParseInt64(present);
  if ((number || present.empty()) && number.value_or(0) < revision) {
    set.changed |= Annotate(set.object, kRevision, std::to_string(revision));
    // Gone back to: what it was called before is kept.
    if (!present.empty()) {
      Annotate(set.object, kRevisionHistory,
               AddToHistory(set.Annotation(kRevisionHistory), present));
    }
  }
  const int64_t min_ready = deployment_.At({"spec", "minReadySeconds"}).AsInt();
  if (set.object.At({"spec", "minReadySeconds"}).AsInt() != min_ready) {
    Child(set.object, "spec").Set("minReadySeconds", Value(min_ready));
    set.changed = true;
  }
  SetRevision(set.Annotation(kRevision));
  if (ProgressDeadline(deployment_) && deployment::Find(before_, "Progressing") == nullptr) {
    SetCondition(before_, "Progressing", "True", "FoundNewReplicaSet",
                 "Found new replica set \"" + set.name + "\"", now_);
  }
}

void Rollout::CreateNew(int64_t revision) {
  const Value& given = deployment_.At({"spec", "template"});
  const std::string hash = HashOf(given, deployment_.At({"status", "collisionCount"}));
  Value pod_template = given;
  Child(Child(pod_template, "metadata"), "labels").Set(kHashLabel, Value(hash));
  Value selector = deployment_.At({"spec", "selector"});
  Child(selector, "matchLabels").Set(kHashLabel, Value(hash));

  Set set;
  constexpr size_t kLongestName = 253;
  set.name =
      deployment_.At({"metadata", "name"}).AsString().substr(0, kLongestName - 1 - hash.size()) +
      "-" + hash;
  Value metadata;
  metadata.Set("name", Value(set.name));
  metadata.Set("namespace", deployment_.At({"metadata", "namespace"}));
  metadata.Set("labels", pod_template.At({"metadata", "labels"}));
  metadata.Set("ownerReferences",
               Value::Array({control::ControllerReference("apps/v1", "Deployment", deployment_)}));
  Value spec;
  spec.Set("replicas", Value(0));
  const Value& min_ready = deployment_.At({"spec", "minReadySeconds"});
  if (!min_ready.IsNull()) spec.Set("minReadySeconds", min_ready);
  spec.Set("selector", std::move(selector));
  spec.Set("template", std::move(pod_template));
  set.object.Set("apiVersion", Value("apps/v1"));
  set.object.Set("kind", Value("ReplicaSet"));
  set.object.Set("metadata", std::move(metadata));
  set.object.Set("spec", std::move(spec));
  set.is_new_object = true;
  sets_.push_back(std::move(set));
  new_ = &sets_.back();
  for (const auto& [key, value] : deployment_.At({"metadata", "annotations"}).members()) {
    if (IsCopied(key)) Annotate(new_->object, key, value.AsString());
  }
  Annotate(new_->object, kRevision, std::to_string(revision));
  Resize(*new_, SizeOfNew());
  SetRevision(std::to_string(revision));
  if (ProgressDeadline(deployment_)) {
    SetCondition(before_, "Progressing", "True", "NewReplicaSetCreated",
                 "Created new replica set \"" + new_->name + "\"", now_);
  }
}

void Rollout::Resize(Set& set, int64_t replicas) {
  bool annotated = Annotate(set.object, kDesired, std::to_string(wanted_));
  annotated |= Annotate(set.object, kMaximum, std::to_string(wanted_ + bounds_.surge));
  set.changed |= annotated;
  if (set.replicas == replicas) return;
  Child(set.object, "spec").Set("replicas", Value(replicas));
  set.replicas = replicas;
  set.changed = true;
}

void Rollout::ResizeIfNeeded(Set& set, int64_t replicas) {
  if (set.replicas != replicas) Resize(set, replicas);
}

// Old sets beyond the history that is wanted, when nothing is left of them.
void Rollout::Forget() {
  const Value& limit = deployment_.At({"spec", "revisionHistoryLimit"});
  if (!limit.IsInt() || limit.AsInt() == INT32_MAX) return;
  std::vector<Set*> alive;
  for (Set* set : old_) {
    if (!set->being_deleted) alive.push_back(set);
  }
  std::stable_sort(alive.begin(), alive.end(),
                   [](const Set* a, const Set* b) { return RevisionOf(*a) < RevisionOf(*b); });
  for (int64_t i = 0; i < static_cast<int64_t>(alive.size()) - limit.AsInt(); ++i) {
    const Set& set = *alive[static_cast<size_t>(i)];
    if (set.actual != 0 || set.replicas != 0 || set.generation > set.observed) continue;
    deletions_.push_back(
        {control::Delete(Sets(), set.object.At({"metadata", "namespace"}).AsString(), set.name,
                         set.uid),
         ""});
  }
}

void Rollout::Write(const Set& set, Plan& plan) {
  if (!set.changed && !set.is_new_object) return;
  Step step;
  step.write =
      set.is_new_object
          ? control::Create(Sets(), set.object.At({"metadata", "namespace"}).AsString(), set.object)
          : control::Update(Sets(), set.object);
  if (set.replicas != set.was) {
    step.message =
        fmt::format("Scaled {} replica set {} from {} to {}",
                    set.replicas > set.was ? "up" : "down", set.name, set.was, set.replicas);
  }
  plan.steps.push_back(std::move(step));
}

Plan Rollout::Finish() {
  Plan plan;
  // The new one before the others are made smaller: when it cannot be made, nothing else happens.
  if (new_ != nullptr) Write(*new_, plan);
  for (const Set& set : sets_) {
    if (&set != new_) Write(set, plan);
  }
  for (Step& step : deletions_) plan.steps.push_back(std::move(step));
  if (judged_) {
    if (const std::optional<int64_t> next = NextCheck(deployment_, after_, now_)) {
      plan.again = std::chrono::milliseconds(*next);
    }
  }
  if (annotated_ || !(after_ == ReadStatus(facts_.deployment))) {
    Value updated = deployment_;
    updated.Set("status", ToJson(after_));
    static const schema::Resource& kDeployments = control::ResourceNamed("apps", "deployments");
    plan.status = control::Update(kDeployments, std::move(updated), "status");
  }
  return plan;
}

}  // namespace keelson::deployment
