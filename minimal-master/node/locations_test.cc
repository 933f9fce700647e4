// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/node/locations.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "minimal-master/node/log_options.h"

namespace keelson::node {
namespace {

const std::map<std::string, std::string>& Objects() {
  static const std::map<std::string, std::string> objects = {
      {"/registry/minions/n", R"({"status":{"addresses":[{"type":"Hostname","address":"n"},
          {"type":"InternalIP","address":"192.0.2.7"}],
          "daemonEndpoints":{"kubeletEndpoint":{"Port":10251}}}})"},
      {"/registry/minions/bare", R"({"status":{"addresses":[{"type":"Odd","address":"x"}]}})"},
      {"/registry/pods/e/one", R"({"metadata":{"name":"one"},"spec":{"nodeName":"n","containers":[
          {"name":"c","ports":[{"containerPort":8080}]}]},"status":{"podIPs":[{"ip":"192.0.2.9"}]}})"},
      {"/registry/pods/e/two", R"({"metadata":{"name":"two"},"spec":{"nodeName":"n",
          "initContainers":[{"name":"i"}],"containers":[{"name":"a"},{"name":"b"}]}})"},
      {"/registry/pods/e/free",
       R"({"metadata":{"name":"free"},"spec":{"containers":[{"name":"c"}]}})"},
      {"/registry/pods/e/lost",
       R"({"metadata":{"name":"lost"},"spec":{"nodeName":"nx","containers":[{"name":"c"}]}})"},
      {"/registry/pods/e/odd",
       R"({"metadata":{"name":"odd"},"spec":{"nodeName":"bare","containers":[{"name":"c"}]}})"},
      {"/registry/services/specs/e/s", R"({"spec":{"ports":[{"name":"web","port":80}]}})"},
      {"/registry/services/endpoints/e/s", R"({"subsets":[{"addresses":[
          {"ip":"192.0.2.66","targetRef":{"kind":"Pod","namespace":"e","name":"one"}},
          {"ip":"192.0.2.9","targetRef":{"kind":"Pod","namespace":"e","name":"one"}}],
          "ports":[{"name":"web","port":8080}]}]})"},
      {"/registry/services/endpoints/e/empty", R"({})"},
      {"/registry/services/endpoints/e/foreign", R"({"subsets":[{"addresses":[{"ip":"192.0.2.66"}],
          "ports":[{"port":80}]}]})"},
  };
  return objects;
}

// "https://host:port/target", or "code: message".
std::string Where(const char* method, const char* target) {
  service::Request request;
  request.method = method;
  request.target = target;
  EXPECT_TRUE(service::ParseTarget(request));
  const auth::Attributes attributes =
      auth::ReadAttributes(method, request.raw_path(), request.query);
  EXPECT_TRUE(IsOfNodes(attributes)) << target;
  const World world{.find =
                        [](const std::string& key) {
                          const auto found = Objects().find(key);
                          return found == Objects().end() ? json::Value()
                                                          : json::ParseJson(found->second).value();
                        },
                    .may_proxy = IsGlobalUnicast,
                    .choose = [](size_t) { return size_t{0}; }};
  const status::Or<Location> where = Locate(attributes, request, world);
  if (!where.ok()) return fmt::format("{}: {}", where.failure().code, where.failure().message);
  if (where->kind == Location::Kind::kNothing) return "nothing";
  return fmt::format("{}{}://{}:{}{}", where->kubelet ? "kubelet " : "",
                     where->tls ? "https" : "http", where->host, where->port, where->target);
}

