// SPDX-License-Identifier: Apache-2.0
// Messages written by hand from the encoding's rules and the table's numbers.
#include "minimal-master/schema/protobuf.h"

#include <gtest/gtest.h>

#include <string>

#include "minimal-master/schema/canonical.h"
#include "minimal-master/schema/wire.h"

namespace keelson::schema {
namespace {

// A field of bytes: number, then what it holds.
std::string B(uint32_t number, std::string_view bytes) {
  std::string out;
  AppendBytes(out, number, bytes);
  return out;
}
std::string I(uint32_t number, int64_t value) {
  std::string out;
  AppendInteger(out, number, static_cast<uint64_t>(value));
  return out;
}
std::string Envelope(std::string_view api_version, std::string_view kind, std::string_view raw) {
  return std::string("k8s\0", 4) + B(1, B(1, api_version) + B(2, kind)) + B(2, raw) + B(3, "") +
         B(4, "");
}

std::string Read(const std::string& body, const Type& type) {
  const auto decoded = Decode(body, type, Media::kProtobuf);
  return decoded.ok() ? WriteCanonical(decoded->value, type) : decoded.error().message();
}

TEST(Protobuf, ReadsALeaseAsClientsSendIt) {
  const std::string meta = B(1, "lock") + B(2, "") + B(3, "kube-system") + B(4, "") + B(5, "") +
                           B(6, "") + I(7, 0) + B(8, "");
  const std::string spec = B(1, "holder") + I(2, 15) + B(3, I(1, 1767323045) + I(2, 6000)) +
                           B(4, I(1, 1767323046) + I(2, 7000)) + I(5, 3);
  EXPECT_EQ(
      Read(Envelope("coordination.k8s.io/v1", "Lease", B(1, meta) + B(2, spec)),
           *Find("coordination.k8s.io", "v1", "Lease")),
      R"({"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"lock",)"
      R"("namespace":"kube-system"},"spec":{"holderIdentity":"holder","leaseDurationSeconds":15,)"
      R"("acquireTime":"2026-01-02T03:04:05.000006Z","renewTime":"2026-01-02T03:04:06.000007Z",)"
      R"("leaseTransitions":3}})");
}

TEST(Protobuf, ReadsMapsBytesAndUnknownNumbers) {
  const std::string data = B(2, B(1, "a") + B(2, std::string("\0\xff", 2))) + B(2, B(1, "b"));
  const std::string unknown = B(99, "whatever") + I(100, 7);
  EXPECT_EQ(
      Read(Envelope("v1", "Secret", B(1, B(1, "s")) + data + unknown + B(3, "Opaque")),
           *Find("", "v1", "Secret")),
      R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":"s"},"data":{"a":"AP8=","b":null},)"
      R"("type":"Opaque"})");
}

TEST(Protobuf, ReadsEmbeddedMessagesQuantitiesAndIntOrString) {
  const std::string volume = B(1, "v") + B(2, B(2, B(1, "Memory") + B(2, B(1, "1024Mi"))));
  const std::string probe = B(1, B(2, B(2, I(1, 1) + I(2, 0) + B(3, "http")))) + I(2, 0) + I(3, 5);
  const std::string container = B(1, "c") + B(2, "i") + B(10, probe);
  EXPECT_EQ(
      Read(Envelope("v1", "Pod", B(2, B(1, volume) + B(2, container))), *Find("", "v1", "Pod")),
      R"({"kind":"Pod","apiVersion":"v1","metadata":{},"spec":{"volumes":[{"name":"v",)"
      R"("emptyDir":{"medium":"Memory","sizeLimit":"1Gi"}}],"containers":[{"name":"c","image":"i",)"
      R"("resources":{},"livenessProbe":{"httpGet":{"port":"http"},"timeoutSeconds":5}}]},)"
      R"("status":{}})");
}

TEST(Protobuf, ReadsDeleteOptionsAndNegativeNumbers) {
  EXPECT_EQ(Read(Envelope("v1", "DeleteOptions", I(1, -1) + B(4, "Foreground") + B(5, "All")),
                 *Find("", "v1", "DeleteOptions")),
            R"({"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":-1,)"
            R"("propagationPolicy":"Foreground","dryRun":["All"]})");
}

TEST(Protobuf, ReadsWrappedListsInMaps) {
  const std::string user = B(1, "jane") + B(4, B(1, "scopes") + B(2, B(1, "a") + B(1, "b")));
  EXPECT_EQ(
      Read(Envelope("authentication.k8s.io/v1", "TokenReview", B(3, I(1, 1) + B(2, user))),
           *Find("authentication.k8s.io", "v1", "TokenReview")),
      R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{},"spec":{},)"
      R"("status":{"authenticated":true,"user":{"username":"jane","extra":{"scopes":["a","b"]}}}})");
}

