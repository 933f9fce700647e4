// SPDX-License-Identifier: Apache-2.0
// Which images this node's kubelets pulled, and who may use them without asking their registries
// again: <root>/image_manager/{pulling,pulled}, upstream's layout (pull_record.h). What is about to
// be pulled is written down before, what was pulled before that goes, both synced: no image of a
// kubelet's is ever taken for one that came with the machine. A record that cannot be read goes to
// NAME.bad and is named; its image counts as pulled, and as nobody's until it is pulled again.
// Thread-safe; blocks on the disk.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kubelet/image/pull_record.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace keelson::image_gc {

class PullRecords {
 public:
  static base::Result<std::unique_ptr<PullRecords>> Open(std::string directory, Verification how,
                                                         const base::Clock& clock);

  // The runtime's id of an image; nothing: it is not there.
  using Find = std::function<base::Result<std::optional<std::string>>(const std::string& image)>;
  // Of what an earlier life of the kubelet was pulling: what is there now was pulled.
  void Settle(const Find& find);

  using Credentials = std::function<base::Result<std::vector<Credential>>()>;
  // Whether a pod has to fetch an image that is there with credentials of its own. `own` is asked
  // only where they decide.
  base::Result<bool> MustPull(const std::string& image, const std::string& image_ref,
                              const Credentials& own);

  // Around a pull. One that cannot be written down is not to be begun.
  base::Status Begin(const std::string& image);
  void Pulled(const std::string& image, const std::string& image_ref, const Credential& by);
  void Failed(const std::string& image);

  // Of images that are gone; `refs` was listed at `listed` (wall clock) or later.
  void Prune(const std::set<std::string>& refs, int64_t listed);

 private:
  PullRecords(std::string directory, Verification how, const base::Clock& clock)
      : pulling_(directory + "/pulling"),
        pulled_(directory + "/pulled"),
        how_(std::move(how)),
        clock_(clock) {}
  void Read();
  bool WasPulled(const std::string& image, const std::string& image_ref) const;
  base::Status Remember(const std::string& repository, const std::string& image_ref,
                        const Access& access);
  void End(const std::string& image);
  int64_t Now() const { return clock_.WallNanos() / kSecond * kSecond; }

  static constexpr int64_t kSecond = 1'000'000'000;
  const std::string pulling_, pulled_;
  const Verification how_;
  const base::Clock& clock_;
  std::mutex mutex_;
  // Guarded by mutex_:
  std::map<std::string, PulledRecord> records_;     // by the runtime's id of the image
  std::map<std::string, int> under_way_;            // pulls by image
  std::set<std::string> earlier_;                   // of these, begun by an earlier life
  std::set<std::string> bad_pulled_, bad_pulling_;  // names of files that could not be read
  bool settled_ = false;
};

}  // namespace keelson::image_gc
