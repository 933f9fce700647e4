// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/metrics.h"

#include <google/protobuf/arena.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string_view>

#include "cri-api/cri.h"
#include "cri-api/metrics.pb.h"
#include "runtime/stats/metric_families.h"

namespace keelson::stats {

namespace {

constexpr const char* kBaseLabels[] = {"container", "id", "image", "name", "namespace", "pod"};

template <typename Metrics>
void Fill(const std::vector<Family>& families, const std::vector<std::string_view>& base,
          int64_t timestamp, Subject subject, Metrics& metrics) {
  for (const Family& family : families) {
    subject.emit = [&](const std::vector<std::string_view>& own, uint64_t value) {
      cri::Metric& metric = *metrics.Add();
      metric.set_name(family.name);
      metric.set_timestamp(timestamp);
      metric.set_metric_type(family.counter ? cri::COUNTER : cri::GAUGE);
      for (const std::string_view label : base) metric.add_label_values(label.data(), label.size());
      for (const std::string_view label : own) metric.add_label_values(label.data(), label.size());
      metric.mutable_value()->set_value(value);
    };
    family.values(subject);
  }
}

std::string DeviceName(uint32_t major, uint32_t minor) {
  const std::string link = "/sys/dev/block/" + std::to_string(major) + ":" + std::to_string(minor);
  char target[512];
  const ssize_t length = readlink(link.c_str(), target, sizeof target);
  if (length <= 0) return "";
  const std::string_view path(target, static_cast<size_t>(length));
  return "/dev/" + std::string(path.substr(path.find_last_of('/') + 1));
}

}  // namespace

Machine DescribeMachine(const std::string& filesystem, const Snapshot& snapshot) {
  Machine machine;
  for (const ContainerSamplePtr& sample : snapshot.containers) {
    if (!sample->usage) continue;
    for (const cgroup::DeviceIo& io : sample->usage->io) {
      const auto [at, added] = machine.devices.try_emplace({io.major, io.minor});
      if (added) at->second = DeviceName(io.major, io.minor);
    }
  }
  struct stat info{};
  if (stat(filesystem.c_str(), &info) == 0)
    machine.filesystem_device = DeviceName(major(info.st_dev), minor(info.st_dev));
  struct statvfs space{};
  if (statvfs(filesystem.c_str(), &space) == 0) {
    machine.filesystem_bytes = static_cast<uint64_t>(space.f_blocks) * space.f_frsize;
    machine.filesystem_inodes = space.f_files;
    machine.filesystem_inodes_free = space.f_ffree;
  }
  return machine;
}

const std::string& DescriptorsMessage() {
  static const std::string message = [] {
    cri::ListMetricDescriptorsResponse response;
    for (const std::vector<Family>* families : {&ContainerFamilies(), &PodFamilies()}) {
      for (const Family& family : *families) {
        cri::MetricDescriptor& descriptor = *response.add_descriptors();
        descriptor.set_name(family.name);
        descriptor.set_help(family.help);
        for (const char* label : kBaseLabels) descriptor.add_label_keys(label);
        for (const char* label : family.labels) descriptor.add_label_keys(label);
      }
    }
    return response.SerializeAsString();
  }();
  return message;
}

std::string MetricsMessage(const PodSample& pod, const Machine& machine) {
  google::protobuf::Arena arena;
  auto& out = *google::protobuf::Arena::CreateMessage<cri::PodSandboxMetrics>(&arena);
  out.set_pod_sandbox_id(pod.target->id);
  Subject subject;
  subject.machine = &machine;
  subject.pod = &pod;
  const Names& names = pod.target->names;
  if (pod.links_at != 0) {
    Fill(PodFamilies(),
         {"", pod.target->cgroup_path, "", pod.target->id, names.pod_namespace, names.pod},
         pod.links_at, subject, *out.mutable_metrics());
  }
  for (const ContainerSamplePtr& container : pod.containers) {
    if (!container->usage) continue;  // ended meanwhile
    const ContainerTarget& target = *container->target;
    cri::ContainerMetrics& metrics = *out.add_container_metrics();
    metrics.set_container_id(target.id);
    subject.container = container.get();
    Fill(ContainerFamilies(),
         {target.names.container, target.cgroup_path, target.names.image, target.id,
          target.names.pod_namespace, target.names.pod},
         container->usage->read_at, subject, *metrics.mutable_metrics());
  }
  return out.SerializeAsString();
}

}  // namespace keelson::stats
