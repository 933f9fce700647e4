// SPDX-License-Identifier: Apache-2.0
// Field selectors of every kind as upstream's server takes or refuses them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/master/known.h"
#include "tests/master/local_server.h"

namespace keelson::golden {
namespace {

using json::Value;

Answer List(LocalServer& server, const std::string& path, const std::string& selector) {
  Request request;
  request.method = "GET";
  request.path = path + "?fieldSelector=" + selector;
  return server.Ask(request);
}

// "apps/v1 Deployment" and its resource as a path; with a namespace where one is given.
std::string PathOf(const std::string& kind, const std::string& resource, const std::string& ns) {
  const std::string version = kind.substr(0, kind.find(' '));
  const std::string root =
      version.find('/') == std::string::npos ? "/api/" + version : "/apis/" + version;
  return root + (ns.empty() ? "/" : "/namespaces/" + ns + "/") + resource;
}

std::vector<std::string> Compare(LocalServer& server, const std::string& kind,
                                 const Value& recorded) {
  std::vector<std::string> out;
  const std::string path = PathOf(kind, recorded.At({"resource"}).AsString(), "");
  std::set<std::string> supported;
  for (const Value& each : recorded.At({"supported"}).items()) supported.insert(each.AsString());
  for (const Value& candidate : File("selectors").At({"candidates"}).items()) {
    const std::string& field = candidate.AsString();
    const int code = List(server, path, field + "%3Dx").code;
    const int wanted = supported.contains(field) ? 200 : 400;
    if (code != wanted) out.push_back(fmt::format("{}: {} instead of {}", field, code, wanted));
  }
  const auto code_of = [&](const char* member, const std::string& selector) {
    const int code = List(server, path, selector).code;
    if (code != recorded.At({member}).AsInt())
      out.push_back(
          fmt::format("{}: {} instead of {}", selector, code, recorded.At({member}).AsInt()));
  };
  code_of("notEquals", "metadata.name!%3Dx");
  code_of("doubleEquals", "metadata.name%3D%3Dx");
  const Answer refused = List(server, path, "metadata.uid%3Dx");
  for (std::string& each : Differences(recorded.At({"unsupported", "body"}), refused.body))
    out.push_back("metadata.uid" + each);
  if (const Value* other = recorded.Find("otherNamespaceInPath")) {
    const std::string in_default = PathOf(kind, recorded.At({"resource"}).AsString(), "default");
    const Answer given = List(server, in_default, "metadata.namespace%3Dkube-system");
    const auto items = static_cast<int64_t>(given.body.At({"items"}).items().size());
    if (given.code != other->At({"code"}).AsInt() || items != other->At({"items"}).AsInt())
      out.push_back(fmt::format("another namespace: {} with {} items", given.code, items));
  }
  return out;
}

TEST(Golden, FieldSelectorsAreUpstreams) {
  LocalServer server;
  std::vector<Outcome> outcomes;
  for (const auto& [kind, recorded] : File("selectors").At({"kinds"}).members())
    outcomes.push_back({kind, Compare(server, kind, recorded)});
  for (const std::string& problem : Judge("selectors", outcomes)) ADD_FAILURE() << problem;
}

}  // namespace
}  // namespace keelson::golden
