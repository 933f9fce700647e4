// SPDX-License-Identifier: Apache-2.0
#include "proxy/names/names.h"

#include <gtest/gtest.h>

namespace keelson::proxy {
namespace {

json::Value Parsed(const std::string& yaml) { return json::ParseYaml(yaml).value(); }

TEST(Names, AreOfAllServicesAndOfHeadlessOnesEndpoints) {
  Names names;
  names.SetService(
      Parsed("{metadata: {namespace: d, name: web}, spec: {clusterIPs: [10.43.0.9, "
             "'fd00::9'], ports: [{name: http, port: 80}]}}"));
  names.SetService(
      Parsed("{metadata: {namespace: d, name: db}, spec: {clusterIP: None, "
             "clusterIPs: [None]}}"));
  names.SetService(
      Parsed("{metadata: {namespace: d, name: away}, spec: {type: ExternalName, "
             "externalName: example.org}}"));
  names.SetSlice(Parsed(R"(
metadata: {namespace: d, name: db-x, labels: {kubernetes.io/service-name: db, service.kubernetes.io/headless: ''}}
ports: [{name: sql, protocol: TCP, port: 5432}]
endpoints:
- {addresses: [10.42.0.2], hostname: db-0, conditions: {ready: true}}
- {addresses: [10.42.0.3], conditions: {ready: false}}
)"));
  names.SetSlice(
      Parsed("{metadata: {namespace: d, name: web-x, labels: {kubernetes.io/"
             "service-name: web}}, endpoints: [{addresses: [10.42.0.9]}]}"));
  EXPECT_TRUE(names.TakeChanged());
  EXPECT_FALSE(names.TakeChanged());
  const dns::ZoneFile file = names.ToFile("cluster.local", 3);
  const std::vector<dns::Service> services = {
      {"d", "away", {}, "example.org", {}},
      {"d", "db", {}, "", {}},
      {"d", "web", {"10.43.0.9", "fd00::9"}, "", {{"http", "tcp", 80}}}};
  EXPECT_EQ(file.services, services);
  const std::vector<dns::Endpoints> endpoints = {
      {"d", "db", {{"10.42.0.2", "db-0"}}, {{"sql", "tcp", 5432}}}};
  EXPECT_EQ(file.endpoints, endpoints);
  EXPECT_EQ(file.serial, 3u);
}

TEST(Names, ChangeOnlyWhenWhatIsAnsweredDoes) {
  Names names;
  const json::Value service =
      Parsed("{metadata: {namespace: d, name: web}, spec: {clusterIP: 10.43.0.9}}");
  names.SetService(service);
  EXPECT_TRUE(names.TakeChanged());
  names.SetService(service);
  EXPECT_FALSE(names.TakeChanged());
  names.RemoveSlice({"d", "unknown"});
  EXPECT_FALSE(names.TakeChanged());
  names.RemoveService({"d", "web"});
  EXPECT_TRUE(names.TakeChanged());
}

}  // namespace
}  // namespace keelson::proxy
