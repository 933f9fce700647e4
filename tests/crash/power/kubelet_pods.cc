// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/power/kubelet_pods.h"

#include "lib/base/strings.h"
#include "runtime/content/digest.h"

namespace keelson::power_test {
namespace {

constexpr char kBusybox[] = "docker.io/library/busybox:demo";

std::string Big(int words) {
  return std::string(static_cast<size_t>(9000 + words), static_cast<char>('a' + words % 26));
}

// Lines of a manifest.
struct Parts {
  std::string script;
  std::string spec;
  std::string volumes, mounts;  // more of them
  std::string container;
  std::string image = kBusybox;
};

void AddServing(const std::string& mark, Parts& parts) {
  parts.script = "cat /etc/hosts >" + mark +
                 ".hosts; echo \"$(cat /cm/word) $(sha256sum </cm/big | cut -c1-64) $(cat /s/key) "
                 "$(cat /all/word) $(cat /all/name)\" >>" +
                 mark + "; ";
  parts.volumes =
      "    - {name: cm, configMap: {name: cm}}\n"
      "    - {name: s, secret: {secretName: s}}\n"
      "    - {name: disk, emptyDir: {}}\n"
      "    - {name: memory, emptyDir: {medium: Memory}}\n"
      "    - name: all\n      projected:\n        sources:\n"
      "          - configMap: {name: cm, items: [{key: word, path: word}]}\n"
      "          - downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}\n";
  parts.mounts =
      "        - {name: cm, mountPath: /cm}\n"
      "        - {name: s, mountPath: /s}\n"
      "        - {name: disk, mountPath: /disk}\n"
      "        - {name: memory, mountPath: /memory}\n"
      "        - {name: all, mountPath: /all}\n"
      "        - {name: cm, mountPath: /one, subPath: word}\n";
  parts.container = "      readinessProbe: {exec: {command: [/bin/sh, -c, 'echo asked >>" + mark +
                    ".asked; cat /cm/word /one']}, periodSeconds: 1, timeoutSeconds: 60}\n";
}

void AddInit(const std::string& mark, Parts& parts) {
  parts.script = "cat /d/boot >>" + mark + "; ";
  parts.volumes = "    - {name: d, emptyDir: {}}\n";
  parts.mounts = "        - {name: d, mountPath: /d}\n";
  parts.spec = std::string("  initContainers:\n    - name: first\n      image: ") + kBusybox +
               "\n      imagePullPolicy: Never\n"
               "      command: [/bin/sh, -c, 'cat /m/boot >/d/boot']\n"
               "      volumeMounts: [{name: m, mountPath: /m}, {name: d, mountPath: /d}]\n";
}

}  // namespace

std::string ManifestOf(const Asked& pod, const std::string& marks, const std::string& image) {
  const std::string mark = "/m/" + pod.Mark();
  Parts parts{.script = "echo began >>" + mark + "; "};
  if (pod.Is("serves")) AddServing(mark, parts);
  if (pod.Is("begins")) AddInit(mark, parts);
  if (pod.Is("once") || pod.Is("stays")) parts.spec = "  restartPolicy: Never\n";
  if (pod.Is("enough")) parts.spec = "  restartPolicy: OnFailure\n";
  if (pod.Is("owns")) parts.spec = "  imagePullSecrets: [{name: pull}]\n";
  if (pod.Is("owns") || pod.Is("wants")) parts.image = image;
  if (!pod.Is("once") && !pod.Is("enough"))
    parts.script += "trap \"exit 0\" TERM; sleep 100000 & wait";
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + pod.name + ", annotations: {version: \"" +
         std::to_string(pod.version) + "\"}}\nspec:\n  terminationGracePeriodSeconds: 1\n" +
         parts.spec + "  volumes:\n    - {name: m, hostPath: {path: " + marks + "}}\n" +
         parts.volumes + "  containers:\n    - name: main\n      image: " + parts.image +
         "\n      imagePullPolicy: IfNotPresent\n      command: [/bin/sh, -c, '" + parts.script +
         "']\n      volumeMounts:\n        - {name: m, mountPath: /m}\n" + parts.mounts +
         parts.container;
}

std::string ObjectsOf(int words, const std::string& registry) {
  const std::string config =
      base::Base64Encode(R"({"auths":{")" + registry + R"(":{"username":"u","password":"p"}}})");
  return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm, namespace: default}\ndata: "
         "{word: " +
         Word(words) + ", big: " + Big(words) +
         "}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: default}\n"
         "stringData: {key: key-" +
         Word(words) +
         "}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: pull, namespace: default}\n"
         "type: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: " +
         config + "}\n";
}

std::string Word(int words) { return "word-" + std::to_string(words); }

std::string SeenOf(const Asked& pod, int words) {
  return Word(words) + " " + content::DigestOf(Big(words)).substr(7) + " key-" + Word(words) + " " +
         Word(words) + " " + pod.name + "-node\n";
}

}  // namespace keelson::power_test
