// SPDX-License-Identifier: Apache-2.0
// Asks the credential provider plugins, each at most once at a time for an image, and keeps what
// they answered for as long as they say. Thread-safe; blocks up to the plugins' time limit. A
// plugin that fails is told in the log; the others and the pull go on.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kubelet/credentials/exchange.h"
#include "kubelet/credentials/provider_config.h"
#include "lib/base/clock.h"

namespace keelson::credentials {

// What the plugin wrote to its standard output for a request.
using Run = std::function<base::Result<std::string>(const Provider&, const std::string& request)>;
// As processes: a minute, a bounded answer, the kubelet's environment and the provider's own, and
// no descriptor of ours. Fails where a provider's program is not there or cannot be run.
base::Result<Run> RunIn(const std::string& folder, const std::vector<Provider>& providers);

class Providers {
 public:
  Providers(std::vector<Provider> providers, Run run, const base::Clock& clock);
  ~Providers();

  // Of all that know one, those for the longest place of each first.
  std::vector<image_gc::Credential> For(const std::string& image);

 private:
  using Entries = std::map<std::string, image_gc::Credential>;
  struct Kept {
    Entries entries;
    base::SteadyTime until;
  };
  struct One {
    Provider provider;
    std::mutex mutex;
    std::map<std::string, Kept> kept;                          // guarded by mutex
    std::map<std::string, std::shared_future<Entries>> asked;  // by image; guarded by mutex
  };
  Entries Ask(One& one, const std::string& image);
  Entries AskNow(One& one, const std::string& image);
  void Keep(One& one, const std::string& key, Kept kept);

  const Run run_;
  const base::Clock& clock_;
  std::vector<std::unique_ptr<One>> all_;
};

}  // namespace keelson::credentials
