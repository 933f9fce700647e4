// SPDX-License-Identifier: Apache-2.0
// The part of the things that lies in the runtime's own folders.
#include <dirent.h>

#include <algorithm>
#include <array>

#include "lib/os/files.h"
#include "runtime/content/blob_store.h"
#include "runtime/content/digest.h"
#include "runtime/image/paths.h"
#include "runtime/inventory/count.h"
#include "runtime/inventory/observe_parts.h"
#include "runtime/snapshot/layer_record.h"

namespace keelson::inventory {

using base::Result;

namespace {

std::vector<os::DirEntry> List(const std::string& directory) {
  return os::ListDir(directory).ValueOr({});
}

void Take(const std::string& directory, std::map<std::string, uint64_t>& into) {
  for (const os::DirEntry& entry : List(directory)) {
    const std::string path = directory + "/" + entry.name;
    into[path] = TakenBy(path);
  }
}

bool IsOneOf(const std::string& name, std::initializer_list<std::string_view> known) {
  return std::find(known.begin(), known.end(), name) != known.end();
}

// os::WriteFileAtomic's, when it was cut off.
bool IsHalfWritten(const std::string& name) { return name.find(".new-") != std::string::npos; }

// What of `directory` has none of the names.
void TakeOthers(const std::string& directory, std::initializer_list<std::string_view> known,
                Things& out) {
  for (const os::DirEntry& entry : List(directory)) {
    if (IsOneOf(entry.name, known)) continue;
    const std::string path = directory + "/" + entry.name;
    (IsHalfWritten(entry.name) ? out.temporary : out.strangers)[path] = TakenBy(path);
  }
}

void ReadBlobs(const std::string& root, Things& out) {
  const std::string directory = root + "/sha256";
  for (const os::DirEntry& entry : List(directory)) {
    const std::string path = directory + "/" + entry.name;
    const std::string digest = "sha256:" + entry.name;
    if (!content::IsDigest(digest)) {
      (IsHalfWritten(entry.name) ? out.temporary : out.strangers)[path] = TakenBy(path);
      continue;
    }
    StoredFact& fact = out.blobs[digest];
    fact.bytes = TakenBy(path);
    const Result<std::string> bytes = os::ReadFile(path, content::BlobStore::kMaxBlobBytes);
    if (!bytes.ok()) {
      fact.error = bytes.error().message();
    } else if (content::DigestOf(*bytes) != digest) {
      fact.error = "its content is not what its digest says";
    }
  }
}

void ReadLayers(const std::string& root, Things& out) {
  constexpr size_t kMostOfARecord = 64u << 20;
  const std::string directory = root + "/sha256";
  for (const os::DirEntry& entry : List(directory)) {
    const std::string path = directory + "/" + entry.name;
    const std::string digest = "sha256:" + entry.name;
    if (!content::IsDigest(digest)) {
      out.strangers[path] = TakenBy(path);
      continue;
    }
    StoredFact& fact = out.layers[digest];
    const Result<snapshot::Layer> layer = [&]() -> Result<snapshot::Layer> {
      ASSIGN_OR_RETURN(const std::string bytes, os::ReadFile(path + "/layer.rec", kMostOfARecord));
      ASSIGN_OR_RETURN(snapshot::Layer decoded, snapshot::DecodeLayer(bytes));
      if (decoded.digest != digest)
        return base::DataLoss("layer record is of another layer, {}", decoded.digest);
      if (!os::Exists(path + "/fs")) return base::DataLoss("layer without its directory");
      return decoded;
    }();
    // Counting what is known is walking over every file of every image.
    fact.bytes = layer.ok() ? layer->disk_bytes : TakenBy(path);
    if (!layer.ok()) fact.error = layer.error().message();
  }
}

}  // namespace

void ReadFiles(const Places& places, Things& out) {
  const std::string& state = places.state_dir;
  const image::Paths images{state, ""};
  // Beside the runtime's: what `keelson up` keeps, and what a file system of its own has.
  TakeOthers(state,
             {"pods", "containers", "trash", "quarantine", "empty", "images", "layers", "network",
              "master", "node", "daemon-logs", "node.json", "lost+found"},
             out);
  Take(state + "/trash", out.temporary);
  Take(state + "/quarantine", out.quarantine);
  for (const os::DirEntry& entry : List(state + "/pods")) {
    const std::string path = state + "/pods/" + entry.name;
    if (entry.type != DT_DIR) {
      out.strangers[path] = TakenBy(path);
      continue;
    }
    TakeOthers(path, {"record", "hostname", "hosts", "resolv.conf"}, out);
  }
  for (const os::DirEntry& entry : List(state + "/containers")) {
    const std::string path = state + "/containers/" + entry.name;
    if (entry.name.starts_with('.')) {
      out.temporary[path] = TakenBy(path);  // a container that is being made
    } else if (entry.type != DT_DIR) {
      out.strangers[path] = TakenBy(path);
    } else {
      TakeOthers(path, {"record", "diff", "work", "seccomp", "cdi"}, out);
    }
  }
  TakeOthers(images.Images(), {"images", "names", "quarantine", "blobs", "import"}, out);
  Take(images.Images() + "/quarantine", out.quarantine);
  Take(images.Import(), out.temporary);
  for (const char* folder : {"/images", "/names"}) {
    for (const os::DirEntry& entry : List(images.Images() + folder)) {
      const std::string path = images.Images() + folder + "/" + entry.name;
      if (!entry.name.ends_with(".rec")) out.temporary[path] = TakenBy(path);
    }
  }
  ReadBlobs(images.Blobs(), out);
  TakeOthers(images.Layers(), {"sha256", "staging", "trash"}, out);
  Take(images.Layers() + "/staging", out.temporary);
  Take(images.Layers() + "/trash", out.temporary);
  ReadLayers(images.Layers(), out);
  for (const os::DirEntry& entry : List(state + "/network")) {
    const std::string path = state + "/network/" + entry.name;
    if (IsHalfWritten(entry.name)) {
      out.temporary[path] = TakenBy(path);
    } else if (entry.name.ends_with(".bad")) {
      out.quarantine[path] = TakenBy(path);
    } else if (IsOneOf(entry.name, {"addresses", "hostports", "subnet"})) {
      out.fixed[path] = TakenBy(path);
    } else if (entry.name != "cni") {
      out.strangers[path] = TakenBy(path);
    }
  }
  Take(places.run_dir + "/pods", out.run_dirs);
  for (const os::DirEntry& entry : List(places.run_dir)) {
    const std::string path = places.run_dir + "/" + entry.name;
    if (entry.type != DT_DIR) out.fixed[path] = TakenBy(path);
  }
}

}  // namespace keelson::inventory
