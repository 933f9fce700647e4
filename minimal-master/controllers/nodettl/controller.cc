// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/controllers/nodettl/controller.h"

#include "minimal-master/storage/storage.h"

namespace keelson::controllers::nodettl {
namespace {

using json::Value;

constexpr char kAnnotation[] = "node.alpha.kubernetes.io/ttl";

struct Step {
  size_t least;
  size_t most;  // nodes
  int seconds;
};
constexpr Step kSteps[] = {
    {0, 100, 0}, {90, 500, 15}, {450, 1000, 30}, {900, 2000, 60}, {1800, SIZE_MAX, 300}};

}  // namespace

int NextStep(int step, size_t nodes) {
  while (nodes > kSteps[step].most) ++step;
  while (nodes < kSteps[step].least) --step;
  return step;
}

int SecondsOf(int step) { return kSteps[step].seconds; }

std::optional<control::Write> PlanNode(const Value& node, int seconds) {
  const std::string text = std::to_string(seconds);
  if (node.At({"metadata", "annotations", kAnnotation}).AsString() == text) return std::nullopt;
  Value metadata;
  metadata.Set("uid", node.At({"metadata", "uid"}));
  metadata.Set("annotations", Value::Object({{kAnnotation, Value(text)}}));
  Value patch;
  patch.Set("metadata", std::move(metadata));
  return control::MergePatch(control::ResourceNamed("", "nodes"), "",
                             node.At({"metadata", "name"}).AsString(), std::move(patch));
}

void Annotator::Route(const control::Change& change, const Add& add) {
  if (change.kind != watch::Kind::kDeleted) add(std::string(change.object->name()));
}

control::Outcome Annotator::Sync(const std::string& key) {
  const std::optional<Value> node = control::Get(context_.cache, nodes_, "", key);
  if (!node) return control::Outcome::Done();
  const size_t count = context_.cache.Current().Count(storage::PrefixOf(nodes_, ""));
  int seconds = 0;
  {
    const std::lock_guard lock(mutex_);
    seconds = SecondsOf(step_ = NextStep(step_, count));
  }
  Planned planned;
  if (auto write = PlanNode(*node, seconds)) planned.writes.push_back(*std::move(write));
  return Apply(context_.client, "ttl-controller", planned);
}

}  // namespace keelson::controllers::nodettl
