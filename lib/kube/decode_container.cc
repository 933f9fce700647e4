// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/decode_parts.h"
#include "lib/kube/schema.h"

namespace keelson::kube {
namespace {

IntOrString DecodePort(const json::Value& v) {
  if (v.IsString()) return IntOrString{false, 0, v.AsString()};
  return IntOrString{true, v.AsInt(), ""};
}

HttpGetAction DecodeHttpGet(const json::Value& v) {
  HttpGetAction out;
  out.path = Text(v, "path", "/");
  out.port = DecodePort(Member(v, "port"));
  out.host = Text(v, "host");
  out.scheme = Text(v, "scheme", "HTTP");
  for (const json::Value& h : Member(v, "httpHeaders").items())
    out.http_headers.push_back({Text(h, "name"), Text(h, "value")});
  return out;
}

TcpSocketAction DecodeTcpSocket(const json::Value& v) {
  return TcpSocketAction{DecodePort(Member(v, "port")), Text(v, "host")};
}
ExecAction DecodeExec(const json::Value& v) { return ExecAction{Texts(Member(v, "command"))}; }

// 0 stands for "not given" in these fields.
int32_t Positive(const json::Value& v, std::string_view key, int32_t fallback) {
  const auto number = static_cast<int32_t>(Member(v, key).AsInt());
  return number == 0 ? fallback : number;
}

ContainerPort DecodeContainerPort(const json::Value& v, bool host_network) {
  ContainerPort out;
  out.name = Text(v, "name");
  out.container_port = static_cast<int32_t>(Member(v, "containerPort").AsInt());
  out.host_port = static_cast<int32_t>(Member(v, "hostPort").AsInt());
  if (host_network && out.host_port == 0) out.host_port = out.container_port;
  out.host_ip = Text(v, "hostIP");
  out.protocol = Text(v, "protocol", "TCP");
  return out;
}

ObjectKeySelector DecodeKeySelector(const json::Value& v) {
  return ObjectKeySelector{Text(v, "name"), Text(v, "key"), Flag(v, "optional")};
}

EnvVar DecodeEnv(const json::Value& v) {
  EnvVar out;
  out.name = Text(v, "name");
  out.value = Text(v, "value");
  const json::Value& from = Member(v, "valueFrom");
  if (Has(from, "fieldRef")) {
    out.from = EnvVar::From::kField;
    out.field_path = Text(Member(from, "fieldRef"), "fieldPath");
  } else if (Has(from, "resourceFieldRef")) {
    out.from = EnvVar::From::kResource;
    out.resource = DecodeResourceField(Member(from, "resourceFieldRef"));
  } else if (Has(from, "configMapKeyRef")) {
    out.from = EnvVar::From::kConfigMap;
    out.key = DecodeKeySelector(Member(from, "configMapKeyRef"));
  } else if (Has(from, "secretKeyRef")) {
    out.from = EnvVar::From::kSecret;
    out.key = DecodeKeySelector(Member(from, "secretKeyRef"));
  }
  return out;
}

EnvFrom DecodeEnvFrom(const json::Value& v) {
  EnvFrom out;
  out.prefix = Text(v, "prefix");
  out.secret = Has(v, "secretRef");
  const json::Value& ref = Member(v, out.secret ? "secretRef" : "configMapRef");
  out.name = Text(ref, "name");
  out.optional = Flag(ref, "optional");
  return out;
}

VolumeMount DecodeMount(const json::Value& v) {
  VolumeMount out;
  out.name = Text(v, "name");
  out.mount_path = Text(v, "mountPath");
  out.read_only = Flag(v, "readOnly");
  out.recursive_read_only = Text(v, "recursiveReadOnly");
  out.sub_path = Text(v, "subPath");
  out.sub_path_expr = Text(v, "subPathExpr");
  out.mount_propagation = Text(v, "mountPropagation");
  return out;
}

}  // namespace

std::string DefaultPullPolicy(std::string_view image) {
  const size_t digest = image.find('@');
  const std::string_view name = image.substr(0, digest);
  const size_t colon = name.rfind(':');
  const size_t slash = name.rfind('/');
  // A ':' before the last '/' belongs to a registry's port.
  const bool tagged =
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  if (tagged) return name.substr(colon + 1) == "latest" ? "Always" : "IfNotPresent";
  return digest == std::string_view::npos ? "Always" : "IfNotPresent";
}

std::optional<Probe> DecodeProbe(const json::Value& v) {
  if (!v.IsObject()) return std::nullopt;
  Probe out;
  if (Has(v, "exec")) {
    out.action = DecodeExec(Member(v, "exec"));
  } else if (Has(v, "httpGet")) {
    out.action = DecodeHttpGet(Member(v, "httpGet"));
  } else if (Has(v, "tcpSocket")) {
    out.action = DecodeTcpSocket(Member(v, "tcpSocket"));
  } else if (Has(v, "grpc")) {
    const json::Value& grpc = Member(v, "grpc");
    out.action =
        GrpcAction{static_cast<int32_t>(Member(grpc, "port").AsInt()), Text(grpc, "service")};
  }
  out.initial_delay_seconds = static_cast<int32_t>(Member(v, "initialDelaySeconds").AsInt());
  out.timeout_seconds = Positive(v, "timeoutSeconds", 1);
  out.period_seconds = Positive(v, "periodSeconds", 10);
  out.success_threshold = Positive(v, "successThreshold", 1);
  out.failure_threshold = Positive(v, "failureThreshold", 3);
  out.termination_grace_period_seconds = MaybeInt(v, "terminationGracePeriodSeconds");
  return out;
}

std::optional<LifecycleHandler> DecodeLifecycleHandler(const json::Value& v) {
  if (Has(v, "exec")) return DecodeExec(Member(v, "exec"));
  if (Has(v, "httpGet")) return DecodeHttpGet(Member(v, "httpGet"));
  if (Has(v, "tcpSocket")) return DecodeTcpSocket(Member(v, "tcpSocket"));
  if (Has(v, "sleep")) return SleepAction{Member(Member(v, "sleep"), "seconds").AsInt()};
  return std::nullopt;
}

Container DecodeContainer(const json::Value& v, bool host_network) {
  Container out;
  out.name = Text(v, "name");
  out.image = Text(v, "image");
  out.image_pull_policy = Text(v, "imagePullPolicy");
  if (out.image_pull_policy.empty()) out.image_pull_policy = DefaultPullPolicy(out.image);
  out.command = Texts(Member(v, "command"));
  out.args = Texts(Member(v, "args"));
  out.working_dir = Text(v, "workingDir");
  for (const json::Value& p : Member(v, "ports").items())
    out.ports.push_back(DecodeContainerPort(p, host_network));
  for (const json::Value& e : Member(v, "envFrom").items())
    out.env_from.push_back(DecodeEnvFrom(e));
  for (const json::Value& e : Member(v, "env").items()) out.env.push_back(DecodeEnv(e));
  out.resources = DecodeRequirements(Member(v, "resources"));
  for (const json::Value& m : Member(v, "volumeMounts").items())
    out.volume_mounts.push_back(DecodeMount(m));
  out.liveness_probe = DecodeProbe(Member(v, "livenessProbe"));
  out.readiness_probe = DecodeProbe(Member(v, "readinessProbe"));
  out.startup_probe = DecodeProbe(Member(v, "startupProbe"));
  out.post_start = DecodeLifecycleHandler(v.At({"lifecycle", "postStart"}));
  out.pre_stop = DecodeLifecycleHandler(v.At({"lifecycle", "preStop"}));
  out.termination_message_path = Text(v, "terminationMessagePath", "/dev/termination-log");
  out.termination_message_policy = Text(v, "terminationMessagePolicy", "File");
  out.security_context = DecodeSecurityContext(Member(v, "securityContext"));
  out.restart_policy = Text(v, "restartPolicy");
  for (const json::Value& r : Member(v, "restartPolicyRules").items()) {
    RestartRule& rule = out.restart_rules.emplace_back();
    rule.not_in = r.At({"exitCodes", "operator"}).AsString() == "NotIn";
    for (const json::Value& code : r.At({"exitCodes", "values"}).items())
      rule.exit_codes.push_back(code.AsInt());
  }
  out.stdin = Flag(v, "stdin");
  out.stdin_once = Flag(v, "stdinOnce");
  out.tty = Flag(v, "tty");
  out.target_container_name = Text(v, "targetContainerName");
  return out;
}

}  // namespace keelson::kube
