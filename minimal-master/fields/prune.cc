// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "minimal-master/fields/apply.h"
#include "minimal-master/fields/merge.h"
#include "minimal-master/schema/canonical.h"

namespace keelson::fields {

using json::Value;

namespace {

Set NamedSetOf(const Value& value, const Spot& spot) {
  return value.IsNull() ? Set() : WithNamedFields(SetOf(value, spot), spot);
}

// A value in one version of the API.
struct Versioned {
  std::string version;
  const schema::Type* type = nullptr;
  Value value;

  Spot spot() const { return {type}; }
};

// Nothing: there is no such version.
std::optional<Versioned> In(const Target& target, const std::string& version,
                            const Versioned& from) {
  if (version == from.version) return from;
  if (!target.convert) return std::nullopt;
  Versioned out{version, nullptr, {}};
  // Conversions begin at the request's version.
  Value plain = from.value;
  if (from.version != target.ApiVersion() &&
      target.convert_back(from.version, from.value, plain) == nullptr)
    return std::nullopt;
  if (version == target.ApiVersion()) {
    out.type = target.type;
    out.value = schema::Canonical(plain, *target.type);
    return out;
  }
  Value converted;
  out.type = target.convert(version, plain, converted);
  if (out.type == nullptr) return std::nullopt;
  out.value = schema::Canonical(converted, *out.type);
  return out;
}

}  // namespace

Value Prune(const Target& target, const Value& merged, Manager& last, Managers& owners) {
  if (last.set().Empty()) return merged;
  const Versioned whole{target.ApiVersion(), target.type, merged};
  const std::optional<Versioned> begun = In(target, last.version, whole);
  if (!begun) return merged;
  const Set before = WithNamedFields(last.set(), begun->spot());
  Versioned pruned = *begun;
  pruned.value = Remove(begun->value, before, begun->spot());
  // What others own comes back, in the versions that they speak.
  std::map<std::string, Set> owned;
  for (Manager& owner : owners) owned[owner.version] = Union(owned[owner.version], owner.set());
  const auto give_back = [&](const std::string& version, const Set& set) {
    const std::optional<Versioned> all = In(target, version, *begun);
    const std::optional<Versioned> left = In(target, version, pruned);
    if (!all || !left) return;
    const Spot spot = all->spot();
    const Set kept = Union(NamedSetOf(left->value, spot), WithNamedFields(set, spot));
    pruned = *all;
    pruned.value = Remove(all->value, Difference(NamedSetOf(all->value, spot), kept), spot);
  };
  if (const auto same = owned.find(last.version); same != owned.end())
    give_back(same->first, same->second);
  for (const auto& [version, set] : owned) {
    if (version != last.version) give_back(version, set);
  }
  // And what went with it though the manager never owned it.
  const std::optional<Versioned> left = In(target, last.version, pruned);
  if (!left) return merged;
  const Spot spot = begun->spot();
  const Set gone = Difference(NamedSetOf(begun->value, spot), NamedSetOf(left->value, spot));
  Versioned out = *begun;
  out.value = Remove(begun->value, Intersection(gone, before), spot);
  const std::optional<Versioned> back = In(target, target.ApiVersion(), out);
  return back ? back->value : merged;
}

}  // namespace keelson::fields
