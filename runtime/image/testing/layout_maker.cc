// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/testing/layout_maker.h"

#include <gtest/gtest.h>

#include "lib/os/files.h"
#include "lib/os/process.h"
#include "runtime/content/digest.h"

namespace keelson::image::testing {

std::string Shell(const std::string& script) {
  os::SpawnOptions options;
  options.argv = {"/bin/sh", "-ec", script};
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"};
  const auto result = os::RunCommand(options, "", std::chrono::seconds(120));
  EXPECT_TRUE(result.ok() && result->status.code() == 0)
      << script << ": " << (result.ok() ? result->err + result->out : result.error().message());
  return result.ok() ? result->out : "";
}

std::string LayoutMaker::BlobPath(const std::string& digest) const {
  return Path() + "/blobs/sha256/" + std::string(content::HexOf(digest));
}

std::string LayoutMaker::AddBlob(const std::string& bytes) const {
  std::string digest = content::DigestOf(bytes);
  EXPECT_TRUE(os::MakeDirs(Path() + "/blobs/sha256", 0755).ok());
  EXPECT_TRUE(os::WriteFileAtomic(BlobPath(digest), bytes, 0644).ok());
  return digest;
}

LayerBytes LayoutMaker::MakeLayer(const std::string& script, const std::string& compressor) const {
  const std::string work = dir_ + "/work";
  Shell("rm -rf " + work + " && mkdir " + work + " && cd " + work + " && " + script);
  Shell("cd " + work + " && tar --xattrs --format=pax --sort=name -cf ../layer.tar . && " +
        compressor + " <../layer.tar >../layer.z");
  LayerBytes out{os::ReadFile(dir_ + "/layer.z").value(),
                 content::DigestOf(os::ReadFile(dir_ + "/layer.tar").value())};
  if (compressor.starts_with("zstd")) out.type = "application/vnd.oci.image.layer.v1.tar+zstd";
  return out;
}

std::string LayoutMaker::Describe(const std::string& type, const std::string& digest, size_t size,
                                  const std::string& more) {
  return R"({"mediaType":")" + type + R"(","digest":")" + digest + R"(","size":)" +
         std::to_string(size) + (more.empty() ? "" : "," + more) + "}";
}

void LayoutMaker::Make(const std::vector<LayerBytes>& layers, const std::string& arch,
                       const std::string& name) {
  std::string descriptors, diff_ids;
  for (const LayerBytes& layer : layers) {
    const std::string comma = descriptors.empty() ? "" : ",";
    descriptors += comma + Describe(layer.type, AddBlob(layer.compressed), layer.compressed.size());
    diff_ids += comma + "\"" + layer.diff_id + "\"";
  }
  const std::string config =
      R"({"os":"linux","architecture":")" + arch +
      R"(","config":{"Cmd":["/hello"],"User":"1000"},"rootfs":{"type":"layers","diff_ids":[)" +
      diff_ids + "]}}";
  config_digest_ = AddBlob(config);
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
      Describe("application/vnd.oci.image.config.v1+json", config_digest_, config.size()) +
      R"(,"layers":[)" + descriptors + "]}";
  manifest_digest_ = AddBlob(manifest);
  manifest_size_ = manifest.size();
  const std::string annotations =
      name.empty() ? "" : R"("annotations":{"org.opencontainers.image.ref.name":")" + name + "\"}";
  WriteIndex(R"({"schemaVersion":2,"manifests":[)" +
             Describe("application/vnd.oci.image.manifest.v1+json", manifest_digest_,
                      manifest.size(), annotations) +
             "]}");
}

void LayoutMaker::WriteIndex(const std::string& index) const {
  EXPECT_TRUE(os::WriteFileAtomic(Path() + "/index.json", index, 0644).ok());
  EXPECT_TRUE(
      os::WriteFileAtomic(Path() + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})", 0644).ok());
}

}  // namespace keelson::image::testing
