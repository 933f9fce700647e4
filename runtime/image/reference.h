// SPDX-License-Identifier: Apache-2.0
// Image references as people write them: [registry[:port]/]path[:tag][@sha256:digest]. Docker's
// shorthands are filled in: "nginx" is docker.io/library/nginx:latest. The grammar is strict and
// bounded; a capital letter in a path, an empty part or a digest of another algorithm is refused
// with a sentence. Pure value type. Source: the distribution project's reference grammar.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace keelson::image {

struct Reference {
  std::string registry;    // "docker.io", "127.0.0.1:5000"
  std::string repository;  // "library/nginx"
  std::string tag;         // may be empty when there is a digest
  std::string digest;      // "sha256:…" or empty

  std::string Name() const { return registry + "/" + repository; }
  std::string Tagged() const { return Name() + ":" + tag; }
  std::string Digested(std::string_view of) const { return Name() + "@" + std::string(of); }
  std::string ToString() const;  // in full
  bool operator==(const Reference&) const = default;
};

base::Result<Reference> ParseReference(std::string_view text);

}  // namespace keelson::image
