// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/parse_documents.h"

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "runtime/content/digest_name.h"
#include "runtime/content/json_view.h"

namespace keelson::image {
namespace {

using base::InvalidArgument;
using base::Result;
using content::JsonView;

constexpr std::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+";

Result<Descriptor> ParseDescriptor(const JsonView& json) {
  Descriptor out;
  ASSIGN_OR_RETURN(out.media_type, json.String("mediaType"));
  ASSIGN_OR_RETURN(out.digest, json.String("digest"));
  ASSIGN_OR_RETURN(out.size, json.Number("size"));
  if (!content::IsDigest(out.digest)) {
    return InvalidArgument("a descriptor's digest {} is not sha256: and 64 digits",
                           base::QuoteIfNeeded(out.digest.substr(0, 150)));
  }
  if (out.size > kMaxBlobSize)
    return InvalidArgument("descriptor {}: size {} is out of range", out.digest, out.size);
  return out;
}

Result<Document> ParseIndex(const JsonView& json) {
  ASSIGN_OR_RETURN(const std::vector<JsonView> manifests, json.Array("manifests"));
  if (manifests.size() > kMaxIndexEntries)
    return InvalidArgument("the image index has more than {} entries", kMaxIndexEntries);
  Index out;
  for (const JsonView& item : manifests) {
    IndexEntry entry;
    ASSIGN_OR_RETURN(entry.descriptor, ParseDescriptor(item));
    ASSIGN_OR_RETURN(const JsonView platform, item.Object("platform"));
    ASSIGN_OR_RETURN(entry.platform.os, platform.String("os"));
    ASSIGN_OR_RETURN(entry.platform.architecture, platform.String("architecture"));
    ASSIGN_OR_RETURN(entry.platform.variant, platform.String("variant"));
    ASSIGN_OR_RETURN(const JsonView annotations, item.Object("annotations"));
    ASSIGN_OR_RETURN(entry.ref_name, annotations.String("org.opencontainers.image.ref.name"));
    out.entries.push_back(std::move(entry));
  }
  return Document(std::move(out));
}

Result<Document> ParseManifest(const JsonView& json) {
  Manifest out;
  if (!json.Has("config")) return InvalidArgument("the image manifest names no configuration");
  ASSIGN_OR_RETURN(const JsonView config, json.Object("config"));
  ASSIGN_OR_RETURN(out.config, ParseDescriptor(config));
  if (!IsConfigType(out.config.media_type)) {
    return InvalidArgument("this is an artifact of type {}, not an image that a container can run",
                           base::QuoteIfNeeded(out.config.media_type));
  }
  ASSIGN_OR_RETURN(const std::vector<JsonView> layers, json.Array("layers"));
  if (layers.size() > kMaxLayers)
    return InvalidArgument("the image has {} layers, more than {}", layers.size(), kMaxLayers);
  for (const JsonView& item : layers) {
    ASSIGN_OR_RETURN(Descriptor layer, ParseDescriptor(item));
    if (!IsLayerType(layer.media_type)) {
      return InvalidArgument("layer {} is of type {}, which is not supported", layer.digest,
                             base::QuoteIfNeeded(layer.media_type));
    }
    out.layers.push_back(std::move(layer));
  }
  return Document(std::move(out));
}

}  // namespace

Result<Document> ParseDocument(std::string_view bytes, std::string_view media_type) {
  if (bytes.size() > kMaxDocumentBytes)
    return base::ResourceExhausted("the manifest of {} bytes is too large", bytes.size());
  media_type = base::Trim(media_type.substr(0, media_type.find(';')));
  const auto refuse_schema1 = [] {
    return base::Unimplemented(
        "the image is in Docker's old manifest format (schema 1), which is not supported: push it "
        "again with a current tool");
  };
  if (media_type.starts_with(kDockerSchema1)) return refuse_schema1();
  ASSIGN_OR_RETURN(const JsonView json, JsonView::Parse(bytes).WithContext("image manifest"));
  ASSIGN_OR_RETURN(const std::string own_type, json.String("mediaType"));
  ASSIGN_OR_RETURN(const uint64_t version, json.Number("schemaVersion"));
  if (version == 1) return refuse_schema1();
  if (version != 2)
    return InvalidArgument("the image manifest's schemaVersion is {}, not 2", version);
  const bool has_layers = json.Has("layers") || json.Has("config");
  const bool has_manifests = json.Has("manifests");
  const bool weak = KEELSON_WEAKENED_AT("ambiguous-document");
  if (has_layers && has_manifests && !weak)
    return InvalidArgument(
        "the document has both layers and manifests: it could be read in two ways");
  if (!has_layers && !has_manifests)
    return InvalidArgument("the document has neither layers nor manifests");
  for (const std::string_view type : {std::string_view(own_type), media_type}) {
    if (!weak && ((IsIndexType(type) && has_layers) || (IsManifestType(type) && has_manifests))) {
      return InvalidArgument("the document says it is of type {}, its content says otherwise",
                             type);
    }
  }
  return has_manifests && !has_layers ? ParseIndex(json) : ParseManifest(json);
}

Result<ConfigDocument> ParseConfig(std::string_view bytes) {
  ConfigDocument out;
  ASSIGN_OR_RETURN(const JsonView json, JsonView::Parse(bytes).WithContext("image configuration"));
  ASSIGN_OR_RETURN(out.platform.os, json.String("os"));
  ASSIGN_OR_RETURN(out.platform.architecture, json.String("architecture"));
  ASSIGN_OR_RETURN(out.platform.variant, json.String("variant"));
  ASSIGN_OR_RETURN(const JsonView rootfs, json.Object("rootfs"));
  ASSIGN_OR_RETURN(out.diff_ids, rootfs.Strings("diff_ids"));
  for (const std::string& id : out.diff_ids) {
    if (!content::IsDigest(id))
      return InvalidArgument("image configuration: diff id {} is not sha256: and 64 digits",
                             base::QuoteIfNeeded(id.substr(0, 150)));
  }
  ASSIGN_OR_RETURN(const JsonView config, json.Object("config"));
  ASSIGN_OR_RETURN(out.config.env, config.Strings("Env"));
  ASSIGN_OR_RETURN(out.config.entrypoint, config.Strings("Entrypoint"));
  ASSIGN_OR_RETURN(out.config.command, config.Strings("Cmd"));
  ASSIGN_OR_RETURN(out.config.working_dir, config.String("WorkingDir"));
  ASSIGN_OR_RETURN(out.config.user, config.String("User"));
  ASSIGN_OR_RETURN(out.config.stop_signal, config.String("StopSignal"));
  ASSIGN_OR_RETURN(const JsonView volumes, config.Object("Volumes"));
  out.config.volumes = volumes.Keys();
  for (const std::string& volume : out.config.volumes) {
    if (volume.find('\0') != std::string::npos)
      return InvalidArgument("image configuration: a volume's name is not free of NUL bytes");
  }
  return out;
}

}  // namespace keelson::image
