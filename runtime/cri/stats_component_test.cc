// SPDX-License-Identifier: Apache-2.0
// What real pods use, asked over the CRI's socket: stats, metrics and the lists that are streams.
#include <grpcpp/grpcpp.h>

#include <set>

#include "cri-api/metrics.pb.h"
#include "cri-api/service.grpc.pb.h"
#include "cri-api/stats.pb.h"
#include "lib/rpc/channel.h"
#include "runtime/cri/service.h"
#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

class StatsTest : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    if (!runtime_) return;
    service_ = std::move(Service::Serve(*runtime_, *images_, clock_, run_ + "/cri.sock")).value();
    const auto channel = rpc::ConnectUnix(run_ + "/cri.sock");
    stub_ = cri::RuntimeService::NewStub(channel);
    images_stub_ = cri::ImageService::NewStub(channel);
  }
  void TearDown() override {
    service_.reset();
    if (os::Exists(run_ + "/cri.sock")) (void)unlink((run_ + "/cri.sock").c_str());
    RuntimeTest::TearDown();
  }
  template <typename Method, typename Request, typename Response>
  grpc::Status Call(Method method, const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    return (stub_.get()->*method)(&context, request, &response);
  }
  cri::ContainerStats StatsOf(const std::string& id) {
    cri::ContainerStatsRequest request;
    request.set_container_id(id);
    cri::ContainerStatsResponse response;
    const grpc::Status status = Call(&cri::RuntimeService::Stub::ContainerStats, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.stats();
  }
  cri::PodSandboxStats PodStatsOf(const std::string& id) {
    cri::PodSandboxStatsRequest request;
    request.set_pod_sandbox_id(id);
    cri::PodSandboxStatsResponse response;
    const grpc::Status status =
        Call(&cri::RuntimeService::Stub::PodSandboxStats, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.stats();
  }
  std::vector<std::string> ListedStats(const cri::ContainerStatsFilter& filter = {}) {
    cri::ListContainerStatsRequest request;
    *request.mutable_filter() = filter;
    cri::ListContainerStatsResponse response;
    const grpc::Status status =
        Call(&cri::RuntimeService::Stub::ListContainerStats, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> ids;
    for (const cri::ContainerStats& stats : response.stats()) {
      EXPECT_GT(stats.cpu().timestamp(), 0);
      EXPECT_GT(stats.memory().timestamp(), 0);
      ids.push_back(stats.attributes().id());
    }
    return ids;
  }
  // Every item of a stream, in order; no batch may be empty.
  template <typename Response, typename Method, typename Request, typename Items>
  auto ReadAll(Method method, const Request& request, Items items, int* batches = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto reader = (stub_.get()->*method)(&context, request);
    std::vector<std::string> ids;
    Response response;
    while (reader->Read(&response)) {
      EXPECT_GT(items(response).size(), 0);
      if (batches != nullptr) ++*batches;
      for (const auto& item : items(response)) ids.push_back(item);
    }
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return ids;
  }
  cri::ContainerConfig Sleeper(const std::string& name) { return Script(name, "sleep 1000"); }

  std::unique_ptr<Service> service_;
  std::unique_ptr<cri::RuntimeService::Stub> stub_;
  std::unique_ptr<cri::ImageService::Stub> images_stub_;
};

template <typename Repeated, typename Id>
std::vector<std::string> Ids(const Repeated& items, Id id) {
  std::vector<std::string> out;
  for (const auto& item : items) out.push_back(id(item));
  return out;
}

TEST_F(StatsTest, ContainerStats_OfABusyContainerShowsProcessorMemoryAndItsOwnLayer) {
  const std::string pod = Start("p");
  cri::ContainerConfig config =
      Script("c", "/bin/busybox head -c 300000 /dev/zero > /tmp.file; while true; do :; done");
  (*config.mutable_labels())["app"] = "web";
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(64 << 20);
  const std::string id = Run(pod, config);
  cri::ContainerStats stats = StatsOf(id);
  EXPECT_EQ(stats.attributes().id(), id);
  EXPECT_EQ(stats.attributes().metadata().name(), "c");
  EXPECT_EQ(stats.attributes().labels().at("app"), "web");
  EXPECT_GT(stats.cpu().timestamp(), 0);
  EXPECT_GT(stats.memory().timestamp(), 0);
  EXPECT_TRUE(Eventually([&] {
    stats = StatsOf(id);
    return stats.cpu().usage_nano_cores().value() > 0 && stats.has_writable_layer() &&
           stats.writable_layer().used_bytes().value() > 300'000;
  })) << stats.ShortDebugString();
  EXPECT_GT(stats.cpu().usage_core_nano_seconds().value(), 0u);
  EXPECT_GT(stats.memory().usage_bytes().value(), 0u);
  EXPECT_LE(stats.memory().working_set_bytes().value(), stats.memory().usage_bytes().value());
  EXPECT_EQ(stats.memory().available_bytes().value() + stats.memory().working_set_bytes().value(),
            uint64_t{64} << 20);
  EXPECT_GT(stats.memory().page_faults().value(), 0u);
  EXPECT_GE(stats.writable_layer().inodes_used().value(), 2u);
  EXPECT_EQ(stats.writable_layer().fs_id().mountpoint(), dir_.path());
}

TEST_F(StatsTest, ContainerStats_OfNoneIsAnErrorAndOfAnEndedOneSaysWhoItIs) {
  cri::ContainerStatsRequest request;
  request.set_container_id("none");
  cri::ContainerStatsResponse response;
  EXPECT_EQ(Call(&cri::RuntimeService::Stub::ContainerStats, request, response).error_code(),
            grpc::NOT_FOUND);
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", "true"));
  (void)WaitForExit(id);
  const cri::ContainerStats stats = StatsOf(id);
  EXPECT_EQ(stats.attributes().id(), id);
  EXPECT_FALSE(stats.has_cpu());
}

TEST_F(StatsTest, ContainerStats_HavePressureWhereTheKernelMeasuresIt) {
  if (!os::ReadFile("/proc/pressure/cpu").ok()) GTEST_SKIP() << "PSI is off";
  const std::string pod = Start("p");
  const cri::ContainerStats stats = StatsOf(Run(pod, Sleeper("c")));
  EXPECT_TRUE(stats.cpu().has_psi());
  EXPECT_TRUE(stats.memory().has_psi());
  EXPECT_TRUE(stats.io().has_psi());
  EXPECT_TRUE(PodStatsOf(pod).linux().cpu().has_psi());
  EXPECT_TRUE(PodStatsOf(pod).linux().io().has_psi());
}

TEST_F(StatsTest, ListContainerStats_HasThoseThatRunAlsoOneJustStarted) {
  const std::string pod = Start("p");
  const std::string first = Run(pod, Sleeper("first"));
  EXPECT_THAT(ListedStats(), ElementsAre(first));
  EXPECT_TRUE(runtime_->CreateContainer(pod, Sleeper("created")).ok());
  EXPECT_THAT(ListedStats(), ElementsAre(first));
  const std::string second = Run(pod, Sleeper("second"));
  EXPECT_THAT(ListedStats(), UnorderedElementsAre(first, second));
  ASSERT_TRUE(runtime_->StopContainer(first, std::chrono::seconds(0)).ok());
  EXPECT_THAT(ListedStats(), ElementsAre(second));
}

TEST_F(StatsTest, ListContainerStats_FiltersByIdPodAndLabels) {
  const std::string pod = Start("p"), other = Start("q");
  cri::ContainerConfig config = Sleeper("a");
  (*config.mutable_labels())["app"] = "web";
  const std::string a = Run(pod, config), b = Run(pod, Sleeper("b")), c = Run(other, Sleeper("c"));
  cri::ContainerStatsFilter filter;
  filter.set_id(b);
  EXPECT_THAT(ListedStats(filter), ElementsAre(b));
  filter.clear_id();
  filter.set_pod_sandbox_id(other);
  EXPECT_THAT(ListedStats(filter), ElementsAre(c));
  filter.clear_pod_sandbox_id();
  (*filter.mutable_label_selector())["app"] = "web";
  EXPECT_THAT(ListedStats(filter), ElementsAre(a));
  (*filter.mutable_label_selector())["app"] = "db";
  EXPECT_TRUE(ListedStats(filter).empty());
}

TEST_F(StatsTest, ListPodSandboxStats_OnePodWithAVanishedCgroupDoesNotFailTheOthers) {
  (void)Start("bad");
  const std::string good = Start("good");
  const std::string running = Run(good, Sleeper("c"));
  // Its log process may come back, once or twice, before the group can go.
  const cgroup::Group group(runtime_->cgroups(), parent_ + "/bad");
  const bool gone = Eventually([&] { return group.Remove(std::chrono::milliseconds(300)).ok(); });
  cri::ListPodSandboxStatsResponse response;
  const grpc::Status status = Call(&cri::RuntimeService::Stub::ListPodSandboxStats,
                                   cri::ListPodSandboxStatsRequest(), response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.stats_size(), 2);
  for (const cri::PodSandboxStats& stats : response.stats()) {
    EXPECT_EQ(stats.linux().has_cpu(), stats.attributes().id() == good || !gone);
    EXPECT_TRUE(stats.linux().has_network()) << "what can be measured is";
  }
  EXPECT_THAT(ListedStats(), ElementsAre(running));
}

TEST_F(StatsTest, PodSandboxStats_SeeANetworkTransferFromThePodsSide) {
  constexpr uint64_t kBytes = 500'000;
  const std::string sender = Start("sender"), receiver = Start("receiver");
  const std::string address = runtime_->GetSandbox(receiver)->record.addresses.at(0);
  (void)Run(receiver, Script("r", "sleep 1000 | nc -l -p 9000 > /dev/null"));
  (void)Run(sender, Script("s", "until /bin/busybox head -c 500000 /dev/zero | nc " + address +
                                    " 9000; do sleep 0.1; done; sleep 1000"));
  cri::PodSandboxStats from, to;
  EXPECT_TRUE(Eventually([&] {
    from = PodStatsOf(sender);
    to = PodStatsOf(receiver);
    return to.linux().network().default_interface().rx_bytes().value() > kBytes &&
           from.linux().network().default_interface().tx_bytes().value() > kBytes;
  })) << from.ShortDebugString()
      << to.ShortDebugString();
  EXPECT_EQ(from.linux().network().default_interface().name(), "eth0");
  EXPECT_LT(from.linux().network().default_interface().rx_bytes().value(), kBytes);
  EXPECT_LT(to.linux().network().default_interface().tx_bytes().value(), kBytes);
}

TEST_F(StatsTest, PodSandboxStats_AreOfThePodsGroupWithItsContainersAndARate) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Script("c", "while true; do :; done"));
  cri::PodSandboxStats stats;
  EXPECT_TRUE(Eventually([&] {
    stats = PodStatsOf(pod);
    return stats.linux().cpu().usage_nano_cores().value() > 0;
  }));
  EXPECT_EQ(stats.attributes().id(), pod);
  EXPECT_EQ(stats.attributes().metadata().namespace_(), "default");
  ASSERT_EQ(stats.linux().containers_size(), 1);
  EXPECT_EQ(stats.linux().containers(0).attributes().id(), id);
  EXPECT_GE(stats.linux().memory().usage_bytes().value(),
            stats.linux().containers(0).memory().rss_bytes().value());
  EXPECT_EQ(stats.linux().process().process_count().value(), 1u);
  cri::PodSandboxStatsRequest request;
  request.set_pod_sandbox_id("none");
  cri::PodSandboxStatsResponse response;
  EXPECT_EQ(Call(&cri::RuntimeService::Stub::PodSandboxStats, request, response).error_code(),
            grpc::NOT_FOUND);
  ASSERT_TRUE(runtime_->StopPodSandbox(pod).ok());
  EXPECT_EQ(PodStatsOf(pod).attributes().id(), pod);
  EXPECT_FALSE(PodStatsOf(pod).linux().has_cpu());
}

