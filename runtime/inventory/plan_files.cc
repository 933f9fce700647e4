// SPDX-License-Identifier: Apache-2.0
#include "runtime/inventory/judgement.h"

namespace keelson::inventory {
namespace {

constexpr char kOnItsWay[] =
    "keelson-runtime is running and may be making it just now; it takes away what is left over "
    "when it starts";

// A directory without any record was never known to a daemon.
bool IsBare(const std::string& error) { return error == kNoRecord; }

std::string Unusable(const std::string& error) {
  return IsBare(error) ? error : "its record is unusable: " + error;
}

std::string HexOf(const std::string& digest) { return digest.substr(digest.find(':') + 1); }

bool IsIn(const Facts& facts, const std::string& image) {
  return facts.before.images.contains(image) || facts.after.images.contains(image);
}

}  // namespace

void Judgement::RunDirs() {
  for (const auto& [path, bytes] : facts_.things.run_dirs) {
    const std::string holder = owners_.HolderOf(path.substr(path.rfind('/') + 1));
    if (holder.empty()) {
      RemoveTree("directory", path, "no pod has it", "", bytes);
    } else {
      Own("directory", path, owners_.PodName(holder), bytes);
    }
  }
}

void Judgement::Containers() {
  for (const auto& [id, container] : facts_.after.containers) {
    const std::string path = facts_.state_dir + "/containers/" + id;
    if (!container.error.empty() || !owners_.KnowsPod(container.sandbox_id)) {
      const std::string problem =
          container.error.empty()
              ? "its pod " + container.sandbox_id.substr(0, 12) + " is not there"
              : Unusable(container.error);
      RemoveTree("directory", path, problem,
                 !container.error.empty() && owners_.Lives(id)
                     ? "it runs: keelson-runtime decides about it when it starts"
                 : facts_.runs && !IsBare(container.error)
                     ? "keelson-runtime is running and has it in memory: remove the container"
                     : "",
                 container.bytes);
      continue;
    }
    std::string missing;
    for (const std::string& image : container.images) {
      if (!image.empty() && !IsIn(facts_, image)) missing = image;
    }
    if (missing.empty()) {
      Own("directory", path, owners_.ContainerName(id), container.bytes);
    } else {
      Fault("directory", path, owners_.ContainerName(id), "its image " + missing + " is not there",
            "pull it again", container.bytes);
    }
  }
}

void Judgement::Pods() {
  for (const auto& [id, pod] : facts_.after.pods) {
    const std::string path = facts_.state_dir + "/pods/" + id;
    if (pod.error.empty()) {
      Own("directory", path, owners_.PodName(id), pod.bytes);
      continue;
    }
    std::string refused;
    if (facts_.runs) {
      refused = IsBare(pod.error)
                    ? kOnItsWay
                    : "keelson-runtime is running and has it in memory: it writes the "
                      "record anew with the pod's next change";
    } else if (owners_.Lives(id)) {
      refused = "the pod lives: keelson-runtime ends it and puts the record aside when it starts";
    }
    RemoveTree("directory", path, Unusable(pod.error), refused, pod.bytes);
  }
}

// Of what images consist of: nobody knows what is on its way while the daemon lives, nor what a
// container uses whose image cannot be read.
std::string Judgement::ImageRefusal() const {
  if (facts_.runs) {
    return "keelson-runtime is running and may be pulling an image with it; it takes away what is "
           "left over when an image or a container is removed, and when it starts";
  }
  if (!owners_.blind().empty()) return "what " + owners_.blind() + " uses of images cannot be told";
  return "";
}

void Judgement::Images() {
  const std::string images = facts_.state_dir + "/images";
  for (const auto& [file, name] : facts_.after.names) {
    const std::string path = images + "/names/" + file;
    const auto image = facts_.after.images.find(name.image_id);
    if (!name.error.empty()) {
      RemoveTree("image name", path, Unusable(name.error), ImageRefusal(), name.bytes);
    } else if (!IsIn(facts_, name.image_id) ||
               (image != facts_.after.images.end() && !image->second.error.empty())) {
      RemoveTree("image name", path, name.name + " leads to an image that is not there",
                 ImageRefusal(), name.bytes);
    } else {
      Own("image name", path, "image " + name.name, name.bytes);
    }
  }
  for (const auto& [id, image] : facts_.after.images) {
    const std::string path = images + "/images/" + HexOf(id) + ".rec";
    if (!image.error.empty()) {
      RemoveTree("image record", path, "it is unusable: " + image.error, ImageRefusal(),
                 image.bytes);
    } else if (!owners_.IsReachable(id)) {
      RemoveTree("image record", path, "no name and no container leads to it", ImageRefusal(),
                 image.bytes);
    } else {
      OwnImage(id, image, path);
    }
  }
  for (const auto& [digest, blob] : facts_.things.blobs)
    Part("blob", images + "/blobs/sha256/" + HexOf(digest), digest, blob, owners_.blobs());
  for (const auto& [digest, layer] : facts_.things.layers)
    Part("layer", facts_.state_dir + "/layers/sha256/" + HexOf(digest), digest, layer,
         owners_.layers());
}

void Judgement::OwnImage(const std::string& id, const ImageFact& image, const std::string& path) {
  std::string missing;
  for (const std::string& layer : image.layers) {
    if (!facts_.things.layers.contains(layer)) missing = "layer " + layer;
  }
  for (const std::string& blob : {id, image.manifest}) {
    if (!facts_.things.blobs.contains(blob)) missing = "document " + blob;
  }
  // What has come since the things were read is not among them.
  if (missing.empty() || !facts_.before.images.contains(id)) {
    Own("image record", path, owners_.ImageName(id), image.bytes);
  } else {
    Fault("image record", path, owners_.ImageName(id), missing + " is not there",
          "remove the image and pull it again", image.bytes);
  }
}

void Judgement::Part(const char* kind, const std::string& path, const std::string& digest,
                     const StoredFact& fact, const std::map<std::string, std::string>& owners) {
  const auto owner = owners.find(digest);
  if (owner == owners.end()) {
    RemoveTree(kind, path, "no image leads to it", ImageRefusal(), fact.bytes);
  } else if (fact.error.empty()) {
    Own(kind, path, owner->second, fact.bytes);
  } else {
    Fault(kind, path, owner->second, fact.error, "remove the image and pull it again", fact.bytes);
  }
}

void Judgement::Files() {
  for (const auto& [path, bytes] : facts_.things.temporary) {
    if (facts_.runs) {
      Own("temporary", path, kRuntime, bytes);
    } else {
      RemoveTree("temporary", path, "left over by something that was cut off", "", bytes);
    }
  }
  for (const auto& [path, bytes] : facts_.things.quarantine)
    RemoveTree("quarantine", path, "put aside because it could not be read", "", bytes);
  for (const auto& [path, bytes] : facts_.things.strangers) {
    Fault("file", path, "", "nothing of Keelson's has this name here",
          "it may be somebody's: remove it by hand", bytes);
  }
  for (const auto& [path, bytes] : facts_.things.fixed) Own("file", path, kRuntime, bytes);
}

}  // namespace keelson::inventory
