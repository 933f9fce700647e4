// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/convert.h"

#include <gtest/gtest.h>

#include "cri-api/cri.h"
#include "cri-api/stats.pb.h"

namespace keelson::stats {
namespace {

ContainerTargetPtr TargetOf(const std::string& id) {
  auto target = std::make_shared<ContainerTarget>();
  target->id = id;
  cri::ContainerStats attributes;
  attributes.mutable_attributes()->set_id(id);
  (*attributes.mutable_attributes()->mutable_labels())["app"] = "web";
  target->attributes = attributes.SerializeAsString();
  return target;
}

ContainerSample SampleOf(const std::string& id) {
  ContainerSample sample;
  sample.target = TargetOf(id);
  cgroup::Usage& usage = sample.usage.emplace();
  usage.read_at = 1234;
  usage.processes = 3;
  usage.cpu.emplace().total_ns = 7'000;
  cgroup::MemoryUsage& memory = usage.memory.emplace();
  memory.usage = 1000;
  memory.inactive_file = 300;
  memory.anonymous = 500;
  memory.page_faults = 20;
  memory.major_page_faults = 2;
  return sample;
}

cri::ContainerStats Container(const ContainerSample& sample) {
  cri::ContainerStats stats;
  EXPECT_TRUE(stats.ParseFromString(ContainerMessage(sample, "/state")));
  return stats;
}

TEST(ContainerStats, JoinAttributesAndFigures) {
  ContainerSample sample = SampleOf("c1");
  sample.nano_cores = 42;
  sample.disk = DiskUsage{4096, 2, 77, true};
  const cri::ContainerStats stats = Container(sample);
  EXPECT_EQ(stats.attributes().id(), "c1");
  EXPECT_EQ(stats.attributes().labels().at("app"), "web");
  EXPECT_EQ(stats.cpu().timestamp(), 1234);
  EXPECT_EQ(stats.cpu().usage_core_nano_seconds().value(), 7000u);
  EXPECT_EQ(stats.cpu().usage_nano_cores().value(), 42u);
  EXPECT_EQ(stats.memory().working_set_bytes().value(), 700u) << "usage without inactive files";
  EXPECT_EQ(stats.memory().usage_bytes().value(), 1000u);
  EXPECT_EQ(stats.memory().rss_bytes().value(), 500u);
  EXPECT_EQ(stats.memory().page_faults().value(), 20u);
  EXPECT_EQ(stats.memory().major_page_faults().value(), 2u);
  EXPECT_FALSE(stats.memory().has_available_bytes()) << "no limit";
  EXPECT_EQ(stats.writable_layer().fs_id().mountpoint(), "/state");
  EXPECT_EQ(stats.writable_layer().used_bytes().value(), 4096u);
  EXPECT_EQ(stats.writable_layer().inodes_used().value(), 2u);
  EXPECT_EQ(stats.writable_layer().timestamp(), 77);
}

TEST(ContainerStats, SayNothingOfWhatIsNotMeasured) {
  const cri::ContainerStats stats = Container(SampleOf("c1"));
  EXPECT_FALSE(stats.cpu().has_usage_nano_cores()) << "one reading is no rate";
  EXPECT_FALSE(stats.cpu().has_psi());
  EXPECT_FALSE(stats.memory().has_psi());
  EXPECT_FALSE(stats.has_io());
  EXPECT_FALSE(stats.has_swap());
  EXPECT_FALSE(stats.has_writable_layer());
  ContainerSample gone;
  gone.target = TargetOf("c2");
  const cri::ContainerStats nothing = Container(gone);
  EXPECT_EQ(nothing.attributes().id(), "c2");
  EXPECT_FALSE(nothing.has_cpu() || nothing.has_memory());
}

TEST(ContainerStats, HaveSwapAndWhatIsLeftOfLimits) {
  ContainerSample sample = SampleOf("c1");
  sample.usage->memory->limit = 5000;
  sample.usage->memory->swap = 100;
  sample.usage->memory->swap_limit = 250;
  const cri::ContainerStats stats = Container(sample);
  EXPECT_EQ(stats.memory().available_bytes().value(), 4300u);
  EXPECT_EQ(stats.swap().swap_usage_bytes().value(), 100u);
  EXPECT_EQ(stats.swap().swap_available_bytes().value(), 150u);
  sample.usage->memory->limit = 10;
  EXPECT_EQ(Container(sample).memory().available_bytes().value(), 0u);
}

TEST(ContainerStats, HavePressureInNanoseconds) {
  ContainerSample sample = SampleOf("c1");
  sample.usage->cpu_pressure = cgroup::Pressure{{1.5, 0.5, 0.25, 7}, {0, 0, 0, 3}};
  sample.usage->memory_pressure = cgroup::Pressure{};
  sample.usage->io_pressure = cgroup::Pressure{{0, 0, 0, 9}, {}};
  const cri::ContainerStats stats = Container(sample);
  EXPECT_EQ(stats.cpu().psi().some().total(), 7000u);
  EXPECT_DOUBLE_EQ(stats.cpu().psi().some().avg10(), 1.5);
  EXPECT_EQ(stats.cpu().psi().full().total(), 3000u);
  EXPECT_TRUE(stats.memory().has_psi());
  EXPECT_EQ(stats.io().psi().some().total(), 9000u);
  EXPECT_EQ(stats.io().timestamp(), 1234);
}

PodSample PodOf(std::vector<ContainerSample> containers) {
  PodSample pod;
  auto target = std::make_shared<PodTarget>();
  target->id = "p1";
  cri::PodSandboxStats attributes;
  attributes.mutable_attributes()->set_id("p1");
  target->attributes = attributes.SerializeAsString();
  pod.target = target;
  for (ContainerSample& sample : containers) {
    sample.message = ContainerMessage(sample, "/state");
    pod.containers.push_back(std::make_shared<ContainerSample>(std::move(sample)));
  }
  return pod;
}

cri::PodSandboxStats Pod(const PodSample& sample) {
  cri::PodSandboxStats stats;
  EXPECT_TRUE(stats.ParseFromString(PodMessage(sample)));
  return stats;
}

TEST(PodSandboxStats, AreThoseOfThePodsOwnGroup) {
  PodSample pod = PodOf({SampleOf("c1"), SampleOf("c2")});
  pod.usage = SampleOf("x").usage;
  pod.usage->cpu->total_ns = 99'000;
  pod.nano_cores = 5;
  const cri::PodSandboxStats stats = Pod(pod);
  EXPECT_EQ(stats.attributes().id(), "p1");
  EXPECT_EQ(stats.linux().cpu().usage_core_nano_seconds().value(), 99'000u);
  EXPECT_EQ(stats.linux().cpu().usage_nano_cores().value(), 5u);
  EXPECT_EQ(stats.linux().process().process_count().value(), 6u);
  ASSERT_EQ(stats.linux().containers_size(), 2);
  EXPECT_EQ(stats.linux().containers(1).attributes().id(), "c2");
}

TEST(PodSandboxStats, AreTheSumOfTheContainersWhereTheGroupIsNotThePodsAlone) {
  ContainerSample first = SampleOf("c1"), second = SampleOf("c2"), gone;
  first.nano_cores = 10;
  second.nano_cores = 20;
  gone.target = TargetOf("c3");
  const cri::PodSandboxStats stats = Pod(PodOf({first, second, gone}));
  EXPECT_EQ(stats.linux().cpu().usage_core_nano_seconds().value(), 14'000u);
  EXPECT_EQ(stats.linux().cpu().usage_nano_cores().value(), 30u);
  EXPECT_EQ(stats.linux().memory().working_set_bytes().value(), 1400u);
  EXPECT_EQ(stats.linux().containers_size(), 3);
}

TEST(PodSandboxStats, HaveEth0AsTheDefaultInterfaceAndTheOthersBesides) {
  PodSample pod = PodOf({});
  pod.links = {{"eth0", 1, 2, 3, 4, 5, 6, 7, 8}, {"net1", 10, 0, 0, 0, 50, 0, 0, 0}};
  pod.links_at = 88;
  const cri::PodSandboxStats stats = Pod(pod);
  EXPECT_EQ(stats.linux().network().timestamp(), 88);
  EXPECT_EQ(stats.linux().network().default_interface().name(), "eth0");
  EXPECT_EQ(stats.linux().network().default_interface().rx_bytes().value(), 1u);
  EXPECT_EQ(stats.linux().network().default_interface().rx_errors().value(), 3u);
  EXPECT_EQ(stats.linux().network().default_interface().tx_bytes().value(), 5u);
  EXPECT_EQ(stats.linux().network().default_interface().tx_errors().value(), 7u);
  ASSERT_EQ(stats.linux().network().interfaces_size(), 1);
  EXPECT_EQ(stats.linux().network().interfaces(0).name(), "net1");
  EXPECT_FALSE(Pod(PodOf({})).linux().has_network()) << "of the host's network nothing is said";
}

}  // namespace
}  // namespace keelson::stats
