// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/environment.h"

#include <gtest/gtest.h>

#include "kubelet/pod/test_pod.h"
#include "lib/base/strings.h"

namespace keelson::pod {
namespace {

TEST(Environment, ExpandsReferencesAsUpstream) {
  const Environment environment = {{"A", "1"}, {"B", "$(A)"}, {"EMPTY", ""}, {"a.b-c", "odd"}};
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"$(A)", "1"},
      {"x$(A)y$(A)z", "x1y1z"},
      {"$(B)", "$(A)"},  // once only
      {"$(EMPTY)", ""},
      {"$(a.b-c)", "odd"},
      {"$(NONE)", "$(NONE)"},
      {"$()", "$()"},
      {"$$(A)", "$(A)"},
      {"$$$(A)", "$1"},
      {"$$$$(A)", "$$(A)"},
      {"$$", "$"},
      {"$", "$"},
      {"a$", "a$"},
      {"$A", "$A"},
      {"${A}", "${A}"},
      {"$(A", "$(A"},
      {"$($(A)", "$($(A)"},
      {"$(A)$", "1$"},
      {"$$A$(A)", "$A1"},
      {"$(A )", "$(A )"},
      {"\xc3\xa4$(A)",
       "\xc3\xa4"
       "1"},
  };
  for (const auto& [text, expanded] : cases) EXPECT_EQ(Expand(text, environment), expanded) << text;
}

// "NAME=value|…", or the error.
std::string Text(const std::string& fields, const TestObjects& objects,
                 const volume::DownwardValues& values = {}) {
  const kube::Pod pod = TestPod("containers:\n- name: a\n  image: b\n" + fields);
  const base::Result<Environment> environment =
      ContainerEnvironment(pod, pod.spec.containers.at(0), values, objects);
  if (!environment.ok()) return "error: " + environment.error().message();
  std::vector<std::string> parts;
  for (const auto& [name, value] : *environment) parts.push_back(name + "=" + value);
  return base::Join(parts, "|");
}

TEST(Environment, ComesFromManyPlacesInOrder) {
  TestObjects objects;
  objects.Add(false, "settings",
              {{"COLOUR", "red"}, {"SIZE", "large"}, {"log.level", "$(COLOUR)"}});
  objects.Add(true, "keys", {{"SIZE", "secret"}, {"TOKEN", std::string("t\n", 2)}});
  volume::DownwardValues values;
  values.fields = {
      {"metadata.name", "web"}, {"status.podIP", "10.0.0.2"}, {"metadata.labels['app']", "shop"}};
  values.resources = {{"a/limits.cpu/0", "4"}, {"b/requests.memory/1Mi", "64"}};
  struct Case {
    std::string_view name;
    std::string fields, expected;
  };
  const Case cases[] = {
      {"none", "", ""},
      {"in the order in which they are written",
       "  env: [{name: Z, value: '1'}, {name: A, value: '2'}]", "Z=1|A=2"},
      {"from what came before, not after",
       "  env: [{name: A, value: '$(B)'}, {name: B, value: x}, {name: C, value: '$(B)$(A)'}, "
       "{name: D, value: $$(B)}]",
       "A=$(B)|B=x|C=x$(B)|D=$(B)"},
      {"the last of one name, at the place of the first",
       "  env: [{name: A, value: '1'}, {name: B, value: '2'}, {name: A, value: '$(A)3'}]",
       "A=13|B=2"},
      {"all of a config map", "  envFrom: [{configMapRef: {name: settings}}]",
       "COLOUR=red|SIZE=large|log.level=$(COLOUR)"},
      {"with a prefix", "  envFrom: [{prefix: X_, configMapRef: {name: settings}}]",
       "X_COLOUR=red|X_SIZE=large|X_log.level=$(COLOUR)"},
      {"later sources over earlier ones, variables over both",
       "  envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: keys}}]\n  env: [{name: "
       "COLOUR, value: 'dark $(COLOUR)'}]",
       "COLOUR=dark red|SIZE=secret|log.level=$(COLOUR)|TOKEN=t\n"},
      {"a config map that is missing", "  envFrom: [{configMapRef: {name: none}}]",
       "error: configmap \"none\" not found"},
      {"a secret that is missing", "  envFrom: [{secretRef: {name: settings}}]",
       "error: secret \"settings\" not found"},
      {"an optional one", "  envFrom: [{configMapRef: {name: none, optional: true}}]", ""},
      {"one key",
       "  env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: log.level}}}]",
       "A=$(COLOUR)"},
      {"one key of a secret",
       "  env: [{name: A, valueFrom: {secretKeyRef: {name: keys, key: SIZE}}}]", "A=secret"},
      {"a key that is missing",
       "  env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: none}}}]",
       "error: couldn't find key none in ConfigMap shop/settings"},
      {"an optional key",
       "  env: [{name: A, valueFrom: {secretKeyRef: {name: keys, key: none, optional: true}}}, "
       "{name: B, value: x}]",
       "B=x"},
      {"a key of something missing",
       "  env: [{name: A, valueFrom: {secretKeyRef: {name: none, key: x}}}]",
       "error: secret \"none\" not found"},
      {"fields of the pod",
       "  env:\n  - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n  - {name: I, "
       "valueFrom: {fieldRef: {fieldPath: status.podIP}}}\n"
       "  - {name: L, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['app']\"}}}\n"
       "  - {name: M, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['none']\"}}}\n  - {name: "
       "U, value: http://$(I)}",
       "NAME=web|I=10.0.0.2|L=shop|M=|U=http://10.0.0.2"},
      {"resources of this container, and of another",
       "  env:\n  - {name: C, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}\n"
       "  - {name: M, valueFrom: {resourceFieldRef: {containerName: b, resource: requests.memory, "
       "divisor: 1Mi}}}\n"
       "- {name: b, image: b}",
       "C=4|M=64"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Text(c.fields, objects, values), c.expected);
  }
}

}  // namespace
}  // namespace keelson::pod
