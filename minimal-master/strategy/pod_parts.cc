// SPDX-License-Identifier: Apache-2.0
// Subresources of pods that write one part of the spec: everything else stays as it was.
#include "minimal-master/strategy/kinds.h"

namespace keelson::strategy {
namespace {

// The metadata as a writer of a part may give it: the version it read and who owns what.
Value MetadataOf(const Value& pod, const Value& old) {
  Value metadata = old.At({"metadata"});
  for (const char* key : {"uid", "resourceVersion", "managedFields"}) {
    if (const Value& given = pod.At({"metadata", key}); !given.IsNull()) metadata.Set(key, given);
  }
  return metadata;
}

// Only what a resize may change of each container. Containers that came, went or moved are left as
// they were sent, for validation to refuse them.
Value Resized(const Value& now, const Value& old) {
  if (now.items().size() != old.items().size()) return now;
  Value out = old;
  for (size_t i = 0; i < old.items().size(); ++i) {
    const Value& sent = now.items()[i];
    if (!(sent.At({"name"}) == old.items()[i].At({"name"}))) return now;
    for (const char* key : {"resources", "resizePolicy"}) {
      if (const Value* value = sent.Find(key))
        out.items()[i].Set(key, *value);
      else
        out.items()[i].Erase(key);
    }
  }
  return out;
}

}  // namespace

bool PreparePartUpdate(const Kind& kind, std::string_view subresource, Value& object,
                       const Value& old) {
  if (!kind.group.empty() || kind.name != "Pod") return false;
  if (subresource != "ephemeralcontainers" && subresource != "resize") return false;
  Value pod = old;
  pod.Set("metadata", MetadataOf(object, old));
  Value& spec = Member(pod, "spec");
  const auto part = [&](const char* key, const Value& value) {
    if (value.items().empty())
      spec.Erase(key);
    else
      spec.Set(key, value);
  };
  if (subresource == "ephemeralcontainers") {
    part("ephemeralContainers", object.At({"spec", "ephemeralContainers"}));
  } else {
    for (const char* list : {"containers", "initContainers"})
      part(list, Resized(object.At({"spec", list}), old.At({"spec", list})));
  }
  object = std::move(pod);
  PrepareUpdate(kind, object, old);
  return true;
}

}  // namespace keelson::strategy
