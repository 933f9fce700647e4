// SPDX-License-Identifier: Apache-2.0
// What the schema makes of bodies, beside what upstream's server made of them: every recorded
// object is read and written back equal, every body refused while it was read is refused in the
// same words.
#include <gtest/gtest.h>

#include <string>

#include "lib/base/strings.h"
#include "minimal-master/schema/canonical.h"
#include "minimal-master/schema/decode.h"
#include "minimal-master/schema/protobuf.h"
#include "minimal-master/schema/resources.h"
#include "tests/master/golden.h"

namespace keelson::schema {
namespace {

using json::Value;

// Values that a type can hold in place of placeholders.
void FillIn(Value& value, const std::string& name) {
  for (Value& item : value.items()) FillIn(item, name);
  for (auto& [key, member] : value.members()) FillIn(member, key);
  if (!value.IsString()) return;
  const std::string& text = value.AsString();
  if (text == "<time>") {
    const bool micro = name == "eventTime" || name == "renewTime" || name == "acquireTime";
    value = Value(micro ? "2026-01-02T03:04:05.000006Z" : "2026-01-02T03:04:05Z");
  } else if (text == "<nodePort>" || text == "<healthCheckNodePort>") {
    value = Value(30001);
  }
}

const Type* TypeOf(const Value& object) {
  const std::string& api_version = object.At({"apiVersion"}).AsString();
  const size_t slash = api_version.find('/');
  const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  const std::string version =
      slash == std::string::npos ? api_version : api_version.substr(slash + 1);
  return Find(group, version, object.At({"kind"}).AsString());
}

void ExpectRoundTrip(const std::string& name, Value object) {
  SCOPED_TRACE(name);
  FillIn(object, "");
  const Type* type = TypeOf(object);
  if (type == nullptr) return;  // a custom resource
  const auto decoded = Decode(json::WriteJson(object), *type, Media::kJson);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message();
  EXPECT_TRUE(decoded->problems.empty()) << StrictMessage(decoded->problems);
  const std::string written = WriteCanonical(decoded->value, *type);
  for (const std::string& each : golden::Differences(object, *DecodeAny(written)))
    ADD_FAILURE() << each;
  // Protobuf says the same, but for the kinds of templates, which it does not carry.
  if (name == "sts-vct") return;
  const auto envelope = EncodeProtobuf(decoded->value, *type);
  const auto again = Decode(envelope, *type, Media::kProtobuf);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(WriteCanonical(again->value, *type), written);
  // The canonical text is a fixed point.
  EXPECT_EQ(WriteCanonical(Canonical(decoded->value, *type), *type), written);
}

TEST(SchemaGolden, RecordedObjectsAreReadAndWrittenBack) {
  size_t count = 0;
  for (const golden::Case& each : golden::Cases("defaults")) {
    if (each.answer.code >= 300) continue;
    ExpectRoundTrip(each.name, each.answer.body);
    ++count;
  }
  for (const char* list : {"fresh", "kcm_added"}) {
    for (const Value& object : golden::File("bootstrap").At({list}).items()) {
      ExpectRoundTrip(std::string(list) + " " + object.At({"metadata", "name"}).AsString(), object);
      ++count;
    }
  }
  for (const Value& each : golden::File("patches").At({"cases"}).items()) {
    std::vector<const Value*> steps = {&each};
    for (const Value& step : each.At({"steps"}).items()) steps.push_back(&step);
    for (const Value* step : steps) {
      const Value& after = step->At({"after"});
      if (after.At({"code"}).AsInt() >= 300 || !after.At({"body"}).IsObject()) continue;
      ExpectRoundTrip(each.At({"name"}).AsString(), after.At({"body"}));
      ++count;
    }
  }
  EXPECT_GT(count, 500u);
}

struct Target {
  std::string group;
  std::string version;
  const Resource* resource = nullptr;
};
// "/apis/apps/v1/namespaces/e/deployments?dryRun=All" to its resource; none for subresources.
Target TargetOf(std::string path) {
  path = path.substr(0, path.find('?'));
  std::vector<std::string> parts;
  for (size_t at = 1; at < path.size();) {
    const size_t next = std::min(path.find('/', at), path.size());
    parts.push_back(path.substr(at, next - at));
    at = next + 1;
  }
  Target out;
  size_t at = 0;
  if (parts.size() > 2 && parts[0] == "apis") {
    out.group = parts[1];
    out.version = parts[2];
    at = 3;
  } else if (parts.size() > 1 && parts[0] == "api") {
    out.version = parts[1];
    at = 2;
  }
  if (at + 2 < parts.size() && parts[at] == "namespaces") at += 2;
  if (at < parts.size() && parts.size() - at <= 2)
    out.resource = FindResource(out.group, out.version, parts[at]);
  return out;
}

// Refused while the body was read, as its words tell.
bool IsDecodingRefusal(const std::string& message) {
  for (const char* mark : {"cannot be handled as a", "the object provided is unrecognized"}) {
    if (message.find(mark) != std::string::npos) return true;
  }
  return false;
}

TEST(SchemaGolden, ChangedBodiesAreRefusedInUpstreamsWords) {
  size_t refused = 0;
  for (const golden::Mutation& each : golden::Mutations()) {
    const Target target = TargetOf(each.path);
    if (target.resource == nullptr) continue;
    SCOPED_TRACE(each.name);
    const auto decoded = DecodeRequest(json::WriteJson(each.body), Media::kJson, target.group,
                                       target.version, target.resource->kind());
    const std::string& message = each.status.At({"message"}).AsString();
    if (each.code == 400 && IsDecodingRefusal(message)) {
      ++refused;
      EXPECT_FALSE(decoded.ok()) << message;
      if (!decoded.ok()) {
        EXPECT_EQ(decoded.error().message(), message);
      }
    } else {
      EXPECT_TRUE(decoded.ok()) << each.code << " " << decoded.error().message();
    }
  }
  EXPECT_GT(refused, 480u);
}

Media MediaOf(const std::string& content_type) {
  if (content_type.find("yaml") != std::string::npos) return Media::kYaml;
  if (content_type.find("protobuf") != std::string::npos) return Media::kProtobuf;
  return Media::kJson;
}

TEST(SchemaGolden, RecordedCreatesAreRefusedOrWarnedOfInUpstreamsWords) {
  size_t compared = 0;
  for (const golden::Case& each : golden::Cases("errors")) {
    const Target target = TargetOf(each.request.path);
    const bool write = each.request.method == "POST" || each.request.method == "PUT";
    if (target.resource == nullptr || !write || !each.request.has_body) continue;
    const std::string message = each.answer.body.At({"message"}).AsString();
    const bool refusal = each.answer.code == 400 && IsDecodingRefusal(message);
    if (!refusal && each.answer.code >= 300) continue;
    if (each.name == "media-yaml-bad") continue;  // the words of another reader of YAML
    SCOPED_TRACE(each.name);
    ++compared;
    auto decoded = DecodeRequest(each.request.body, MediaOf(each.request.content_type),
                                 target.group, target.version, target.resource->kind());
    const bool strict = each.request.path.find("fieldValidation=Strict") != std::string::npos;
    if (decoded.ok() && strict && !decoded->problems.empty()) {
      decoded = base::InvalidArgument("{}", RequestRefusal(target.version, target.resource->kind(),
                                                           StrictMessage(decoded->problems)));
    }
    EXPECT_EQ(decoded.ok(), !refusal) << message;
    if (!decoded.ok()) {
      if (each.name == "fv-deploy-nested-Strict") continue;  // recorded with members sorted
      EXPECT_EQ(decoded.error().message(), message);
      continue;
    }
    if (each.request.path.find("fieldValidation=Ignore") != std::string::npos) continue;
    size_t told = 0;
    for (const Problem& problem : decoded->problems) {
      bool found = false;
      for (const std::string& warning : each.answer.warnings) {
        if (warning == "299 - " + json::WriteJson(Value(problem.message))) found = true;
      }
      EXPECT_TRUE(found) << problem.message;
      ++told;
    }
    size_t recorded = 0;
    for (const std::string& warning : each.answer.warnings) {
      if (warning.find("unknown field") != std::string::npos ||
          warning.find("duplicate field") != std::string::npos ||
          warning.find("already set in map") != std::string::npos)
        ++recorded;
    }
    EXPECT_EQ(told, recorded);
  }
  EXPECT_GT(compared, 100u);
}

}  // namespace
}  // namespace keelson::schema
