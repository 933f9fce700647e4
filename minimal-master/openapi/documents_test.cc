// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/openapi/documents.h"

#include <gtest/gtest.h>

#include "lib/json/value.h"
#include "minimal-master/openapi/sentences.h"
#include "minimal-master/schema/resources.h"
#include "minimal-master/schema/wire.h"

namespace keelson::openapi {
namespace {

using json::Value;

void ExpectEveryReferenceThere(const std::string& text, std::string_view prefix,
                               const Value& types) {
  size_t references = 0;
  for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
    const size_t begin = at + prefix.size();
    const std::string name = text.substr(begin, text.find('"', begin) - begin);
    EXPECT_NE(types.Find(name), nullptr) << name;
    ++references;
  }
  EXPECT_GT(references, 10u);
}

TEST(OpenApi, HasWhatKubectlLooksForAndEveryTypeItNames) {
  const base::Result<Value> index = json::ParseJson(Index());
  ASSERT_TRUE(index.ok());
  EXPECT_TRUE(index->At({"paths", "apis/apps/v1", "serverRelativeURL"})
                  .AsString()
                  .starts_with("/openapi/v3/apis/apps/v1?hash="));
  const std::string text = Document("apis/apps/v1", "v1.35.4");
  const base::Result<Value> document = json::ParseJson(text);
  ASSERT_TRUE(document.ok());
  const Value& patch =
      document->At({"paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "patch"});
  EXPECT_EQ(patch.At({"x-kubernetes-group-version-kind", "kind"}).AsString(), "Deployment");
  EXPECT_EQ(patch.At({"parameters"}).items()[2].At({"name"}).AsString(), "fieldValidation");
  ExpectEveryReferenceThere(text, "#/components/schemas/", document->At({"components", "schemas"}));
  EXPECT_EQ(Document("apis/nope/v1", ""), "");
}

TEST(OpenApi, VersionTwoHasEveryResourceInOneDocument) {
  const std::string text = DocumentV2("v1.35.4");
  const base::Result<Value> document = json::ParseJson(text);
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->At({"swagger"}).AsString(), "2.0");
  const Value& types = document->At({"definitions"});
  ExpectEveryReferenceThere(text, "#/definitions/", types);
  for (const schema::Resource& resource : schema::Resources())
    EXPECT_NE(types.Find(resource.type().openapi_name()), nullptr) << resource.name();
  const Value& port = types.At({"io.k8s.api.core.v1.ServicePort", "properties", "targetPort"});
  EXPECT_EQ(port.At({"type"}).AsString(), "string");
  EXPECT_EQ(port.At({"format"}).AsString(), "int-or-string");
}

TEST(OpenApi, TheProtobufFormHasAsManyDefinitions) {
  const std::string text = DocumentV2Protobuf("v1.35.4");
  size_t definitions = 0;
  std::string version;
  for (schema::WireReader document(text, "Document"); !document.done();) {
    const base::Result<schema::WireField> field = document.Next();
    ASSERT_TRUE(field.ok());
    if (field->number == 1) version = field->bytes;
    if (field->number != 9) continue;
    for (schema::WireReader inner(field->bytes, "Definitions"); !inner.done(); ++definitions)
      ASSERT_TRUE(inner.Next().ok());
  }
  EXPECT_EQ(version, "2.0");
  const base::Result<Value> whole = json::ParseJson(DocumentV2("v1.35.4"));
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(definitions, whole->At({"definitions"}).members().size());
}

TEST(Sentences, AreAboutTypesAndFieldsThatExist) {
  const Sentences sentences;
  for (const auto& [key, sentence] : sentences.all()) {
    SCOPED_TRACE(key);
    EXPECT_TRUE(sentence.ends_with('.')) << sentence;
    const std::string name = key.substr(0, key.find(' '));
    const schema::Type* type = nullptr;
    for (const char* prefix : {"io.k8s.api.", "io.k8s.apimachinery.pkg.apis.", ""}) {
      if (type == nullptr) type = schema::FindByOpenApiName(prefix + name);
    }
    ASSERT_NE(type, nullptr);
    if (name != key) {
      EXPECT_NE(type->Find(key.substr(name.size() + 1)), nullptr);
    }
  }
}

TEST(Sentences, AreToldBesideAReferenceToo) {
  const base::Result<Value> document = json::ParseJson(Document("api/v1", ""));
  ASSERT_TRUE(document.ok());
  const Value& meta =
      document->At({"components", "schemas", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"});
  EXPECT_FALSE(meta.At({"description"}).AsString().empty());
  EXPECT_FALSE(meta.At({"properties", "labels", "description"}).AsString().empty());
}

}  // namespace
}  // namespace keelson::openapi