TEST_F(StatsTest, StreamContainers_SendsEachOnceInBatchesAndThenEnds) {
  const std::string pod = Start("p");
  std::set<std::string> made;
  for (int i = 0; i < 70; ++i)
    made.insert(runtime_->CreateContainer(pod, Sleeper("c" + std::to_string(i))).value());
  int batches = 0;
  const std::vector<std::string> ids = ReadAll<cri::StreamContainersResponse>(
      &cri::RuntimeService::Stub::StreamContainers, cri::StreamContainersRequest(),
      [](const auto& r) { return Ids(r.containers(), [](const auto& c) { return c.id(); }); },
      &batches);
  EXPECT_EQ(ids.size(), 70u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()), made);
  EXPECT_GT(batches, 1);
  cri::StreamContainersRequest none;
  none.mutable_filter()->set_id("none");
  EXPECT_TRUE(
      ReadAll<cri::StreamContainersResponse>(
          &cri::RuntimeService::Stub::StreamContainers, none,
          [](const auto& r) { return Ids(r.containers(), [](const auto& c) { return c.id(); }); })
          .empty());
}

TEST_F(StatsTest, StreamContainers_EndsWithItsClientAndWithTheServer) {
  const std::string pod = Start("p");
  for (int i = 0; i < 70; ++i)
    ASSERT_TRUE(runtime_->CreateContainer(pod, Sleeper("c" + std::to_string(i))).ok());
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    const auto reader = stub_->StreamContainers(&context, cri::StreamContainersRequest());
    cri::StreamContainersResponse response;
    EXPECT_TRUE(reader->Read(&response));
    if (i % 2 == 0) {
      context.TryCancel();
      while (reader->Read(&response)) {
      }
      (void)reader->Finish();
    }
    if (i == 19) {
      service_.reset();  // returns although the client has not read all
      while (reader->Read(&response)) {
      }
      (void)reader->Finish();
    } else if (i % 2 == 1) {
      context.TryCancel();
      (void)reader->Finish();
    }
  }
}

