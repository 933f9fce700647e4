// SPDX-License-Identifier: Apache-2.0
// The JSON documents of images: index, manifest, configuration, in OCI's and Docker's (schema 2)
// media types. What can be read in two ways is refused: a document that has both layers and
// manifests, or whose media type says something else than its content. Everything is bounded.
// Descriptors' "urls" are never followed. Pure. Source: the OCI image specification 1.1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/result.h"
#include "runtime/image/image_service.h"

namespace keelson::image {

constexpr size_t kMaxDocumentBytes = 4u << 20;
constexpr size_t kMaxLayers = 500;  // as many as overlayfs stacks

struct Descriptor {
  std::string media_type;
  std::string digest;
  uint64_t size = 0;
};

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;
  std::string ToString() const;
};
Platform HostPlatform();

struct IndexEntry {
  Descriptor descriptor;
  Platform platform;     // all empty: the index does not say
  std::string ref_name;  // annotation org.opencontainers.image.ref.name, used by layouts on disk
};
struct Index {
  std::vector<IndexEntry> entries;
};
struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
};

using Document = std::variant<Index, Manifest>;
// `media_type`: what the registry or the descriptor said, empty when nobody did.
base::Result<Document> ParseDocument(std::string_view bytes, std::string_view media_type);

// The entry for `wanted`; the error lists what there is.
base::Result<Descriptor> ChoosePlatform(const Index& index, const Platform& wanted);

struct ConfigDocument {
  ImageConfig config;
  Platform platform;
  std::vector<std::string> diff_ids;  // bottom first
};
base::Result<ConfigDocument> ParseConfig(std::string_view bytes);

// For the Accept header of a registry request.
const std::vector<std::string>& AcceptedDocumentTypes();

}  // namespace keelson::image
