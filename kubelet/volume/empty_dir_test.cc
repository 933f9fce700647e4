// SPDX-License-Identifier: Apache-2.0
#include "kubelet/volume/empty_dir.h"

#include <gtest/gtest.h>

namespace keelson::volume {
namespace {

kube::Quantity Q(const std::string& text) { return kube::Quantity::Parse(text).value(); }

kube::Pod PodWith(const std::vector<kube::ResourceList>& limits) {
  kube::Pod pod;
  for (const kube::ResourceList& list : limits) {
    kube::Container container;
    container.resources.limits = list;
    pod.spec.containers.push_back(container);
  }
  return pod;
}

struct Case {
  const char* name;
  std::string medium;
  std::string size_limit;
  std::vector<kube::ResourceList> limits;
  EmptyDirPlan::Medium planned = EmptyDirPlan::Medium::kDisk;
  uint64_t bytes = 0;
  uint64_t page_bytes = 0;
  std::string error = {};
};

TEST(EmptyDir, PlansByMediumAndLimits) {
  using Medium = EmptyDirPlan::Medium;
  const std::vector<Case> cases = {
      {"disk", "", "1Gi", {{}}, Medium::kDisk},
      {"memory without limits", "Memory", "", {{}}, Medium::kMemory, 0},
      {"memory of the size limit", "Memory", "64Mi", {{}}, Medium::kMemory, 64u << 20},
      {"memory of the containers' limits",
       "Memory",
       "",
       {{{"memory", Q("16Mi")}}, {{"memory", Q("16Mi")}}},
       Medium::kMemory,
       32u << 20},
      {"the smaller of both",
       "Memory",
       "1Gi",
       {{{"memory", Q("16Mi")}}},
       Medium::kMemory,
       16u << 20},
      {"one container without a limit",
       "Memory",
       "",
       {{{"memory", Q("16Mi")}}, {}},
       Medium::kMemory,
       0},
      {"huge pages",
       "HugePages",
       "",
       {{{"hugepages-2Mi", Q("4Mi")}}},
       Medium::kHugePages,
       4u << 20,
       2u << 20},
      {"huge pages by size",
       "HugePages-2Mi",
       "",
       {{{"hugepages-2Mi", Q("4Mi")}, {"hugepages-1Gi", Q("1Gi")}}},
       Medium::kHugePages,
       4u << 20,
       2u << 20},
      {"two sizes",
       "HugePages",
       "",
       {{{"hugepages-2Mi", Q("4Mi")}, {"hugepages-1Gi", Q("1Gi")}}},
       Medium::kDisk,
       0,
       0,
       "medium HugePages: the containers' limits name 2 page sizes, not one"},
      {"a size nobody has",
       "HugePages-1Gi",
       "",
       {{{"hugepages-2Mi", Q("4Mi")}}},
       Medium::kDisk,
       0,
       0,
       "medium HugePages-1Gi: no container has a limit of hugepages-1Gi"},
      {"unknown", "Tape", "", {{}}, Medium::kDisk, 0, 0, "medium 'Tape' is not known"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    kube::EmptyDirVolume volume;
    volume.medium = c.medium;
    if (!c.size_limit.empty()) volume.size_limit = Q(c.size_limit);
    const base::Result<EmptyDirPlan> plan = PlanEmptyDir(volume, PodWith(c.limits));
    ASSERT_EQ(plan.ok(), c.error.empty());
    if (!plan.ok()) {
      EXPECT_EQ(plan.error().message(), c.error);
      continue;
    }
    EXPECT_EQ(plan->medium, c.planned);
    EXPECT_EQ(plan->bytes, c.bytes);
    EXPECT_EQ(plan->page_bytes, c.page_bytes);
  }
}

}  // namespace
}  // namespace keelson::volume
