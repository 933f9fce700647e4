// SPDX-License-Identifier: Apache-2.0
// What the documents of images say: index, manifest, configuration, in OCI's and Docker's (schema
// 2) media types. keelson-read makes these of their JSON (parse_documents.h, runtime/reader);
// descriptors' "urls" are never followed. Pure. Source: the OCI image specification 1.1.
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
constexpr size_t kMaxIndexEntries = 1000;
constexpr uint64_t kMaxBlobSize = uint64_t{1} << 40;

bool IsIndexType(std::string_view type);
bool IsManifestType(std::string_view type);
bool IsConfigType(std::string_view type);
bool IsLayerType(std::string_view type);

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
// The entry for `wanted`; the error lists what there is.
base::Result<Descriptor> ChoosePlatform(const Index& index, const Platform& wanted);

struct ConfigDocument {
  ImageConfig config;
  Platform platform;
  std::vector<std::string> diff_ids;  // bottom first
};

// For the Accept header of a registry request.
const std::vector<std::string>& AcceptedDocumentTypes();

}  // namespace keelson::image
