// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <sys/stat.h>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"
#include "lib/os/files.h"
#include "runtime/cni/record.h"
#include "runtime/image/paths.h"
#include "runtime/image/records.h"
#include "runtime/inventory/count.h"
#include "runtime/inventory/observe.h"
#include "runtime/network/host_ports.h"
#include "runtime/network/subnets.h"

namespace keelson::inventory {

using base::Result;
using base::Status;

namespace {

constexpr size_t kMostOfARecord = 64u << 20;

std::vector<os::DirEntry> List(const std::string& directory) {
  return os::ListDir(directory).ValueOr({});
}

PodFact ReadPod(const Places& places, const std::string& id) {
  const std::string path = places.state_dir + "/pods/" + id;
  PodFact pod;
  pod.bytes = TakenBy(path);
  const Result<std::string> bytes = os::ReadFile(path + "/record", kMostOfARecord);
  if (!bytes.ok()) {
    pod.error = bytes.error().code() == base::Code::kNotFound ? kNoRecord : bytes.error().message();
    return pod;
  }
  const Result<container::SandboxRecord> record = container::DecodeSandboxRecord(*bytes);
  cri::PodSandboxConfig config;
  if (!record.ok()) {
    pod.error = record.error().message();
  } else if (record->id != id) {
    pod.error = "the record names another pod";
  } else if (!config.ParseFromString(record->config)) {
    pod.error = "the pod's configuration is malformed";
  }
  if (!pod.error.empty()) return pod;
  pod.state = record->state;
  pod.uid = config.metadata().uid();
  pod.name_space = config.metadata().namespace_();
  pod.name = config.metadata().name();
  pod.host_network = config.linux().security_context().namespace_options().network() == cri::NODE;
  pod.this_boot = record->boot_id == places.boot_id;
  pod.cgroup_parent = config.linux().cgroup_parent();
  return pod;
}

ContainerFact ReadContainer(const Places& places, const std::string& id) {
  const std::string path = places.state_dir + "/containers/" + id;
  ContainerFact fact;
  fact.bytes = TakenBy(path);
  const Result<std::string> bytes = os::ReadFile(path + "/record", kMostOfARecord);
  if (!bytes.ok()) {
    fact.error =
        bytes.error().code() == base::Code::kNotFound ? kNoRecord : bytes.error().message();
    return fact;
  }
  const Result<container::ContainerRecord> record = container::DecodeContainerRecord(*bytes);
  cri::ContainerConfig config;
  if (!record.ok()) {
    fact.error = record.error().message();
  } else if (record->id != id) {
    fact.error = "the record names another container";
  } else if (!config.ParseFromString(record->config)) {
    fact.error = "the configuration is malformed";
  }
  if (!fact.error.empty()) return fact;
  fact.state = record->state;
  fact.sandbox_id = record->sandbox_id;
  fact.name = config.metadata().name();
  fact.images = record->volume_images;
  fact.images.push_back(record->image_id);
  fact.cgroup_path = record->cgroup_path;
  return fact;
}

// Decodes the file into `record`; the error, or nothing.
template <typename Record>
std::string Load(const std::string& path, Record& record) {
  const Status done = [&]() -> Status {
    ASSIGN_OR_RETURN(const std::string bytes, os::ReadFile(path, 1u << 20));
    return image::Decode(bytes, &record);
  }();
  return done.ok() ? "" : done.error().message();
}

void ReadImages(const image::Paths& paths, Records& out) {
  // A name is written after its image, and goes before it.
  const std::string names = paths.Images() + "/names/";
  for (const os::DirEntry& entry : List(names)) {
    if (!entry.name.ends_with(".rec")) continue;
    image::NameRecord record;
    NameFact& fact = out.names[entry.name];
    fact.error = Load(names + entry.name, record);
    fact.name = record.name;
    fact.image_id = record.image_id;
    fact.bytes = TakenBy(names + entry.name);
  }
  const std::string images = paths.Images() + "/images/";
  for (const os::DirEntry& entry : List(images)) {
    if (!entry.name.ends_with(".rec")) continue;
    image::ImageRecord record;
    const std::string id = "sha256:" + entry.name.substr(0, entry.name.size() - 4);
    ImageFact& fact = out.images[id];
    fact.error = Load(images + entry.name, record);
    if (fact.error.empty() && record.id != id) fact.error = "it names another image";
    fact.manifest = record.manifest;
    fact.layers = record.layers;
    fact.bytes = TakenBy(images + entry.name);
  }
}

void ReadNetwork(const std::string& directory, Records& out) {
  const auto read = [&](const char* name, const std::function<Status(const std::string&)>& take) {
    const std::string path = directory + "/" + name;
    const Result<std::string> bytes = os::ReadFile(path, kMostOfARecord);
    if (!bytes.ok() && bytes.error().code() == base::Code::kNotFound) return;
    const Status taken = bytes.ok() ? take(*bytes) : Status(bytes.error());
    if (!taken.ok()) out.errors[path] = taken.error().message();
  };
  read("addresses", [&](const std::string& bytes) -> Status {
    ASSIGN_OR_RETURN(const network::Allocations given, network::DecodeAllocations(bytes));
    for (const auto& [id, address] : given.owners)
      out.addresses[id] = network::FormatAddress(address);
    return base::Ok();
  });
  read("hostports", [&](const std::string& bytes) -> Status {
    ASSIGN_OR_RETURN(const network::HostPortTable table, network::DecodeHostPorts(bytes));
    for (const auto& [id, held] : table) {
      for (const std::string& address : {held.address4, held.address6}) {
        if (!address.empty()) out.host_ports[id].push_back(address);
      }
      (void)out.host_ports[id];
    }
    return base::Ok();
  });
  for (const os::DirEntry& entry : List(directory + "/cni")) {
    if (entry.type != DT_REG || entry.name.find('.') != std::string::npos) continue;
    const Result<std::string> bytes = os::ReadFile(directory + "/cni/" + entry.name);
    if (!bytes.ok() && bytes.error().code() == base::Code::kNotFound) continue;
    const Status read_well = [&]() -> Status {
      if (!bytes.ok()) return bytes.error();
      const Result<cni::Record> record = cni::DecodeRecord(*bytes);
      return record.ok() ? base::Ok() : Status(record.error());
    }();
    out.plugins[entry.name] = read_well.ok() ? "" : read_well.error().message();
  }
}

}  // namespace

// Each kind before the one that it speaks of: what is written in between is then known.
Records ReadRecords(const Places& places) {
  Records out;
  ReadNetwork(places.state_dir + "/network", out);
  for (const os::DirEntry& entry : List(places.state_dir + "/containers")) {
    if (entry.type == DT_DIR && !entry.name.starts_with('.'))
      out.containers[entry.name] = ReadContainer(places, entry.name);
  }
  ReadImages({places.state_dir, ""}, out);
  for (const os::DirEntry& entry : List(places.state_dir + "/pods")) {
    if (entry.type == DT_DIR) out.pods[entry.name] = ReadPod(places, entry.name);
  }
  return out;
}

Result<Facts> Observe(const Places& places, bool daemon_runs) {
  Facts facts{.state_dir = places.state_dir,
              .run_dir = places.run_dir,
              .bridge = places.bridge,
              .runs = daemon_runs};
  facts.before = ReadRecords(places);
  RETURN_IF_ERROR(ReadThings(places, facts));
  facts.after = ReadRecords(places);
  return facts;
}

}  // namespace keelson::inventory