TEST(Protobuf, WritesWhatItReads) {
  const Type& type = *Find("networking.k8s.io", "v1", "NetworkPolicy");
  const auto value = Decode(R"({"kind":"NetworkPolicy","apiVersion":"networking.k8s.io/v1",
      "metadata":{"name":"p","managedFields":[{"manager":"m","fieldsV1":{"f:spec":{}}}]},
      "spec":{"podSelector":{},"ingress":[{"ports":[{"port":80},{"port":"web"}]}]}})",
                            type, Media::kJson);
  ASSERT_TRUE(value.ok());
  const std::string written = EncodeProtobuf(value->value, type);
  EXPECT_TRUE(IsProtobuf(written));
  EXPECT_EQ(Read(written, type), WriteCanonical(value->value, type));
}

TEST(Protobuf, MessagesThatComeAgainAreFilledFurtherWithoutLongWork) {
  const Type& type = *Find("", "v1", "ConfigMap");
  std::string body;
  for (int i = 0; i < 50'000; ++i) {
    const std::string key = "k" + std::to_string(i % 40'000);
    body += B(1, B(11, B(1, key) + B(2, std::to_string(i))));
  }
  const auto decoded = Decode(Envelope("v1", "ConfigMap", body), type, Media::kProtobuf);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->value.At({"metadata", "labels"}).members().size(), 40'000u);
  EXPECT_EQ(decoded->value.At({"metadata", "labels", "k7"}).AsString(), "40007");
}

TEST(Protobuf, RefusesInUpstreamsWords) {
  const Type& pod = *Find("", "v1", "Pod");
  EXPECT_EQ(
      Read("abcdef", pod),
      "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  EXPECT_EQ(Read(std::string("k8s\0garbage", 11), pod), "proto: illegal wireType 7");
  EXPECT_EQ(Read(std::string("k8s\0\x12\x10", 6), pod), "unexpected EOF");
  EXPECT_EQ(Read(Envelope("v1", "Pod", B(1, "\x0a\x05x")), pod), "unexpected EOF");
  EXPECT_EQ(Read(Envelope("v1", "Pod", I(2, 5)), pod), "proto: wrong wireType = 0 for field spec");
  EXPECT_EQ(Read(Envelope("v1", "Pod", std::string("\x0c", 1)), pod),
            "proto: Pod: wiretype end group for non-group");
  EXPECT_EQ(Read(Envelope("v1", "Pod", std::string("\x02\x00", 2)), pod),
            "proto: Pod: illegal tag 0 (wire type 2)");
}

TEST(Protobuf, BoundsDepth) {
  // JSONSchemaProps within `not`, number 32... its own type again and again.
  const Type& crd = *Find("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
  const Type* props =
      FindByOpenApiName("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps");
  const uint8_t number = props->Find("not")->protobuf()[0];
  std::string schema;
  for (int i = 0; i < 2000; ++i) schema = B(number, schema);
  const std::string body = Envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition",
                                    B(2, B(7, B(1, "v1") + B(4, B(1, schema)))));
  EXPECT_EQ(Read(body, crd), "proto: exceeded max depth");
}

}  // namespace
}  // namespace keelson::schema
