// SPDX-License-Identifier: Apache-2.0
// A write that a controller has decided on, as data: what plans return and tables compare. Pure.
#pragma once

#include <string>

#include "lib/json/value.h"
#include "minimal-master/schema/resources.h"

namespace keelson::control {

struct Write {
  enum class Verb { kCreate, kUpdate, kMergePatch, kDelete };

  Verb verb = Verb::kCreate;
  const schema::Resource* resource = nullptr;
  std::string subresource;  // "status", "binding", "scale"; empty: the object
  std::string ns;           // empty: of no namespace
  std::string name;         // of kCreate: may be empty when the body has a generateName
  // The object, the patch, or DeleteOptions. An object with a resourceVersion is refused with
  // Conflict when it is not the present one; preconditions of a delete likewise.
  json::Value body;
};

// The resource in its preferred version; it must be there: a name in the source, not an input.
const schema::Resource& ResourceNamed(std::string_view group, std::string_view name);

Write Create(const schema::Resource& resource, std::string_view ns, json::Value object);
// Name and namespace are the object's.
Write Update(const schema::Resource& resource, json::Value object,
             std::string_view subresource = {});
Write MergePatch(const schema::Resource& resource, std::string_view ns, std::string_view name,
                 json::Value patch, std::string_view subresource = {});
// Only when its uid is still this one (empty: any). `policy`: "Background", "Foreground", "Orphan";
// empty: the kind's own.
Write Delete(const schema::Resource& resource, std::string_view ns, std::string_view name,
             std::string_view uid = {}, std::string_view policy = {});

}  // namespace keelson::control