TEST_F(StatsTest, StreamPodSandboxesAndStreamImages_SayWhatTheListsSay) {
  const std::string first = Start("p"), second = Start("q");
  EXPECT_THAT(ReadAll<cri::StreamPodSandboxesResponse>(
                  &cri::RuntimeService::Stub::StreamPodSandboxes, cri::StreamPodSandboxesRequest(),
                  [](const auto& r) {
                    return Ids(r.pod_sandboxes(), [](const auto& p) { return p.id(); });
                  }),
              UnorderedElementsAre(first, second));
  grpc::ClientContext context;
  const auto reader = images_stub_->StreamImages(&context, cri::StreamImagesRequest());
  cri::StreamImagesResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.images_size(), 1);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(StatsTest, StreamContainerStatsAndStreamPodSandboxStats_SayWhatTheListsSay) {
  const std::string pod = Start("p"), empty = Start("q");
  const std::string id = Run(pod, Sleeper("c"));
  EXPECT_THAT(
      ReadAll<cri::StreamContainerStatsResponse>(
          &cri::RuntimeService::Stub::StreamContainerStats, cri::StreamContainerStatsRequest(),
          [](const auto& r) {
            return Ids(r.container_stats(), [](const auto& s) { return s.attributes().id(); });
          }),
      ElementsAre(id));
  EXPECT_THAT(
      ReadAll<cri::StreamPodSandboxStatsResponse>(
          &cri::RuntimeService::Stub::StreamPodSandboxStats, cri::StreamPodSandboxStatsRequest(),
          [](const auto& r) {
            return Ids(r.pod_sandbox_stats(), [](const auto& s) { return s.attributes().id(); });
          }),
      UnorderedElementsAre(pod, empty));
}

