// SPDX-License-Identifier: Apache-2.0
#include "tests/master/fleet.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "minimal-master/control/objects.h"
#include "minimal-master/control/times.h"
#include "minimal-master/control/write.h"
#include "minimal-master/storage/storage.h"

namespace keelson::golden {
namespace {

using control::Create;
using control::Delete;
using control::MergePatch;
using control::ResourceNamed;
using json::Value;

constexpr char kName[] = "test-kubelets";
constexpr char kLeases[] = "kube-node-lease";
constexpr size_t kThreads = 4;
constexpr size_t kZones = 7;

Value Yaml(const std::string& text) {
  base::Result<Value> value = json::ParseYaml(text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *std::move(value) : Value();
}

Fleet::Pod Read(const Value& pod) {
  Fleet::Pod out;
  out.app = pod.At({"metadata", "labels", "app"}).AsString();
  const auto& containers = pod.At({"spec", "containers"}).items();
  if (!containers.empty()) out.image = containers[0].At({"image"}).AsString();
  out.node = pod.At({"spec", "nodeName"}).AsString();
  out.leaving = control::IsBeingDeleted(pod);
  for (const Value& condition : pod.At({"status", "conditions"}).items()) {
    if (condition.At({"type"}).AsString() == "Ready")
      out.ready = condition.At({"status"}).AsString() == "True";
  }
  return out;
}

}  // namespace

void Fleet::Each(size_t count, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(kThreads, count); ++i) {
    threads.emplace_back([&] {
      for (size_t at = next++; at < count; at = next++) work(at);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::string Fleet::NameOf(size_t index) { return fmt::format("node-{}", index); }

void Fleet::Join(size_t nodes) {
  nodes_ = nodes;
  const std::string now = control::TimeText(server_.clock().WallNanos());
  const std::string exactly = control::MicroTimeText(server_.clock().WallNanos());
  Each(nodes, [&](size_t i) {
    const std::string name = NameOf(i);
    const auto made = server_.client().Do(
        kName,
        Create(
            ResourceNamed("", "nodes"), "",
            Yaml(fmt::format(
                "{{apiVersion: v1, kind: Node, metadata: {{name: {0}, labels: "
                "{{kubernetes.io/hostname: {0}, topology.kubernetes.io/zone: z{1}}}}}, status: "
                "{{allocatable: {{cpu: 8, memory: 32Gi, pods: 110}}, conditions: [{{type: Ready, "
                "status: 'True', reason: KubeletReady, lastHeartbeatTime: '{2}', "
                "lastTransitionTime: '{2}'}}]}}}}",
                name, i % kZones, now))));
    EXPECT_TRUE(made.ok()) << name;
    const auto lease = server_.client().Do(
        kName,
        Create(ResourceNamed("coordination.k8s.io", "leases"), kLeases,
               Yaml(fmt::format("{{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: "
                                "{{name: {0}, namespace: {1}}}, spec: {{holderIdentity: {0}, "
                                "leaseDurationSeconds: 40, renewTime: '{2}'}}}}",
                                name, kLeases, exactly))));
    EXPECT_TRUE(lease.ok()) << name;
  });
}

void Fleet::Renew() {
  const std::string now = control::MicroTimeText(server_.clock().WallNanos());
  Each(nodes_, [&](size_t i) {
    if (IsDead(NameOf(i))) return;
    const auto done = server_.client().Do(
        kName, MergePatch(ResourceNamed("coordination.k8s.io", "leases"), kLeases, NameOf(i),
                          Yaml("{spec: {renewTime: '" + now + "'}}")));
    EXPECT_TRUE(done.ok()) << NameOf(i);
  });
}

size_t Fleet::Serve() {
  const schema::Resource& resource = ResourceNamed("", "pods");
  const watch::Snapshot now_is = server_.server().engine().cache().Current();
  const watch::Snapshot before = std::exchange(seen_, now_is);
  std::vector<watch::ObjectPtr> run;
  std::vector<watch::ObjectPtr> end;
  size_t changes = 0;
  now_is.ForEachChange(before, storage::KeyPrefix("", "pods"),
                       [&](const watch::ObjectPtr& old, const watch::ObjectPtr& object) {
                         ++changes;
                         if (!object) {
                           pods_.erase(std::string(old->key()));
                           return;
                         }
                         const Pod& pod = pods_[std::string(object->key())] =
                             Read(control::Parse(*object));
                         if (pod.node.empty() || IsDead(pod.node)) return;
                         if (pod.leaving) {
                           end.push_back(object);
                         } else if (!pod.ready) {
                           run.push_back(object);
                         }
                       });
  const std::string time = control::TimeText(server_.clock().WallNanos());
  const Value status = Yaml(fmt::format(
      "{{status: {{phase: Running, startTime: '{0}', conditions: [{{type: PodScheduled, status: "
      "'True', lastTransitionTime: '{0}'}}, {{type: Ready, status: 'True', lastTransitionTime: "
      "'{0}'}}]}}}}",
      time));
  Each(run.size(), [&](size_t i) {
    // It may be gone by now.
    (void)server_.client().Do(kName,
                              MergePatch(resource, run[i]->ns(), run[i]->name(), status, "status"));
  });
  Each(end.size(), [&](size_t i) {
    control::Write write = Delete(resource, end[i]->ns(), end[i]->name(), end[i]->uid());
    write.body.Set("gracePeriodSeconds", Value(0));
    (void)server_.client().Do(kName, write);
  });
  return changes;
}

}  // namespace keelson::golden
