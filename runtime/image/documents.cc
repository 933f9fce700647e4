// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/documents.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <optional>

#include "lib/base/strings.h"

namespace keelson::image {
namespace {

using base::Result;

constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::array<std::string_view, 2> kConfigTypes = {
    "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"};
constexpr std::array<std::string_view, 10> kLayerTypes = {
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"};

// How well a platform serves this machine; lower is better, nothing is not at all. Higher variants
// ask for a newer processor.
std::optional<int> Rank(const Platform& offered, const Platform& wanted) {
  if (offered.os != wanted.os || offered.architecture != wanted.architecture) return std::nullopt;
  if (offered.variant == wanted.variant) return 0;
  if (offered.variant.empty()) return 1;
  const bool baseline = (wanted.architecture == "amd64" && offered.variant == "v1") ||
                        (wanted.architecture == "arm64" && offered.variant == "v8");
  return baseline ? std::optional(2) : std::nullopt;
}

}  // namespace

bool IsIndexType(std::string_view type) { return type == kOciIndex || type == kDockerList; }
bool IsManifestType(std::string_view type) {
  return type == kOciManifest || type == kDockerManifest;
}
bool IsConfigType(std::string_view type) {
  return std::find(kConfigTypes.begin(), kConfigTypes.end(), type) != kConfigTypes.end();
}
bool IsLayerType(std::string_view type) {
  return std::find(kLayerTypes.begin(), kLayerTypes.end(), type) != kLayerTypes.end();
}

std::string Platform::ToString() const {
  if (os.empty() && architecture.empty()) return "unsaid";
  return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

Platform HostPlatform() {
  struct utsname name{};
  uname(&name);
  const std::string_view machine = name.machine;
  if (machine == "x86_64") return {"linux", "amd64", ""};
  if (machine == "aarch64") return {"linux", "arm64", ""};
  return {"linux", std::string(machine), ""};
}

const std::vector<std::string>& AcceptedDocumentTypes() {
  static const std::vector<std::string> kTypes = {std::string(kOciIndex), std::string(kOciManifest),
                                                  std::string(kDockerList),
                                                  std::string(kDockerManifest)};
  return kTypes;
}

Result<Descriptor> ChoosePlatform(const Index& index, const Platform& wanted) {
  const IndexEntry* best = nullptr;
  int best_rank = 0;
  std::vector<std::string> offered;
  for (const IndexEntry& entry : index.entries) {
    if (!IsIndexType(entry.descriptor.media_type) && !IsManifestType(entry.descriptor.media_type))
      continue;
    if (offered.size() < 20) offered.push_back(entry.platform.ToString());
    const std::optional<int> rank = Rank(entry.platform, wanted);
    if (rank && (best == nullptr || *rank < best_rank)) {
      best = &entry;
      best_rank = *rank;
    }
  }
  if (best == nullptr && index.entries.size() == 1 && offered == std::vector<std::string>{"unsaid"})
    best = &index.entries[0];
  if (best == nullptr) {
    return base::NotFound("the image is not made for {}; it is for {}", wanted.ToString(),
                          offered.empty() ? "nothing" : base::Join(offered, ", "));
  }
  return best->descriptor;
}

}  // namespace keelson::image
