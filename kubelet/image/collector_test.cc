// SPDX-License-Identifier: Apache-2.0
#include "kubelet/image/collector.h"

#include <gmock/gmock.h>

#include "cri-api/client/fake_runtime.h"
#include "lib/base/fake_clock.h"

namespace keelson::image_gc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kMiB = 1 << 20;  // an image of the fake

class CollectorTest : public testing::Test {
 protected:
  // How much of a disk of 100 MiB is in use.
  void Use(int64_t mib) { disk_ = {100 * kMiB, (100 - mib) * kMiB}; }
  std::vector<std::string> Images() {
    std::vector<std::string> names;
    for (const cri::Image& image : runtime_.ListImages().value())
      names.push_back(image.repo_tags(0));
    return names;
  }
  void RunOf(const std::string& image) {
    cri::PodSandboxConfig sandbox;
    sandbox.mutable_metadata()->set_name(image);
    sandbox.mutable_metadata()->set_uid(image);
    sandbox.mutable_metadata()->set_namespace_("default");
    const std::string id = runtime_.RunPodSandbox(sandbox, "").value();
    cri::ContainerConfig container;
    container.mutable_metadata()->set_name("a");
    container.mutable_image()->set_image(runtime_.ImageStatus(image).value().image().id());
    container_ = runtime_.CreateContainer(id, container, sandbox).value();
  }

  base::ManualClock clock_;
  cri_client::FakeRuntime runtime_{clock_};
  Disk disk_;
  std::string measured_;
  std::string container_;
  Collector collector_{runtime_,
                       clock_,
                       {.minimum_age = std::chrono::seconds(120)},
                       [this](const std::string& path) -> base::Result<Disk> {
                         measured_ = path;
                         return disk_;
                       }};
};

TEST_F(CollectorTest, RemovesNothingWhileThereIsRoom) {
  runtime_.AddImage("a:1");
  Use(84);
  ASSERT_TRUE(collector_.Look().ok());
  clock_.Advance(std::chrono::hours(1));
  EXPECT_TRUE(collector_.Collect().ok());
  EXPECT_THAT(Images(), ElementsAre("a:1"));
  EXPECT_EQ(measured_, "/");
}

TEST_F(CollectorTest, RemovesWhatNobodyUsesTheLongestUnusedFirst) {
  for (const char* name : {"a:1", "b:1", "c:1"}) runtime_.AddImage(name);
  RunOf("b:1");
  ASSERT_TRUE(collector_.Look().ok());
  clock_.Advance(std::chrono::minutes(10));
  ASSERT_TRUE(collector_.Look().ok());
  ASSERT_TRUE(runtime_.RemoveContainer(container_).ok());
  RunOf("c:1");
  Use(86);
  clock_.Advance(std::chrono::minutes(10));
  const base::Status done = collector_.Collect();
  // There are not six megabytes to be had, and the one in use stays.
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(
      done.error().message(),
      HasSubstr("Attempted to free 6291456 bytes, but only found 2097152 bytes eligible to free"));
  EXPECT_THAT(Images(), ElementsAre("c:1"));
  EXPECT_THAT(runtime_.Calls(), testing::IsSupersetOf({"RunPodSandbox b:1", "RunPodSandbox c:1"}));
}

TEST_F(CollectorTest, RemovesAllThatNobodyUsesWhenTheNodeRunsShort) {
  for (const char* name : {"library/used:1", "library/idle:1", "library/other:1"})
    runtime_.AddImage(name);
  RunOf("library/used:1");
  Use(10);
  ASSERT_TRUE(collector_.Look().ok());
  clock_.Advance(std::chrono::minutes(10));
  runtime_.AddImage("library/new:1");
  ASSERT_TRUE(collector_.Collect().ok());
  EXPECT_EQ(Images().size(), 4u) << "there is room";
  ASSERT_TRUE(collector_.RemoveUnused().ok());
  EXPECT_THAT(Images(), testing::UnorderedElementsAre("library/used:1", "library/new:1"));
}

TEST_F(CollectorTest, SparesWhatCameAMomentAgo) {
  runtime_.AddImage("a:1");
  Use(100);
  EXPECT_FALSE(collector_.Collect().ok());
  EXPECT_THAT(Images(), ElementsAre("a:1"));
  clock_.Advance(std::chrono::seconds(121));
  EXPECT_FALSE(collector_.Collect().ok());
  EXPECT_THAT(Images(), testing::IsEmpty());
}

TEST_F(CollectorTest, GoesOnAfterAnImageThatCannotBeRemoved) {
  for (const char* name : {"a:1", "b:1"}) runtime_.AddImage(name);
  ASSERT_TRUE(collector_.Look().ok());
  clock_.Advance(std::chrono::minutes(10));
  Use(100);
  runtime_.FailNext("RemoveImage", base::Unknown("busy"));
  const base::Status done = collector_.Collect();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().message(), "busy");
  EXPECT_EQ(Images().size(), 1u);
}

TEST_F(CollectorTest, SaysWhenTheDiskCannotBeMeasured) {
  disk_ = {};
  EXPECT_THAT(collector_.Collect().error().message(), HasSubstr("InvalidDiskCapacity"));
  EXPECT_GT(DiskOf("/").value().capacity, 0);
  EXPECT_FALSE(DiskOf("/nowhere/at/all").ok());
}

}  // namespace
}  // namespace keelson::image_gc
