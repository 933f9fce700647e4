// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/reader.h"

#include <fmt/format.h>

#include "lib/json/part.h"
#include "lib/json/value.h"
#include "minimal-master/api/selectable.h"
#include "minimal-master/schema/canonical.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/storage/storage.h"

namespace keelson::api {
namespace {

using base::Result;
using json::Value;
using store::Bytes;
using store::Revision;

constexpr std::string_view kProtobuf("k8s\0", 4);
constexpr std::string_view kMetadata = "\"metadata\":{";

// Behind the closing quote of the JSON string that begins at `at`.
size_t AfterString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

bool IsBeforeRevision(std::string_view key) {
  return key == "name" || key == "generateName" || key == "namespace" || key == "selfLink" ||
         key == "uid";
}

// Where metadata's resourceVersion stands or would stand: behind those members that come first.
// `comma`: something is before it.
size_t PlaceOfRevision(std::string_view object, bool& comma) {
  size_t at = object.find(kMetadata);
  if (at == std::string_view::npos) return at;
  at += kMetadata.size();
  comma = false;
  while (at < object.size() && (object[at] == '"' || object[at] == ',')) {
    const size_t key = object[at] == ',' ? at + 1 : at;
    const size_t after_key = AfterString(object, key);
    if (after_key + 1 >= object.size()) return std::string_view::npos;
    if (!IsBeforeRevision(object.substr(key + 1, after_key - key - 2))) break;
    at = AfterString(object, after_key + 1);
    comma = true;
  }
  return at;
}

// The stored form of what upstream's server wrote as protobuf.
Result<std::string> FromProtobuf(const schema::Resource& resource, std::string_view value) {
  ASSIGN_OR_RETURN(const schema::Decoded decoded,
                   schema::Decode(value, resource.type(), schema::Media::kProtobuf));
  Value object = decoded.value;
  object.Set("kind", Value(resource.kind()));
  object.Set("apiVersion", Value(resource.group().empty()
                                     ? std::string(resource.version())
                                     : fmt::format("{}/{}", resource.group(), resource.version())));
  return schema::WriteCanonical(object, resource.type());
}

// What Read needs of any object: metadata's few, and where selectable fields are.
bool IsRead(std::string_view top, std::string_view member, char first) {
  if (top == "metadata") {
    return member.empty() || member == "name" || member == "namespace" || member == "uid" ||
           member == "labels" || member == "ownerReferences";
  }
  return member.empty() || (first != '{' && first != '[') || member == "podIPs";
}
bool IsReadOfUnselectable(std::string_view top, std::string_view member, char first) {
  return top == "metadata" && IsRead(top, member, first);
}
bool IsReadOfSelectable(std::string_view top, std::string_view member, char first) {
  const bool wanted = top == "metadata" || top == "spec" || top == "status" || top == "type" ||
                      top == "reason" || top == "involvedObject" || top == "source" ||
                      top == "reportingComponent";
  return wanted && IsRead(top, member, first);
}

Bytes Stamped(std::string_view object, Revision revision) {
  bool comma = false;
  const size_t at = PlaceOfRevision(object, comma);
  if (at == std::string_view::npos) return Bytes::Copy(object);
  const std::string_view rest = object.substr(at);
  return Bytes::Join({object.substr(0, at), comma ? "," : "", "\"resourceVersion\":\"",
                      std::to_string(revision), rest.starts_with('"') ? "\"," : "\"", rest});
}

}  // namespace

std::string WithRevision(std::string_view object, Revision revision) {
  return std::string(Stamped(object, revision).view());
}

Result<watch::Contents> Reader::Read(std::string_view key, const Bytes& value,
                                     Revision revision) const {
  const schema::Resource* resource = storage::ResourceOfKey(key);
  if (resource == nullptr) return base::NotFound("no resource lies under the key {}", key);
  std::string translated;
  if (value.view().starts_with(kProtobuf)) {
    ASSIGN_OR_RETURN(translated, FromProtobuf(*resource, value.view()));
  }
  const std::string_view text = translated.empty() ? value.view() : translated;
  RETURN_IF_ERROR(schema::CheckJson(text));
  const std::vector<Selectable>& selectable = SelectableFields(*resource);
  ASSIGN_OR_RETURN(
      const Value object,
      json::ParseJsonPart(text, selectable.empty() ? IsReadOfUnselectable : IsReadOfSelectable));
  const Value& metadata = object.At({"metadata"});
  watch::Contents out;
  out.ns = metadata.At({"namespace"}).AsString();
  out.name = metadata.At({"name"}).AsString();
  out.uid = metadata.At({"uid"}).AsString();
  for (const auto& [label, content] : metadata.At({"labels"}).members())
    out.labels.emplace_back(label, content.AsString());
  for (const Value& owner : metadata.At({"ownerReferences"}).items())
    out.owner_uids.push_back(owner.At({"uid"}).AsString());
  for (const Selectable& field : selectable) out.fields.push_back(field.read(object));
  out.bytes = Stamped(text, revision);
  return out;
}

Bytes Reader::Departed(const watch::Object& last, Revision revision) const {
  const std::string_view object = last.bytes().view();
  bool comma = false;
  const size_t at = PlaceOfRevision(object, comma);
  constexpr std::string_view kMember = "\"resourceVersion\":\"";
  if (at == std::string_view::npos) return last.bytes();
  const size_t member = object[at] == ',' ? at + 1 : at;
  if (!object.substr(member).starts_with(kMember)) return last.bytes();
  const size_t begin = member + kMember.size();
  const size_t end = object.find('"', begin);
  return Bytes::Join({object.substr(0, begin), std::to_string(revision), object.substr(end)});
}

}  // namespace keelson::api
