// SPDX-License-Identifier: Apache-2.0
#include "runtime/handlers/handlers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "lib/json/value.h"
#include "lib/os/process.h"

namespace keelson::handlers {

using base::Result;
using base::Status;
using json::Value;

namespace {

constexpr std::chrono::seconds kFeaturesPatience{10};

Status CheckProgram(const runtime_config::Handler& handler) {
  struct stat st{};
  const char* const path = handler.runtime.c_str();
  if (stat(path, &st) != 0) {
    return base::FailedPrecondition("handlers: the runtime '{}' of handler '{}' cannot be used: {}",
                                    path, handler.name, strerror(errno));
  }
  if (!S_ISREG(st.st_mode) || access(path, X_OK) != 0) {
    return base::FailedPrecondition(
        "handlers: the runtime '{}' of handler '{}' is no program that "
        "can be executed",
        path, handler.name);
  }
  return {};
}

}  // namespace

Features ReadFeatures(std::string_view text) {
  Features features;
  const Result<Value> value = json::ParseJson(text);
  if (!value.ok()) return features;
  for (const Value& option : value->At({"mountOptions"}).items()) {
    if (option.AsString() == "rro") features.recursive_read_only = true;
  }
  features.user_namespaces = value->At({"linux", "mountExtensions", "idmap", "enabled"}).AsBool();
  return features;
}

Result<std::vector<Handler>> Open(const std::vector<runtime_config::Handler>& settings) {
  std::vector<Handler> out;
  for (const runtime_config::Handler& wanted : settings) {
    Handler handler{wanted, {.recursive_read_only = true, .user_namespaces = true}};
    if (handler.IsOther()) {
      RETURN_IF_ERROR(CheckProgram(wanted));
      os::SpawnOptions program;
      program.argv = {wanted.runtime, "features"};
      program.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
      const Result<os::CommandResult> said =
          os::RunCommand(program, "", kFeaturesPatience, size_t{1} << 20);
      handler.features =
          said.ok() && said->status.code() == 0 ? ReadFeatures(said->out) : Features{};
    }
    out.push_back(std::move(handler));
  }
  return out;
}

const Handler* Find(const std::vector<Handler>& handlers, const std::string& name) {
  const auto found = std::ranges::find_if(
      handlers, [&name](const Handler& handler) { return handler.settings.name == name; });
  return found == handlers.end() ? nullptr : &*found;
}

bool Matches(std::string_view pattern, std::string_view name) {
  // The last star is the only one that ever has to give more.
  size_t p = 0, n = 0, star = std::string_view::npos, from = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Annotations AnnotationsFor(const Handler& handler, const Annotations& pod,
                           const Annotations& container, const Identity& identity) {
  std::map<std::string, std::string> out;
  for (const Annotations* list : {&pod, &container}) {
    for (const auto& [name, value] : *list) {
      if (std::ranges::any_of(handler.settings.annotations,
                              [&](const std::string& pattern) { return Matches(pattern, name); }))
        out[name] = value;
    }
  }
  // Each container is a sandbox of its own to the program, so none is said to be in another's.
  out.erase("io.kubernetes.cri.container-type");
  out["io.kubernetes.cri.container-name"] = identity.container_name;
  out["io.kubernetes.cri.image-name"] = identity.image_name;
  out["io.kubernetes.cri.sandbox-id"] = identity.sandbox_id;
  out["io.kubernetes.cri.sandbox-name"] = identity.sandbox_name;
  out["io.kubernetes.cri.sandbox-namespace"] = identity.sandbox_namespace;
  out["io.kubernetes.cri.sandbox-uid"] = identity.sandbox_uid;
  return {out.begin(), out.end()};
}

}  // namespace keelson::handlers
