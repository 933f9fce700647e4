// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/schema/decode.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "lib/base/strings.h"
#include "minimal-master/schema/json_decoder.h"
#include "minimal-master/schema/protobuf.h"

namespace keelson::schema {
namespace {

constexpr std::string_view kScheme = "pkg/runtime/scheme.go:111";

void SortMembers(json::Value& value) {
  for (json::Value& item : value.items()) SortMembers(item);
  for (auto& member : value.members()) SortMembers(member.second);
  std::sort(value.members().begin(), value.members().end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
}

// YAML travels as the JSON that upstream makes of it: members sorted. Repeated keys are reported in
// the words of YAML's reader.
base::Result<std::string> JsonOfYaml(std::string_view body, std::vector<Problem>& problems) {
  std::vector<std::string> repeated;
  auto value = json::ParseFirstYaml(body, repeated, {.bytes = size_t{4} << 20, .depth = 200});
  if (!value.ok()) return base::InvalidArgument("yaml: {}", value.error().message());
  for (std::string& each : repeated)
    problems.push_back({Problem::Kind::kDuplicateField, "", std::move(each)});
  SortMembers(*value);
  return json::WriteJson(*value);
}

base::Result<std::string> OneOfTwo(JsonCursor& in, std::string_view name) {
  const Token token = in.Peek();
  if (token == Token::kString) return in.String();
  in.Skip();
  if (token == Token::kNull) return std::string();
  return base::InvalidArgument("json: cannot unmarshal {} into Go struct field .{} of type string",
                               TokenName(token), name);
}

base::Result<ObjectKind> SplitKind(const std::string& api_version, std::string kind) {
  ObjectKind out;
  out.kind = std::move(kind);
  const size_t slash = api_version.find('/');
  if (slash == std::string::npos) {
    out.version = api_version;
  } else if (api_version.find('/', slash + 1) != std::string::npos) {
    return base::InvalidArgument("unexpected GroupVersion string: {}", api_version);
  } else {
    out.group = api_version.substr(0, slash);
    out.version = api_version.substr(slash + 1);
  }
  return out;
}

// Of a text that may be broken: upstream looks at the kind first, so these are the words for that.
base::Result<ObjectKind> ReadJsonKind(std::string_view body) {
  const auto refuse = [](const std::string& why) {
    return base::InvalidArgument("couldn't get version/kind; json parse error: {}", why);
  };
  if (const base::Status checked = CheckJson(body); !checked.ok())
    return refuse(checked.error().message());
  JsonCursor in(body);
  const Token token = in.Peek();
  if (token == Token::kNull) return ObjectKind{};
  if (token != Token::kObject) {
    return refuse(
        fmt::format("json: cannot unmarshal {} into Go value of type struct {{ APIVersion string "
                    R"("json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }})",
                    TokenName(token)));
  }
  std::string api_version;
  std::string kind;
  std::string key;
  in.Enter();
  while (in.NextKey(key)) {
    if (key != "apiVersion" && key != "kind") {
      in.Skip();
      continue;
    }
    base::Result<std::string> text = OneOfTwo(in, key);
    if (!text.ok()) return refuse(text.error().message());
    (key == "kind" ? kind : api_version) = *std::move(text);
  }
  return SplitKind(api_version, std::move(kind));
}

// As upstream shows what it could not recognise.
std::string Summary(std::string_view body) {
  constexpr size_t kMost = 30;
  if (body.empty()) return "<empty>";
  const std::string_view shown = body.substr(0, kMost);
  std::string out = body[0] == '{' ? std::string(shown) : base::HexEncode(shown);
  if (body.size() > kMost) out += " ...";
  return out;
}

std::string GroupVersion(std::string_view group, std::string_view version) {
  return group.empty() ? std::string(version) : fmt::format("{}/{}", group, version);
}

// The Go package of the types that upstream converts to.
std::string_view InternalPackage(std::string_view group) {
  if (group.empty() || group == "events.k8s.io") return "core";
  return group.substr(0, group.find('.'));
}

base::Result<Decoded> DecodeJson(std::string_view json, const Type& type) {
  RETURN_IF_ERROR(CheckJson(json));
  return JsonDecoder(json).Run(type);
}

}  // namespace

