// SPDX-License-Identifier: Apache-2.0
// What is changed or refused on the way in because of who asks or of what else there is: upstream's
// built-in admission, in its order. Pure: other objects are handed in as facts. Source: the plugins
// of k8s.io/kubernetes/plugin/pkg/admission and k8s.io/apiserver (1.35).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/auth/user.h"
#include "minimal-master/status/failure.h"

namespace keelson::admission {

// Other objects, as they are now.
class Facts {
 public:
  virtual ~Facts() = default;
  virtual std::optional<json::Value> Find(std::string_view group, std::string_view resource,
                                          std::string_view ns, std::string_view name) const = 0;
  // All of a resource in a namespace (empty: everywhere), by key.
  virtual void ForEach(std::string_view group, std::string_view resource, std::string_view ns,
                       const std::function<void(const json::Value&)>& each) const = 0;
};

enum class Operation { kCreate, kUpdate, kDelete };

struct Request {
  Operation operation = Operation::kCreate;
  std::string_view group;
  std::string_view resource;  // "pods"
  std::string_view kind;
  std::string_view subresource;
  std::string_view ns;
  std::string_view name;  // of a create it may still be empty
  const auth::User& user;
  std::string_view suffix;  // random letters, for names that are made up
};

// True, or why not. `object` has its defaults.
using Verdict = status::Or<bool>;

// Before validation. Not for deletes.
Verdict Mutate(const Request& request, json::Value& object, const Facts& facts);
// Before the validation of a changed pod: nodes' troubles are tolerated for a while again, also
// when whoever wrote left that out.
void TolerateForAWhile(json::Value& pod);
// After it. Of a delete the object is the one that goes.
Verdict Check(const Request& request, const json::Value& object, const Facts& facts);

}  // namespace keelson::admission
