// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/metadata.h"

#include <sys/random.h>

#include <algorithm>

#include "lib/base/result.h"

namespace keelson::api {
namespace {

using json::Value;

constexpr size_t kLongestName = 63;  // what a generated name is cut to, with its end
constexpr size_t kSuffix = 5;

Value& MetadataOf(Value& object) {
  Value* metadata = object.Find("metadata");
  if (metadata != nullptr && metadata->IsObject()) return *metadata;
  object.Set("metadata", Value::Object());
  return *object.Find("metadata");
}

void Keep(Value& metadata, const Value& before, std::string_view key) {
  const Value* value = before.Find(key);
  if (value != nullptr)
    metadata.Set(key, *value);
  else
    metadata.Erase(key);
}

}  // namespace

std::string RandomSuffix() {
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  unsigned char random[kSuffix];
  KEELSON_CHECK(getrandom(random, sizeof random, 0) == static_cast<ssize_t>(sizeof random));
  std::string out;
  for (const unsigned char byte : random) out += kLetters[byte % kLetters.size()];
  return out;
}

status::Or<bool> BeginMetadata(Value& object, std::string_view ns, const Birth& birth) {
  Value& metadata = MetadataOf(object);
  const std::string given = metadata.At({"namespace"}).AsString();
  if (!given.empty() && given != ns)
    return status::BadRequest(
        "the namespace of the provided object does not match the namespace sent on the request");
  if (ns.empty())
    metadata.Erase("namespace");
  else
    metadata.Set("namespace", Value(ns));
  // One that is no number at all is passed over.
  const std::string revision = metadata.At({"resourceVersion"}).AsString();
  if (!revision.empty() && revision != "0" &&
      revision.find_first_not_of("0123456789") == std::string::npos) {
    status::Failure failure;
    failure.message = "resourceVersion should not be set on objects to be created";
    return failure;
  }
  const std::string prefix = metadata.At({"generateName"}).AsString();
  if (metadata.At({"name"}).AsString().empty() && !prefix.empty())
    metadata.Set("name", Value(prefix.substr(0, kLongestName - kSuffix) + birth.suffix));
  // The one kind whose strategy makes up a name.
  if (metadata.At({"name"}).AsString().empty() && prefix.empty() &&
      object.At({"kind"}).AsString() == "LimitRange")
    metadata.Set("name", Value(birth.uid));
  for (const char* key :
       {"resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"})
    metadata.Erase(key);
  metadata.Set("uid", Value(birth.uid));
  metadata.Set("creationTimestamp", Value(birth.time));
  return true;
}

void KeepMetadata(Value& object, const Value& old) {
  Value& metadata = MetadataOf(object);
  const Value& before = old.At({"metadata"});
  // Left out or not, these are the server's; a uid that was given is compared by validation.
  for (const char* key : {"generateName", "selfLink", "creationTimestamp", "deletionTimestamp",
                          "deletionGracePeriodSeconds", "namespace"})
    Keep(metadata, before, key);
  if (metadata.At({"uid"}).AsString().empty()) Keep(metadata, before, "uid");
  metadata.Erase("resourceVersion");
}

}  // namespace keelson::api
