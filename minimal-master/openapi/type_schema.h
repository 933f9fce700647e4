// SPDX-License-Identifier: Apache-2.0
// Types of the table as OpenAPI's schemas, in the two dialects: version 3 (components, oneOf) and
// version 2 (definitions). Pure; one writer for a document, one thread.
#pragma once

#include <set>
#include <string>

#include "lib/json/value.h"
#include "minimal-master/openapi/sentences.h"
#include "minimal-master/schema/resources.h"

namespace keelson::openapi {

enum class Dialect { kV2, kV3 };

class TypeSchemas {
 public:
  explicit TypeSchemas(Dialect dialect) : dialect_(dialect) {}

  // Wanted, and with it each type that it names.
  void Want(const schema::Type& type) { wanted_.insert(&type); }
  // name -> schema of all that is wanted.
  json::Value Write();

 private:
  json::Value Of(const schema::Type& type);
  json::Value Of(const schema::Type& owner, const schema::Field& field);
  json::Value Struct(const schema::Type& type);

  const Dialect dialect_;
  const Sentences sentences_;
  std::set<const schema::Type*> wanted_;
};

// {group, kind, version}, as x-kubernetes-group-version-kind has it.
json::Value KindOf(const schema::Resource& resource);

}  // namespace keelson::openapi
