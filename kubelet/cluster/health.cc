// SPDX-License-Identifier: Apache-2.0
#include "kubelet/cluster/health.h"

#include "lib/base/log.h"

namespace keelson::cluster {
namespace {

constexpr std::chrono::seconds kPeriod{10};
constexpr std::chrono::seconds kAwayAtMost{30};

std::vector<node::NodeImage> ImagesOf(const std::vector<cri::Image>& listed) {
  std::vector<node::NodeImage> images;
  for (const cri::Image& image : listed) {
    node::NodeImage& one = images.emplace_back();
    for (const std::string& digest : image.repo_digests()) one.names.push_back(digest);
    for (const std::string& tag : image.repo_tags()) one.names.push_back(tag);
    if (one.names.size() > 5) one.names.resize(5);
    one.bytes = static_cast<int64_t>(image.size());
  }
  std::erase_if(images, [](const node::NodeImage& image) { return image.names.empty(); });
  return images;
}

}  // namespace

Health::Health(Dependencies dependencies)
    : d_(std::move(dependencies)), self_(std::make_shared<Health*>(this)) {}
Health::~Health() {
  *self_ = nullptr;
  if (timer_) d_.loop.CancelTimer(*timer_);
}

void Health::Start() { Look(); }

void Health::Look() {
  timer_.reset();
  d_.workers.Post([self = self_, &loop = d_.loop, &runtime = d_.runtime] {
    base::Result<std::vector<cri::Image>> listed = runtime.ListImages();
    loop.Post([self, listed = std::move(listed)] {
      if (*self == nullptr) return;
      Health& health = **self;
      if (listed.ok()) health.images_ = ImagesOf(*listed);
      health.timer_ = health.d_.loop.After(kPeriod, [&health] { health.Look(); });
    });
  });
}

node::NodeHealth Health::Now() {
  node::NodeHealth health;
  health.not_ready = d_.view.NotReady();
  const std::set<eviction::Condition> pressure = d_.view.Pressure();
  health.memory_pressure = pressure.contains(eviction::Condition::kMemoryPressure);
  health.disk_pressure = pressure.contains(eviction::Condition::kDiskPressure);
  health.pid_pressure = pressure.contains(eviction::Condition::kPidPressure);
  health.images = images_;
  const base::SteadyTime now = d_.clock.Steady();
  if (health.not_ready.empty())
    last_ready_ = now;
  else if (last_ready_ && now - *last_ready_ < kAwayAtMost)
    health.not_ready.clear();
  return health;
}

}  // namespace keelson::cluster
