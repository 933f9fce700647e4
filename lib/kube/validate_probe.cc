// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/validate_parts.h"

namespace keelson::kube {
namespace {

void ValidatePortOrName(const Field& port, Problems& problems) {
  if (port.value().IsString()) {
    problems.Invalid(port, CheckPortName(port.String()));
  } else {
    for (const std::string& why : CheckPort(port.Int()))
      problems.Invalid(port, std::to_string(port.Int()), why);
  }
}

void ValidateHttpGet(const Field& get, Problems& problems) {
  ValidatePortOrName(get["port"], problems);
  const std::string& scheme = get["scheme"].String();
  if (!scheme.empty() && scheme != "HTTP" && scheme != "HTTPS")
    problems.NotSupported(get["scheme"], scheme, {"HTTP", "HTTPS"});
  for (const Field& header : get["httpHeaders"].Items()) {
    const std::string& name = header["name"].String();
    problems.InvalidText(header["name"].WithPath(get["httpHeaders"].path()), name,
                         CheckHeaderName(name));
  }
}

// Of a probe or a lifecycle hook: exactly one.
void ValidateHandler(const Field& at, std::initializer_list<const char*> kinds,
                     int64_t grace_seconds, Problems& problems) {
  bool found = false;
  for (const std::string_view kind : kinds) {
    const Field handler = at[kind];
    if (!handler.Present()) continue;
    if (found) {
      problems.Forbidden(handler, "may not specify more than 1 handler type");
      continue;
    }
    found = true;
    if (kind == "exec") {
      if (handler["command"].value().items().empty()) problems.Required(handler["command"]);
    } else if (kind == "httpGet") {
      ValidateHttpGet(handler, problems);
    } else if (kind == "sleep") {
      const int64_t seconds = handler["seconds"].Int();
      if (seconds < 0 || seconds > grace_seconds) {
        problems.Invalid(
            handler, std::to_string(seconds),
            fmt::format("must be non-negative and less than terminationGracePeriodSeconds ({})",
                        grace_seconds));
      }
    } else {
      ValidatePortOrName(handler["port"], problems);
    }
  }
  if (!found) problems.Required(at, "must specify a handler type");
}

void ValidateProbe(const Field& probe, bool readiness, Problems& problems) {
  if (!probe.Present()) return;
  ValidateHandler(probe, {"exec", "httpGet", "tcpSocket", "grpc"}, 0, problems);
  for (const char* name : {"initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                           "successThreshold", "failureThreshold"}) {
    if (probe[name].Int() < 0) problems.Invalid(probe[name], "must be greater than or equal to 0");
  }
  const Field grace = probe["terminationGracePeriodSeconds"];
  if (grace.Present() && grace.Int() <= 0) problems.Invalid(grace, "must be greater than 0");
  if (readiness) {
    if (grace.Present()) problems.Invalid(grace, "must not be set for readinessProbes");
  } else if (const int64_t successes = probe["successThreshold"].Int();
             successes != 0 && successes != 1) {
    problems.Invalid(probe["successThreshold"], "must be 1");
  }
}

}  // namespace

void ValidateProbes(const Field& container, Problems& problems) {
  ValidateProbe(container["livenessProbe"], false, problems);
  ValidateProbe(container["readinessProbe"], true, problems);
  ValidateProbe(container["startupProbe"], false, problems);
}

void ValidateLifecycle(const Field& lifecycle, const PodFacts& pod, Problems& problems) {
  for (const char* hook : {"postStart", "preStop"}) {
    if (lifecycle[hook].Present())
      ValidateHandler(lifecycle[hook], {"exec", "httpGet", "tcpSocket", "sleep"}, pod.grace_seconds,
                      problems);
  }
}

}  // namespace keelson::kube
