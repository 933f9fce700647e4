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

// Whether they say the same: what is empty in one may be missing in the other.
bool SaysTheSame(const Value& a, const Value& b) {
  const auto empty = [](const Value& value) {
    return value.IsNull() || (value.IsObject() && value.members().empty());
  };
  if (!a.IsObject() || !b.IsObject()) return a == b || (empty(a) && empty(b));
  const auto within = [&](const Value& x, const Value& y) {
    for (const auto& [key, value] : x.members()) {
      const Value* other = y.Find(key);
      if (other == nullptr ? !empty(value) : !SaysTheSame(value, *other)) return false;
    }
    return true;
  };
  return within(a, b) && within(b, a);
}

// Containers that were there already as they were written then.
Value AsWritten(const Value& now, const Value& old) {
  Value out = now;
  for (Value& container : out.items()) {
    for (const Value& before : old.items()) {
      if (SaysTheSame(container, before)) container = before;
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
    part("ephemeralContainers", AsWritten(object.At({"spec", "ephemeralContainers"}),
                                          old.At({"spec", "ephemeralContainers"})));
  } else {
    for (const char* list : {"containers", "initContainers"})
      part(list, Resized(object.At({"spec", list}), old.At({"spec", list})));
  }
  object = std::move(pod);
  PrepareUpdate(kind, object, old);
  return true;
}

}  // namespace keelson::strategy
