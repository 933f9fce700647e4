// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/audit/event.h"

#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/kube/names.h"

namespace keelson::audit {
namespace {

using auth::Attributes;
using json::Value;

constexpr size_t kMostText = 1024;  // of what clients choose: a path, an agent

void SetText(Value& to, const char* key, std::string_view text) {
  if (!text.empty()) to.Set(key, Value(text));
}

Value UserOf(const auth::User& user) {
  Value out = Value::Object();
  SetText(out, "username", user.name);
  SetText(out, "uid", user.uid);
  Value groups = Value::Array();
  for (const std::string& group : user.groups) groups.Append(Value(group));
  if (!user.groups.empty()) out.Set("groups", std::move(groups));
  Value extra = Value::Object();
  for (const auto& [key, values] : user.extra) {
    Value list = Value::Array();
    for (const std::string& value : values) list.Append(Value(value));
    extra.Set(key, std::move(list));
  }
  if (!user.extra.empty()) out.Set("extra", std::move(extra));
  return out;
}

// Whom proxies named, then the other end of the connection.
Value SourcesOf(const service::Request& request) {
  Value out = Value::Array();
  std::string last;
  const auto add = [&](std::string_view text) {
    const std::string address(base::Trim(text));
    if (!kube::IsIpAddress(address) || address == last) return;
    out.Append(Value(address));
    last = address;
  };
  if (const std::string* chain = service::FindHeader(request.headers, "x-forwarded-for")) {
    for (const std::string_view one : base::Split(std::string_view(*chain), ',')) add(one);
  }
  std::string_view peer = request.remote;
  peer = peer.substr(0, peer.rfind(':'));
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  add(peer);
  return out;
}

// The name in an object as we write it, for what was made without one in its path.
std::string_view NameIn(std::string_view answer) {
  constexpr std::string_view kBefore = "\"metadata\":{\"name\":\"";
  const size_t at = answer.substr(0, 256).find(kBefore);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = answer.substr(at + kBefore.size());
  const size_t end = rest.find('"');
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

Value ObjectOf(const Event& event) {
  const Attributes& attributes = event.attributes;
  Value out = Value::Object();
  SetText(out, "resource", attributes.resource);
  SetText(out, "namespace", attributes.ns);
  const bool made = attributes.name.empty() && event.code == 201;
  SetText(out, "name", made ? NameIn(event.answer) : std::string_view(attributes.name));
  SetText(out, "apiGroup", attributes.group);
  SetText(out, "apiVersion", attributes.version);
  SetText(out, "subresource", attributes.subresource);
  return out;
}

Value StatusOf(const Event& event) {
  Value out = Value::Object();
  out.Set("metadata", Value::Object());
  if (event.code >= 400) {
    if (const base::Result<Value> said = json::ParseJson(event.answer);
        said.ok() && said->At({"kind"}).AsString() == "Status") {
      for (const char* key : {"status", "message", "reason", "details"}) {
        if (const Value& value = said->At({key}); !value.IsNull()) out.Set(key, value);
      }
    }
  }
  out.Set("code", Value(event.code));
  return out;
}

}  // namespace

bool IsConnection(const Attributes& attributes) {
  const std::string& sub = attributes.subresource;
  return attributes.is_resource &&
         (sub == "exec" || sub == "attach" || sub == "portforward" || sub == "proxy");
}

bool IsWorthIt(const Attributes& attributes) {
  const std::string& verb = attributes.verb;
  if (!attributes.is_resource) return verb != "get" && verb != "head" && verb != "options";
  if (IsConnection(attributes)) return true;
  if (verb == "get" || verb == "list" || verb == "watch") return false;
  const std::string& group = attributes.group;
  if (group == "authorization.k8s.io" || group == "authentication.k8s.io") return false;
  if (attributes.resource == "events") return false;
  return group != "coordination.k8s.io" || attributes.resource != "leases";
}

std::string ToLine(const Event& event) {
  const Attributes& attributes = event.attributes;
  Value out;
  out.Set("kind", Value("Event"));
  out.Set("apiVersion", Value("audit.k8s.io/v1"));
  out.Set("level", Value("Metadata"));
  out.Set("auditID", Value(event.id));
  out.Set("stage", Value(event.stage == Stage::kStarted ? "ResponseStarted" : "ResponseComplete"));
  out.Set("requestURI", Value(std::string_view(event.request.target).substr(0, kMostText)));
  out.Set("verb", Value(attributes.verb));
  const auth::User* real = attributes.user.impersonator.get();
  out.Set("user", UserOf(real == nullptr ? attributes.user : *real));
  if (real != nullptr) out.Set("impersonatedUser", UserOf(attributes.user));
  Value sources = SourcesOf(event.request);
  if (!sources.items().empty()) out.Set("sourceIPs", std::move(sources));
  if (const std::string* agent = service::FindHeader(event.request.headers, "user-agent"))
    SetText(out, "userAgent", std::string_view(*agent).substr(0, kMostText));
  if (attributes.is_resource) out.Set("objectRef", ObjectOf(event));
  out.Set("responseStatus", StatusOf(event));
  out.Set("requestReceivedTimestamp", Value(base::FormatRfc3339(event.received_nanos, 6)));
  out.Set("stageTimestamp", Value(base::FormatRfc3339(event.stage_nanos, 6)));
  if (event.decision != Decision::kNone) {
    Value notes = Value::Object();
    notes.Set("authorization.k8s.io/decision",
              Value(event.decision == Decision::kAllowed ? "allow" : "forbid"));
    out.Set("annotations", std::move(notes));
  }
  return json::WriteJson(out) + "\n";
}

}  // namespace keelson::audit
