// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/schema/decode.h"

#include <gtest/gtest.h>

#include <string>

#include "minimal-master/schema/canonical.h"

namespace keelson::schema {
namespace {

const Type& Pod() { return *Find("", "v1", "Pod"); }
const Type& ConfigMap() { return *Find("", "v1", "ConfigMap"); }

std::string Error(std::string_view body, const Type& type, Media media = Media::kJson) {
  const auto decoded = Decode(body, type, media);
  return decoded.ok() ? "" : decoded.error().message();
}

std::string Canonical(std::string_view body, const Type& type, Media media = Media::kJson) {
  const auto decoded = Decode(body, type, media);
  return decoded.ok() ? WriteCanonical(decoded->value, type) : decoded.error().message();
}

TEST(CheckJson, RefusesInGosWords) {
  const struct {
    std::string_view text;
    std::string_view error;
  } cases[] = {
      {R"({"a":[1,-2.5e+3,"x\u00e9\n",true,false,null,{}],"b":{}})", ""},
      {"", "unexpected end of JSON input"},
      {"{\"a\":", "unexpected end of JSON input"},
      {"\"abc", "unexpected end of JSON input"},
      {"-", "unexpected end of JSON input"},
      {"1e", "unexpected end of JSON input"},
      {"{} x", "invalid character 'x' after top-level value"},
      {"x", "invalid character 'x' looking for beginning of value"},
      {"[1,]", "invalid character ']' looking for beginning of value"},
      {"{a:1}", "invalid character 'a' looking for beginning of object key string"},
      {R"({"a":1,})", "invalid character '}' looking for beginning of object key string"},
      {R"({"a" 1})", "invalid character '1' after object key"},
      {R"({"a":1 "b":2})", R"(invalid character '"' after object key:value pair)"},
      {"[1 2]", "invalid character '2' after array element"},
      {"01", "invalid character '1' after top-level value"},
      {"-x", "invalid character 'x' in numeric literal"},
      {"1.x", "invalid character 'x' after decimal point in numeric literal"},
      {"1ex", "invalid character 'x' in exponent of numeric literal"},
      {"trux", "invalid character 'x' in literal true (expecting 'e')"},
      {"\"a\nb\"", "invalid character '\\n' in string literal"},
      {R"("\x")", "invalid character 'x' in string escape code"},
      {R"("\u00zz")", "invalid character 'z' in \\u hexadecimal character escape"},
      {"\xEF\xBB\xBF{}", "invalid character '\xC3\xAF' looking for beginning of value"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const base::Status status = CheckJson(c.text);
    EXPECT_EQ(status.ok() ? "" : status.error().message(), c.error);
  }
}

TEST(CheckJson, BoundsDepth) {
  const std::string deep = std::string(kMaxDepth, '[') + std::string(kMaxDepth, ']');
  EXPECT_TRUE(CheckJson(deep).ok());
  EXPECT_EQ(CheckJson("[" + deep + "]").error().message(),
            "invalid character '[' exceeded max depth");
}

TEST(DecodeAny, KeepsIntegersAndTheLastOfRepeatedMembers) {
  const auto value = DecodeAny(R"({"a":1,"b":1.0,"a":9007199254740993,"c":"\ud83d\ude00\ud83d"})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->members().size(), 3u);
  EXPECT_EQ(value->At({"a"}).AsInt(), 9007199254740993);
  EXPECT_FALSE(value->At({"b"}).IsInt());
  EXPECT_EQ(value->At({"c"}).AsString(), "\xF0\x9F\x98\x80\xEF\xBF\xBD");
}

TEST(Decode, NormalisesScalars) {
  EXPECT_EQ(Canonical(R"({"metadata":{"name":"p","creationTimestamp":"2020-01-01T02:00:00.5+02:00",
      "labels":null,"deletionTimestamp":null},"spec":{"nodeName":"","priority":0,"hostNetwork":false,
      "containers":[{"image":"i","name":"c","resources":{"requests":{"memory":"1024Mi","cpu":1}}}]}})",
                      Pod()),
            R"({"metadata":{"name":"p","creationTimestamp":"2020-01-01T00:00:00Z"},)"
            R"("spec":{"containers":[{"name":"c","image":"i",)"
            R"("resources":{"requests":{"cpu":"1","memory":"1Gi"}}}],"priority":0},"status":{}})");
}

TEST(Decode, NullInMapsAndListsIsZero) {
  EXPECT_EQ(Canonical(R"({"data":{"a":null},"metadata":{"finalizers":[null]}})", ConfigMap()),
            R"({"metadata":{"finalizers":[""]},"data":{"a":""}})");
}

TEST(Decode, TellsTheFirstWrongTypeButLetsReadersOfTheirOwnStop) {
  EXPECT_EQ(Error(R"({"data":{"a":1},"metadata":"x"})", ConfigMap()),
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type string");
  EXPECT_EQ(Error(R"({"data":{"a":1},"metadata":{"creationTimestamp":"x"}})", ConfigMap()),
            R"(parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006")");
  EXPECT_EQ(Error(R"({"metadata":{"creationTimestamp":5}})", ConfigMap()),
            "json: cannot unmarshal number into Go struct field "
            "ObjectMeta.metadata.creationTimestamp of type string");
  EXPECT_EQ(Error(R"({"spec":{"containers":[{"ports":[{"containerPort":3000000000}]}]}})", Pod()),
            "json: cannot unmarshal number 3000000000 into Go struct field "
            "ContainerPort.spec.containers.ports.containerPort of type int32");
  EXPECT_EQ(Error("[]", Pod()), "json: cannot unmarshal array into Go value of type v1.Pod");
  EXPECT_EQ(Error(R"({"spec":{"ports":[{"targetPort":true}]}})", *Find("", "v1", "Service")),
            "json: cannot unmarshal bool into Go struct field "
            "ServicePort.spec.ports.targetPort of type int32");
}

TEST(Decode, ReportsUnknownAndRepeatedFieldsOnce) {
  const auto decoded = Decode(
      R"({"metadata":{"name":"a","nam":1,"name":"b"},"spec":{"containers":[{"name":"x","a.b":{}},
      {"name":"y","env":[{"nme":1,"nme":2}]}]},"Status":{},"metadata":{"labels":{"k":"1","k":"2"}}})",
      Pod(), Media::kJson);
  ASSERT_TRUE(decoded.ok());
  std::vector<std::string> messages;
  for (const Problem& each : decoded->problems) messages.push_back(each.message);
  EXPECT_EQ(messages, (std::vector<std::string>{
                          R"(unknown field "metadata.nam")",
                          R"(duplicate field "metadata.name")",
                          R"(unknown field "spec.containers[0].a.b")",
                          R"(unknown field "spec.containers[1].env[0].nme")",
                          R"(unknown field "Status")",
                          R"(duplicate field "metadata")",
                          R"(duplicate field "metadata.labels.k")",
                      }));
  // Structs that come again are filled further, the last of a scalar counts.
  EXPECT_EQ(decoded->value.At({"metadata", "name"}).AsString(), "b");
  EXPECT_EQ(decoded->value.At({"metadata", "labels", "k"}).AsString(), "2");
}