TEST_F(StatsTest, ListPodSandboxMetrics_AndStreamPodSandboxMetrics_HaveDescriptors) {
  const std::string pod = Start("p");
  const std::string id = Run(pod, Sleeper("c"));
  cri::ListMetricDescriptorsResponse descriptors;
  ASSERT_TRUE(Call(&cri::RuntimeService::Stub::ListMetricDescriptors,
                   cri::ListMetricDescriptorsRequest(), descriptors)
                  .ok());
  std::map<std::string, int> labels;
  for (const cri::MetricDescriptor& descriptor : descriptors.descriptors())
    labels[descriptor.name()] = descriptor.label_keys_size();
  cri::ListPodSandboxMetricsResponse response;
  const grpc::Status status = Call(&cri::RuntimeService::Stub::ListPodSandboxMetrics,
                                   cri::ListPodSandboxMetricsRequest(), response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.pod_metrics_size(), 1);
  const cri::PodSandboxMetrics& metrics = response.pod_metrics(0);
  EXPECT_EQ(metrics.pod_sandbox_id(), pod);
  EXPECT_GT(metrics.metrics_size(), 0);
  ASSERT_EQ(metrics.container_metrics_size(), 1);
  EXPECT_EQ(metrics.container_metrics(0).container_id(), id);
  std::map<std::string, uint64_t> values;
  for (const auto* list : {&metrics.metrics(), &metrics.container_metrics(0).metrics()}) {
    for (const cri::Metric& metric : *list) {
      ASSERT_TRUE(labels.contains(metric.name())) << metric.name();
      EXPECT_EQ(metric.label_values_size(), labels[metric.name()]) << metric.name();
      EXPECT_GT(metric.timestamp(), 0);
      values[metric.name()] = metric.value().value();
    }
  }
  EXPECT_GT(values["container_memory_usage_bytes"], 0u);
  EXPECT_GT(values["container_fs_limit_bytes"], 0u);
  EXPECT_GT(values["container_start_time_seconds"], 0u);
  EXPECT_GT(values["container_file_descriptors"], 0u);
  EXPECT_EQ(values["container_processes"], 1u);
  EXPECT_EQ(values["container_threads"], 1u);
  EXPECT_GT(values["container_ulimits_soft"], 0u);
  EXPECT_TRUE(values.contains("container_cpu_usage_seconds_total"));
  EXPECT_TRUE(values.contains("container_network_receive_bytes_total"));
  EXPECT_THAT(ReadAll<cri::StreamPodSandboxMetricsResponse>(
                  &cri::RuntimeService::Stub::StreamPodSandboxMetrics,
                  cri::StreamPodSandboxMetricsRequest(),
                  [](const auto& r) {
                    return Ids(r.pod_sandbox_metrics(),
                               [](const auto& m) { return m.pod_sandbox_id(); });
                  }),
              ElementsAre(pod));
}

}  // namespace
}  // namespace keelson::cri_server
