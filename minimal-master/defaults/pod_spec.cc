// SPDX-License-Identifier: Apache-2.0
// What a pod's spec gets, alone and in a template.
#include "minimal-master/defaults/parts.h"

namespace keelson::defaults {
namespace {

constexpr int kFileMode = 420;  // 0644

// What an image that names no tag and no digest means is its newest.
const char* PullPolicyOf(std::string_view image) {
  if (image.find('@') != std::string_view::npos) return "IfNotPresent";
  const size_t slash = image.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? image : image.substr(slash + 1);
  const size_t colon = last.find(':');
  const std::string_view tag = colon == std::string_view::npos ? "latest" : last.substr(colon + 1);
  return tag == "latest" ? "Always" : "IfNotPresent";
}

void HttpGet(Value& action) {
  IfZero(action, "path", Value("/"));
  IfZero(action, "scheme", Value("HTTP"));
}

void Probe(Value& probe) {
  IfZero(probe, "timeoutSeconds", Value(1));
  IfZero(probe, "periodSeconds", Value(10));
  IfZero(probe, "successThreshold", Value(1));
  IfZero(probe, "failureThreshold", Value(3));
  if (Value* get = Inner(probe, "httpGet")) HttpGet(*get);
  if (Value* grpc = Inner(probe, "grpc")) IfUnset(*grpc, "service", Value(""));
}

void FieldReference(Value& holder) {
  if (Value* reference = Inner(holder, "fieldRef")) IfZero(*reference, "apiVersion", Value("v1"));
}

void Container(Value& container) {
  IfZero(container, "imagePullPolicy", Value(PullPolicyOf(container.At({"image"}).AsString())));
  IfZero(container, "terminationMessagePath", Value("/dev/termination-log"));
  IfZero(container, "terminationMessagePolicy", Value("File"));
  Each(container, "ports", [](Value& port) { IfZero(port, "protocol", Value("TCP")); });
  Each(container, "env", [](Value& variable) {
    if (Value* from = Inner(variable, "valueFrom")) FieldReference(*from);
  });
  for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    if (Value* there = Inner(container, probe)) Probe(*there);
  }
  for (const char* hook : {"postStart", "preStop"}) {
    if (Value* get = Inner(container, {"lifecycle", hook, "httpGet"})) HttpGet(*get);
  }
}

void DownwardItems(Value& source) {
  Each(source, "items", [](Value& item) { FieldReference(item); });
}

void Projection(Value& source) {
  if (Value* downward = Inner(source, "downwardAPI")) DownwardItems(*downward);
  if (Value* token = Inner(source, "serviceAccountToken"))
    IfUnset(*token, "expirationSeconds", Value(3600));
  if (Value* certificate = Inner(source, "podCertificate"))
    IfUnset(*certificate, "maxExpirationSeconds", Value(86400));
}

void Volume(Value& volume) {
  bool has_source = false;
  for (const auto& [key, value] : volume.members())
    has_source = has_source || (key != "name" && !value.IsNull());
  if (!has_source) volume.Set("emptyDir", Value::Object());
  for (const char* kind : {"secret", "configMap", "downwardAPI", "projected"}) {
    if (Value* source = Inner(volume, kind)) IfUnset(*source, "defaultMode", Value(kFileMode));
  }
  if (Value* downward = Inner(volume, "downwardAPI")) DownwardItems(*downward);
  if (Value* projected = Inner(volume, "projected")) Each(*projected, "sources", Projection);
  if (Value* image = Inner(volume, "image"))
    IfZero(*image, "pullPolicy", Value(PullPolicyOf(image->At({"reference"}).AsString())));
  if (Value* spec = Inner(volume, {"ephemeral", "volumeClaimTemplate", "spec"})) ClaimSpec(*spec);
  VolumeSource(volume);
}

void HostPorts(Value& container) {
  Each(container, "ports", [](Value& port) {
    if (const Value* number = port.Find("containerPort")) IfZero(port, "hostPort", Value(*number));
  });
}

}  // namespace

void VolumeSource(Value& source) {
  if (Value* path = Inner(source, "hostPath")) IfUnset(*path, "type", Value(""));
  if (Value* iscsi = Inner(source, "iscsi")) IfZero(*iscsi, "iscsiInterface", Value("default"));
  if (Value* rbd = Inner(source, "rbd")) {
    IfZero(*rbd, "pool", Value("rbd"));
    IfZero(*rbd, "user", Value("admin"));
    IfZero(*rbd, "keyring", Value("/etc/ceph/keyring"));
  }
  if (Value* disk = Inner(source, "azureDisk")) {
    IfUnset(*disk, "cachingMode", Value("ReadWrite"));
    IfUnset(*disk, "kind", Value("Shared"));
    IfUnset(*disk, "fsType", Value("ext4"));
    IfUnset(*disk, "readOnly", Value(false));
  }
  if (Value* scale = Inner(source, "scaleIO")) {
    IfZero(*scale, "storageMode", Value("ThinProvisioned"));
    IfZero(*scale, "fsType", Value("xfs"));
  }
}

void PodSpec(Value& spec) {
  // One name under two keys: the older one is kept for old clients.
  std::string account = spec.At({"serviceAccountName"}).AsString();
  if (account.empty()) account = spec.At({"serviceAccount"}).AsString();
  if (!account.empty()) {
    spec.Set("serviceAccountName", Value(account));
    spec.Set("serviceAccount", Value(account));
  }
  IfZero(spec, "dnsPolicy", Value("ClusterFirst"));
  IfZero(spec, "restartPolicy", Value("Always"));
  IfUnset(spec, "securityContext", Value::Object());
  IfUnset(spec, "terminationGracePeriodSeconds", Value(30));
  IfZero(spec, "schedulerName", Value("default-scheduler"));
  Each(spec, "volumes", Volume);
  const bool host_network = spec.At({"hostNetwork"}).AsBool();
  for (const char* kind : {"containers", "initContainers", "ephemeralContainers"}) {
    Each(spec, kind, [&](Value& container) {
      Container(container);
      if (host_network) HostPorts(container);
    });
  }
}

void PodTemplateOf(Value& holder) {
  // A template that was left out is a zero value, whose pod has a spec all the same.
  if (Value* pod = Made(holder, "template")) {
    if (Value* spec = Made(*pod, "spec")) PodSpec(*spec);
  }
}

}  // namespace keelson::defaults
