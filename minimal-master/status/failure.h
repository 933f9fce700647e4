// SPDX-License-Identifier: Apache-2.0
// What a client of the Kubernetes API is told when it does not get what it asked for: meta/v1
// Status, its codes, reasons and words. Pure, any thread. Source: apimachinery's api/errors (1.35),
// recorded answers in tests/data/golden.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/json/value.h"
#include "lib/kube/problems.h"

namespace keelson::status {

struct Cause {
  std::string reason;
  std::string message;
  std::string field;
};

struct Details {
  std::string name;
  std::string group;
  std::string kind;  // the resource ("pods"), of what is invalid the kind ("Pod")
  std::string uid;
  std::vector<Cause> causes;
  int retry_after_seconds = 0;
};

struct Failure {
  int code = 500;
  std::string reason;  // may be empty
  std::string message;
  bool has_details = false;
  Details details;
  std::string resume;  // a token to go on listing with, as metadata.continue
};

// A value, or what the client is told instead.
template <typename T>
class Or {
 public:
  Or(T value) : content_(std::move(value)) {}            // NOLINT(google-explicit-constructor)
  Or(Failure failure) : content_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return content_.index() == 0; }
  T& operator*() { return std::get<0>(content_); }
  const T& operator*() const { return std::get<0>(content_); }
  T* operator->() { return &std::get<0>(content_); }
  const T* operator->() const { return &std::get<0>(content_); }
  const Failure& failure() const { return std::get<1>(content_); }

 private:
  std::variant<T, Failure> content_;
};

// A resource as messages name it: "pods", "deployments.apps".
struct Resource {
  std::string_view group;
  std::string_view name;
};
std::string Qualified(std::string_view name, std::string_view group);

Failure BadRequest(std::string message);
Failure Unauthorized();
Failure Forbidden(const Resource& resource, std::string_view name, std::string_view why);
Failure NotFound(const Resource& resource, std::string_view name);
Failure NoSuchPath();  // of a URL that nothing serves
Failure MethodNotAllowed();
Failure NotAcceptable(const std::vector<std::string>& accepted);
Failure AlreadyExists(const Resource& resource, std::string_view name);
Failure Conflict(const Resource& resource, std::string_view name, std::string_view why);
Failure ModifiedSince(const Resource& resource, std::string_view name);
// Of a condition that the client itself has set: "UID" or "ResourceVersion".
Failure PreconditionFailed(const Resource& resource, std::string_view name, std::string_view what,
                           std::string_view wanted, std::string_view is);
Failure Expired(std::string message);
Failure TooLarge(std::string_view why);
Failure UnsupportedMediaType(std::string message);
Failure Unprocessable();  // what was asked for is understood and cannot be done
Failure TooManyRequests(std::string message, int retry_after_seconds);
Failure Internal(std::string message);
Failure Unavailable(std::string message);
// All problems of one object; there is at least one.
Failure Invalid(std::string_view group, std::string_view kind, std::string_view name,
                const std::vector<kube::Problem>& problems);

// The Status object, its fields in upstream's order.
json::Value ToJson(const Failure& failure);

}  // namespace keelson::status
