// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/validation/rules.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/json/text.h"
#include "lib/kube/validate.h"
#include "lib/kube/validate_parts.h"

namespace keelson::validation {

using json::Value;

void Required(const Field& field, Problems& problems, std::string_view why) {
  if (field.String().empty()) problems.Required(field, why);
}

void OneOf(const Field& field, std::initializer_list<std::string_view> values, Problems& problems) {
  if (std::find(values.begin(), values.end(), field.String()) == values.end())
    problems.NotSupported(field, field.String(), {values.begin(), values.end()});
}

void RequiredOneOf(const Field& field, std::initializer_list<std::string_view> values,
                   Problems& problems) {
  if (field.String().empty())
    problems.Required(field);
  else
    OneOf(field, values, problems);
}

void NotNegative(const Field& field, Problems& problems) {
  if (field.Int() < 0) problems.Invalid(field, "must be greater than or equal to 0");
}

void Positive(const Field& field, Problems& problems) {
  if (field.Int() <= 0)
    problems.Invalid(field, std::to_string(field.Int()), "must be greater than 0");
}

void Port(const Field& field, Problems& problems) {
  for (const std::string& why : kube::CheckPort(field.Int()))
    problems.Invalid(field, std::to_string(field.Int()), why);
}

void Named(const Field& field, NameRule rule, Problems& problems) {
  problems.InvalidText(field, field.String(), rule(field.String()));
}

void Ip(const Field& field, Problems& problems) {
  if (!kube::IsIpAddress(field.String()))
    problems.InvalidText(field, field.String(),
                         "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
}

void Cidr(const Field& field, Problems& problems) {
  if (!kube::IsCidr(field.String()))
    problems.InvalidText(field, field.String(),
                         "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
}

void IntOrPercent(const Field& field, Problems& problems) {
  if (field.value().IsString())
    problems.Invalid(field, kube::CheckPercent(field.String()));
  else
    NotNegative(field, problems);
}

bool IsHundredPercentOrLess(const Field& field, Problems& problems) {
  if (!field.value().IsString() || !kube::CheckPercent(field.String()).empty() ||
      NumberOf(field) <= 100)
    return true;
  problems.Invalid(field, "must not be greater than 100%");
  return false;
}

int64_t NumberOf(const Field& field) {
  if (!field.value().IsString()) return field.Int();
  std::string_view text = field.String();
  if (text.ends_with('%')) text.remove_suffix(1);
  const auto number = base::ParseInt64(text);
  return number.value_or(0);
}

namespace {

bool IsZero(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return true;
    case Value::Kind::kBool:
      return !value.AsBool();
    case Value::Kind::kInt:
      return value.AsInt() == 0;
    case Value::Kind::kDouble:
      return false;
    case Value::Kind::kString:
      return value.AsString().empty();
    case Value::Kind::kArray:
      return value.items().empty();
    case Value::Kind::kObject:
      return std::all_of(value.members().begin(), value.members().end(),
                         [](const auto& member) { return IsZero(member.second); });
  }
  return false;
}

bool SameValue(const Value& a, const Value& b) {
  if (a.IsObject() && b.IsObject()) {
    const auto within = [](const Value& x, const Value& y) {
      return std::all_of(x.members().begin(), x.members().end(), [&](const auto& member) {
        const Value* other = y.Find(member.first);
        return other == nullptr ? IsZero(member.second) : SameValue(member.second, *other);
      });
    };
    return within(a, b) && within(b, a);
  }
  if (a.IsArray() && b.IsArray()) {
    return a.items().size() == b.items().size() &&
           std::equal(a.items().begin(), a.items().end(), b.items().begin(), SameValue);
  }
  return a == b || (IsZero(a) && IsZero(b));
}

bool Fits(const Field& requirement, const Field& labels) {
  const Value* value = labels.value().Find(requirement["key"].String());
  const std::string& op = requirement["operator"].String();
  if (op == "Exists") return value != nullptr;
  if (op == "DoesNotExist") return value == nullptr;
  const auto& values = requirement["values"].value().items();
  const bool among = value != nullptr && std::any_of(values.begin(), values.end(), [&](auto& each) {
                       return each.AsString() == value->AsString();
                     });
  return op == "In" ? among : !among;
}

}  // namespace

bool Same(const Field& now, const Field& before) { return SameValue(now.value(), before.value()); }

void Immutable(const Field& now, const Field& before, Problems& problems) {
  if (!Same(now, before)) problems.Invalid(now, "field is immutable");
}

bool IsEmptySelector(const Field& selector) {
  return selector["matchLabels"].value().members().empty() &&
         selector["matchExpressions"].value().items().empty();
}

bool Selects(const Field& selector, const Field& labels) {
  if (!selector.Present()) return false;
  for (const Field& wanted : selector["matchLabels"].Entries()) {
    const Value* value = labels.value().Find(wanted.key());
    if (value == nullptr || value->AsString() != wanted.String()) return false;
  }
  for (const Field& requirement : selector["matchExpressions"].Items()) {
    if (!Fits(requirement, labels)) return false;
  }
  return true;
}

void Template(const Field& pod_template, Problems& problems) {
  const Field meta = pod_template["metadata"];
  // Upstream leaves "metadata" out of these paths.
  kube::ValidateLabels(meta["labels"].WithPath(pod_template.path() + ".labels"), problems);
  kube::ValidateAnnotations(meta["annotations"].WithPath(pod_template.path() + ".annotations"),
                            problems);
  const Field spec = pod_template["spec"];
  kube::ValidatePodSpec(spec, problems);
  if (!spec["ephemeralContainers"].value().items().empty())
    problems.Forbidden(spec["ephemeralContainers"],
                       "ephemeral containers not allowed in pod template");
}

void TemplateOf(const Field& spec, std::string_view workload, Problems& problems) {
  const Field selector = spec["selector"];
  const size_t before = problems.count();
  const bool of_nodes = workload == "daemonset";
  if (selector.Present())
    kube::ValidateLabelSelector(selector, problems);
  else if (!of_nodes)
    problems.Required(selector);
  const bool readable = problems.count() == before || !selector.Present();
  const bool empty = selector.Present() && IsEmptySelector(selector);
  if (empty) problems.Invalid(selector, fmt::format("empty selector is invalid for {}", workload));
  const Field labels = spec["template"]["metadata"]["labels"];
  if (readable && !empty && !Selects(selector, labels))
    problems.Invalid(labels, "`selector` does not match template `labels`");
  // An unreadable selector hides the template, but that of a daemon set.
  if (!readable && !of_nodes) return problems.Invalid(selector, "invalid label selector");
  Template(spec["template"], problems);
}

}  // namespace keelson::validation