TEST(Locations, AreWhereUpstreamsServerGoesAndItsRefusals) {
  const struct {
    const char* method;
    const char* target;
    const char* where;
  } cases[] = {
      {"GET", "pods/one/log", "kubelet https://192.0.2.7:10251/containerLogs/e/one/c"},
      {"GET", "pods/two/log?container=i&follow=true&tailLines=3&previous=0",
       "kubelet https://192.0.2.7:10251/containerLogs/e/two/i?follow=true&tailLines=3"},
      {"GET", "pods/two/log",
       "400: a container name must be specified for pod two, choose one of: [i a b]"},
      {"GET", "pods/two/log?container=zz", "400: container zz is not valid for pod two"},
      {"GET", "pods/free/log", "nothing"},
      {"GET", "pods/none/log", "404: pods \"none\" not found"},
      {"GET", "pods/lost/log", "404: pods \"nx\" not found"},
      {"GET", "pods/odd/log", "500: no preferred addresses found; known addresses: [{Odd x}]"},
      {"GET", "pods/one/log?tailLines=abc",
       "400: strconv.ParseInt: parsing \"abc\": invalid syntax"},
      {"GET", "pods/one/log?tailLines=-1",
       "422: PodLogOptions \"one\" is invalid: tailLines: Invalid value: -1: must be greater than "
       "or equal to 0"},
      {"POST", "pods/one/exec?command=sh&command=-c&command=a%20b%26c&stdin=true&stdout=1&tty=true",
       "kubelet https://192.0.2.7:10251/exec/e/one/"
       "c?command=sh&command=-c&command=a+b%26c&input=1&output=1&tty=1"},
      {"GET", "pods/one/attach?stdin=false&stderr=1",
       "kubelet https://192.0.2.7:10251/attach/e/one/c?error=1"},
      {"POST", "pods/free/exec?command=a", "400: pod free does not have a host assigned"},
      {"POST", "pods/free/portforward", "400: pod free does not have a host assigned"},
      {"POST", "pods/one/portforward?ports=80&ports=81",
       "kubelet https://192.0.2.7:10251/portForward/e/one?port=80%2C81"},
      {"GET", "pods/one/proxy/a%2Fb/c?x=%20y", "http://192.0.2.9:8080/a%2Fb/c?x=%20y"},
      {"PUT", "pods/https:one:444/proxy/", "https://192.0.2.9:444/"},
      {"GET", "pods/one/proxy", "http://192.0.2.9:8080"},
      {"GET", "pods/free/proxy/", "400: address not allowed"},
      {"GET", "pods/ftp:one:2/proxy/", "400: invalid pod request \"ftp:one:2\""},
      {"GET", "services/s:web/proxy/x", "http://192.0.2.9:8080/x"},
      {"GET", "services/https:s:80/proxy/x", "https://192.0.2.9:8080/x"},
      {"GET", "services/s:81/proxy/x", "503: no service port 81 found for service \"s\""},
      {"GET", "services/s/proxy/x", "503: no endpoints available for service \"s\""},
      {"GET", "services/empty/proxy/", "503: no endpoints available for service \"empty\""},
      {"GET", "services/foreign/proxy/", "503: no endpoints available for service \"foreign\""},
      {"GET", "services/none/proxy/", "404: services \"none\" not found"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(Where(c.method, (std::string("/api/v1/namespaces/e/") + c.target).c_str()), c.where)
        << c.target;
  EXPECT_EQ(Where("GET", "/api/v1/nodes/n/proxy/metrics?a=b"),
            "kubelet https://192.0.2.7:10251/metrics?a=b");
  EXPECT_EQ(Where("GET", "/api/v1/nodes/n:10251/proxy/"), "kubelet https://192.0.2.7:10251/");
  EXPECT_EQ(Where("GET", "/api/v1/nodes/n:9100/proxy/x"), "http://192.0.2.7:9100/x");
  EXPECT_EQ(Where("GET", "/api/v1/nodes/none/proxy/"), "404: nodes \"none\" not found");
}

TEST(Locations, OnlyAddressesOfTheNetworkAreProxied) {
  for (const char* good : {"10.0.0.1", "192.0.2.1", "8.8.8.8", "fd00::1", "2001:db8::1"})
    EXPECT_TRUE(IsGlobalUnicast(good)) << good;
  for (const char* bad :
       {"127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "", "localhost"})
    EXPECT_FALSE(IsGlobalUnicast(bad)) << bad;
}

TEST(LogOptions, RefuseWhatUpstreamRefuses) {
  const auto problem = [](service::Fields query) {
    const auto options = ReadLogOptions(query, "p");
    return options.ok() ? "" : options.failure().message;
  };
  EXPECT_EQ(problem({{"sinceSeconds", "5"}, {"sinceTime", "2020-01-01T00:00:00Z"}}),
            "PodLogOptions \"p\" is invalid: []: Forbidden: at most one of `sinceTime` or "
            "`sinceSeconds` may be specified");
  EXPECT_EQ(problem({{"limitBytes", "0"}}),
            "PodLogOptions \"p\" is invalid: limitBytes: Invalid value: 0: must be greater than 0");
  EXPECT_EQ(problem({{"stream", "Foo"}}),
            "PodLogOptions \"p\" is invalid: stream: Forbidden: may not be specified");
  EXPECT_EQ(problem({{"tailLines", "99999999999999999999"}}),
            "strconv.ParseInt: parsing \"99999999999999999999\": value out of range");
  EXPECT_EQ(problem({{"sinceTime", "2020-01-01T00:00:00Z"}, {"tailLines", "+4"}}), "");
}

}  // namespace
}  // namespace keelson::node
