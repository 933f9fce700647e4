// SPDX-License-Identifier: Apache-2.0
// Where images live below the state directory:
//   <state>/images/images, names, quarantine   ImageStore (see image_store.h)
//   <state>/images/blobs/sha256/<hex>           documents (see content/blob_store.h)
//   <state>/images/import/<random>              an archive being loaded; emptied at start
//   <state>/layers/…                            unpacked layers (see snapshot/layer_store.h)
// and below the configuration directory (peers' format, read at each pull):
//   <config>/registries/<host>/hosts.toml, <config>/registries/_default/hosts.toml
#pragma once

#include <string>

namespace keelson::image {

struct Paths {
  std::string state;
  std::string config;
  std::string Images() const { return state + "/images"; }
  std::string Blobs() const { return state + "/images/blobs"; }
  std::string Import() const { return state + "/images/import"; }
  std::string Layers() const { return state + "/layers"; }
  std::string Registries() const { return config + "/registries"; }
};

}  // namespace keelson::image