TEST(Decode, RepeatedFieldsDoNotMakeLongWork) {
  std::string body = R"({"data":{)";
  for (int i = 0; i < 50'000; ++i) body += "\"k" + std::to_string(i) + "\":\"\",";
  body += "\"z\":\"\"}";
  for (int i = 0; i < 50'000; ++i) body += R"(,"data":{"a":"b"})";
  EXPECT_EQ(Error(body + "}", ConfigMap()), "too many repeated fields");
  EXPECT_EQ(Canonical(R"({"data":{"a":"1"},"data":{"b":"2"}})", ConfigMap()),
            R"({"metadata":{},"data":{"a":"1","b":"2"}})");
  std::string yaml = "data:\n";
  for (int i = 0; i < 20'000; ++i) yaml += "  k: v\n";
  EXPECT_EQ(Error(yaml, ConfigMap(), Media::kYaml), "yaml: line 103: key \"k\" already set in map");
}

TEST(Decode, ReadsYamlAsUpstreamDoes) {
  const auto decoded = Decode(
      "kind: ConfigMap\nmetadata:\n  name: a\nfoo: 1\ndata: {x: y, x: 'z'}\n---\nkind: Next\n",
      ConfigMap(), Media::kYaml);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message();
  EXPECT_EQ(WriteCanonical(decoded->value, ConfigMap()),
            R"({"kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"z"}})");
  EXPECT_EQ(
      StrictMessage(decoded->problems),
      "strict decoding error: yaml: unmarshal errors:\n  line 5: key \"x\" already set in map, "
      "unknown field \"foo\"");
  EXPECT_EQ(Error("data: {a: 1}", ConfigMap(), Media::kYaml),
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type string");
}

TEST(DecodeRequest, FillsInWhatTheBodyLeavesOut) {
  const auto decoded = DecodeRequest("{}", Media::kJson, "apps", "v1", "Deployment");
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(WriteCanonical(decoded->value, *decoded->type),
            R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{},"spec":{"selector":null,)"
            R"("template":{"metadata":{},"spec":{"containers":null}},"strategy":{}},"status":{}})");
  EXPECT_TRUE(DecodeRequest("null", Media::kJson, "", "v1", "ConfigMap").ok());
}

TEST(ReadKind, ReadsEveryMedium) {
  const auto json = ReadKind(R"({"apiVersion":"apps/v1","kind":"Deployment"})", Media::kJson);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->group, "apps");
  EXPECT_EQ(json->version, "v1");
  EXPECT_EQ(json->kind, "Deployment");
  EXPECT_EQ(ReadKind("kind: Pod\napiVersion: v1\n", Media::kYaml)->kind, "Pod");
  EXPECT_EQ(ReadKind(R"({"kind":5})", Media::kJson).error().message(),
            "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go "
            "struct field .kind of type string");
}

}  // namespace
}  // namespace keelson::schema
