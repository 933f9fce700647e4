// SPDX-License-Identifier: Apache-2.0
// Looks at the runtime's images now and then and removes what the plan (image_gc.h) says. Remembers
// when an image was first seen and last used; a new life of the kubelet begins with what it sees.
// Any thread, one call after the other; blocks.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "cri-api/client/runtime_client.h"
#include "kubelet/image/image_gc.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace keelson::image_gc {

// Of the file system that holds that path.
base::Result<Disk> DiskOf(const std::string& path);

class Collector {
 public:
  using ReadDisk = std::function<base::Result<Disk>(const std::string& path)>;
  Collector(cri_client::RuntimeClient& runtime, base::Clock& clock, const Policy& policy,
            ReadDisk read_disk = DiskOf)
      : runtime_(runtime), clock_(clock), policy_(policy), read_disk_(std::move(read_disk)) {}
  // Sees what is there and what is used, and removes nothing.
  base::Status Look();
  // The error says what could not be freed.
  base::Status Collect();
  // All that nobody uses and that did not come a moment ago, however much room there is.
  base::Status RemoveUnused();

 private:
  struct Record {
    int64_t first_seen = 0, last_used = 0;
    ImageUse use;
  };
  base::Status See();
  base::Result<Disk> Measure();
  // What could be freed of it.
  base::Result<int64_t> Apply(const Plan& plan);
  base::Status Remove(const std::string& id);

  cri_client::RuntimeClient& runtime_;
  base::Clock& clock_;
  const Policy policy_;
  const ReadDisk read_disk_;
  std::mutex mutex_;                       // held for a whole call
  std::map<std::string, Record> records_;  // by image id; guarded by mutex_
};

}  // namespace keelson::image_gc
