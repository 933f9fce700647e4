// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/status/failure.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::status {
namespace {

using json::Value;

Failure Plain(int code, std::string_view reason, std::string message) {
  Failure failure;
  failure.code = code;
  failure.reason = reason;
  failure.message = std::move(message);
  return failure;
}

Failure About(int code, std::string_view reason, const Resource& resource, std::string_view name,
              std::string message) {
  Failure failure = Plain(code, reason, std::move(message));
  failure.has_details = true;
  failure.details.name = name;
  failure.details.group = resource.group;
  failure.details.kind = resource.name;
  return failure;
}

// Answers that a generic client makes of a bare code have details, with nothing in them.
Failure Bare(int code, std::string_view reason, std::string message) {
  return About(code, reason, {}, "", std::move(message));
}

std::string TextOf(const kube::Problem& problem) {
  return problem.field.empty() ? problem.what : problem.field + ": " + problem.what;
}

void SetText(Value& object, std::string_view key, std::string_view text) {
  if (!text.empty()) object.Set(key, Value(text));
}

}  // namespace

std::string Qualified(std::string_view name, std::string_view group) {
  return group.empty() ? std::string(name) : fmt::format("{}.{}", name, group);
}

Failure BadRequest(std::string message) { return Plain(400, "BadRequest", std::move(message)); }
Failure Unauthorized() { return Plain(401, "Unauthorized", "Unauthorized"); }

Failure Forbidden(const Resource& resource, std::string_view name, std::string_view why) {
  const std::string what = Qualified(resource.name, resource.group);
  std::string message = what.empty()   ? fmt::format("forbidden: {}", why)
                        : name.empty() ? fmt::format("{} is forbidden: {}", what, why)
                                       : fmt::format("{} \"{}\" is forbidden: {}", what, name, why);
  return About(403, "Forbidden", resource, name, std::move(message));
}

Failure NotFound(const Resource& resource, std::string_view name) {
  return About(404, "NotFound", resource, name,
               fmt::format("{} \"{}\" not found", Qualified(resource.name, resource.group), name));
}

Failure NoSuchPath() {
  return Bare(404, "NotFound", "the server could not find the requested resource");
}

Failure MethodNotAllowed() {
  return Bare(405, "MethodNotAllowed",
              "the server does not allow this method on the requested resource");
}

Failure NotAcceptable(const std::vector<std::string>& accepted) {
  return Plain(406, "NotAcceptable",
               "only the following media types are accepted: " + base::Join(accepted, ", "));
}

Failure AlreadyExists(const Resource& resource, std::string_view name) {
  return About(
      409, "AlreadyExists", resource, name,
      fmt::format("{} \"{}\" already exists", Qualified(resource.name, resource.group), name));
}

Failure Conflict(const Resource& resource, std::string_view name, std::string_view why) {
  return About(409, "Conflict", resource, name,
               fmt::format("Operation cannot be fulfilled on {} \"{}\": {}",
                           Qualified(resource.name, resource.group), name, why));
}

Failure ModifiedSince(const Resource& resource, std::string_view name) {
  return Conflict(resource, name,
                  "the object has been modified; please apply your changes to the latest version "
                  "and try again");
}

Failure PreconditionFailed(const Resource& resource, std::string_view name, std::string_view what,
                           std::string_view wanted, std::string_view is) {
  return Conflict(resource, name,
                  fmt::format("the {} in the precondition ({}) does not match the {} in record "
                              "({}). The object might have been {}",
                              what, wanted, what, is,
                              what == "UID" ? "deleted and then recreated" : "modified"));
}

Failure Expired(std::string message) { return Plain(410, "Expired", std::move(message)); }

Failure TooLarge(std::string_view why) {
  return Plain(413, "RequestEntityTooLarge", fmt::format("Request entity too large: {}", why));
}

Failure UnsupportedMediaType(std::string message) {
  return Plain(415, "UnsupportedMediaType", std::move(message));
}

Failure Unprocessable() {
  return Bare(422, "Invalid", "the server rejected our request due to an error in our request");
}

Failure TooManyRequests(std::string message, int retry_after_seconds) {
  Failure failure = Plain(429, "TooManyRequests", std::move(message));
  failure.has_details = true;
  failure.details.retry_after_seconds = retry_after_seconds;
  return failure;
}

Failure Internal(std::string message) {
  Failure failure =
      Plain(500, "InternalError", fmt::format("Internal error occurred: {}", message));
  failure.has_details = true;
  failure.details.causes.push_back({"", std::move(message), ""});
  return failure;
}

Failure Unavailable(std::string message) {
  return Plain(503, "ServiceUnavailable", std::move(message));
}

Failure Invalid(std::string_view group, std::string_view kind, std::string_view name,
                const std::vector<kube::Problem>& problems) {
  std::vector<std::string> texts;
  Failure failure = About(422, "Invalid", {group, kind}, name, "");
  for (const kube::Problem& problem : problems) {
    failure.details.causes.push_back(
        {std::string(kube::ReasonOf(problem.kind)), problem.what, problem.field});
    // The message says once what two rules found.
    std::string text = TextOf(problem);
    if (std::find(texts.begin(), texts.end(), text) == texts.end())
      texts.push_back(std::move(text));
  }
  failure.message =
      fmt::format("{} \"{}\" is invalid: {}", Qualified(kind, group), name,
                  texts.size() == 1 ? texts[0] : fmt::format("[{}]", base::Join(texts, ", ")));
  return failure;
}

Value ToJson(const Failure& failure) {
  Value out;
  out.Set("kind", Value("Status"));
  out.Set("apiVersion", Value("v1"));
  Value metadata = Value::Object();
  SetText(metadata, "continue", failure.resume);
  out.Set("metadata", std::move(metadata));
  out.Set("status", Value("Failure"));
  SetText(out, "message", failure.message);
  SetText(out, "reason", failure.reason);
  if (failure.has_details) {
    Value details = Value::Object();
    SetText(details, "name", failure.details.name);
    SetText(details, "group", failure.details.group);
    SetText(details, "kind", failure.details.kind);
    SetText(details, "uid", failure.details.uid);
    std::vector<Value> causes;
    for (const Cause& cause : failure.details.causes) {
      Value item = Value::Object();
      SetText(item, "reason", cause.reason);
      SetText(item, "message", cause.message);
      SetText(item, "field", cause.field);
      causes.push_back(std::move(item));
    }
    if (!causes.empty()) details.Set("causes", Value::Array(std::move(causes)));
    if (failure.details.retry_after_seconds > 0)
      details.Set("retryAfterSeconds", Value(failure.details.retry_after_seconds));
    out.Set("details", std::move(details));
  }
  out.Set("code", Value(failure.code));
  return out;
}

}  // namespace keelson::status