std::string StrictMessage(const std::vector<Problem>& problems) {
  // Repeated keys of YAML come first and share one introduction.
  std::string yaml;
  std::string rest;
  for (const Problem& each : problems) {
    if (each.path.empty()) {
      yaml += "\n  " + each.message;
    } else {
      if (!rest.empty()) rest += ", ";
      rest += each.message;
    }
  }
  std::string out = "strict decoding error: ";
  if (!yaml.empty()) out += "yaml: unmarshal errors:" + yaml;
  if (!yaml.empty() && !rest.empty()) out += ", ";
  return out + rest;
}

base::Result<ObjectKind> ReadKind(std::string_view body, Media media) {
  if (media == Media::kProtobuf) {
    ASSIGN_OR_RETURN(const ProtobufObject object, ReadProtobufEnvelope(body));
    return SplitKind(object.api_version, object.kind);
  }
  if (media == Media::kJson) return ReadJsonKind(body);
  std::vector<Problem> unused;
  ASSIGN_OR_RETURN(const std::string json, JsonOfYaml(body, unused));
  return ReadJsonKind(json);
}

base::Result<Decoded> Decode(std::string_view body, const Type& type, Media media) {
  if (media == Media::kProtobuf) {
    ASSIGN_OR_RETURN(const ProtobufObject object, ReadProtobufEnvelope(body));
    return DecodeProtobuf(object, type);
  }
  if (media == Media::kJson) return DecodeJson(body, type);
  std::vector<Problem> repeated;
  ASSIGN_OR_RETURN(const std::string json, JsonOfYaml(body, repeated));
  ASSIGN_OR_RETURN(Decoded out, DecodeJson(json, type));
  out.problems.insert(out.problems.begin(), std::make_move_iterator(repeated.begin()),
                      std::make_move_iterator(repeated.end()));
  return out;
}

base::Result<Decoded> Decode(const json::Value& value, const Type& type) {
  return DecodeJson(json::WriteJson(value), type);
}

std::string RequestRefusal(std::string_view version, std::string_view kind,
                           std::string_view reason) {
  return fmt::format("{} in version \"{}\" cannot be handled as a {}: {}", kind, version, kind,
                     reason);
}

base::Result<Decoded> DecodeRequest(std::string_view body, Media media, std::string_view group,
                                    std::string_view version, std::string_view kind) {
  const auto unrecognized = [&](const base::Error& why) {
    return base::InvalidArgument(
        "the object provided is unrecognized (must be of type {}): {} ({})", kind, why.message(),
        Summary(body));
  };
  std::string converted;
  std::vector<Problem> repeated;
  if (media == Media::kYaml) {
    base::Result<std::string> json = JsonOfYaml(body, repeated);
    if (!json.ok()) return unrecognized(json.error());
    converted = *std::move(json);
  }
  const std::string_view json = media == Media::kYaml ? std::string_view(converted) : body;
  base::Result<ObjectKind> said =
      media == Media::kProtobuf ? ReadKind(body, media) : ReadJsonKind(json);
  if (!said.ok()) return unrecognized(said.error());
  if (said->kind.empty()) said->kind = kind;
  if (said->version.empty() && said->group.empty()) {
    said->version = version;
    said->group = group;
  }
  const auto refuse = [&](std::string_view why) {
    return base::InvalidArgument("{} in version \"{}\" cannot be handled as a {}: {}", said->kind,
                                 said->version, kind, why);
  };
  const Type* type = Find(said->group, said->version, said->kind);
  if (type == nullptr) {
    return refuse(fmt::format("no kind \"{}\" is registered for version \"{}\" in scheme \"{}\"",
                              said->kind, GroupVersion(said->group, said->version), kScheme));
  }
  base::Result<Decoded> out =
      media == Media::kProtobuf ? Decode(body, *type, media) : JsonDecoder(json).Run(*type);
  if (!out.ok()) return refuse(out.error().message());
  if (said->kind != kind || said->group != group || said->version != version) {
    return refuse(fmt::format("converting ({}) to ({}.{}): unknown conversion", type->go_name(),
                              InternalPackage(group), kind));
  }
  out->problems.insert(out->problems.begin(), std::make_move_iterator(repeated.begin()),
                       std::make_move_iterator(repeated.end()));
  out->value.Set("kind", json::Value(kind));
  out->value.Set("apiVersion", json::Value(GroupVersion(group, version)));
  return out;
}

}  // namespace keelson::schema
