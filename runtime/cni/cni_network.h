// SPDX-License-Identifier: Apache-2.0
// The pod network that CNI plugins make. A record stands before every ADD; a DEL that cannot be
// done at once is owed: tried again with growing pauses, also after a reboot (then without a
// namespace), until it is done. Nobody waits long for one. Thread-safe. State: <state_dir>/ as
// record.h says; namespaces are pinned in <netns_dir>, where plugins and their daemons look.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/async/executor.h"
#include "lib/base/clock.h"
#include "lib/os/files.h"
#include "runtime/cni/client.h"
#include "runtime/cni/record.h"
#include "runtime/network/network.h"

namespace keelson::cni {

struct CniOptions {
  std::string conf_dir = "/etc/cni/net.d";
  std::vector<std::string> bin_dirs = {"/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"};
  std::string read_program;  // path of keelson-read
  std::string state_dir;
  std::string netns_dir = "/run/netns";
  std::string boot_id;
  std::string pod_subnets;                          // told to plugins with the capability ipRanges
  std::chrono::milliseconds timeout{60'000};        // of one plugin
  std::chrono::milliseconds stop_patience{5'000};   // how long Teardown waits for a DEL
  std::chrono::milliseconds ready_patience{1'000};  // how long Ready waits for STATUS
  std::chrono::milliseconds first_pause{1'000};     // between tries of an owed DEL
  std::chrono::milliseconds longest_pause{300'000};
};

class CniNetwork final : public network::PodNetwork {
 public:
  static base::Result<std::unique_ptr<CniNetwork>> Create(const CniOptions& options,
                                                          const base::Clock& clock);
  ~CniNetwork() override;  // kills the plugins that run

  base::Status Ready() override;
  base::Result<network::PodAddress> Setup(const network::PodRequest& request) override;
  base::Status Teardown(const std::string& sandbox_id) override;
  // What no sandbox of `live` owns is owed from now on; once each was tried, GC follows.
  base::Status CollectGarbage(const std::vector<std::string>& live) override;
  std::vector<std::string> Notes() override;
  // Asks the plugins whether the pod's attachment is as it was made.
  base::Status Check(const std::string& sandbox_id);
  size_t owed();

 private:
  struct Entry {
    Record record;           // guarded by mutex_
    base::SteadyTime due{};  // of the next try; guarded by mutex_
    bool running = false;    // guarded by mutex_
  };
  using EntryPtr = std::shared_ptr<Entry>;
  struct Answer {  // of STATUS
    std::optional<base::Status> last;
    base::SteadyTime when{};
    bool asking = false;
    base::SteadyTime since{};
  };

  CniNetwork(CniOptions options, const base::Clock& clock, std::unique_ptr<PluginRunner> runner);
  void Load();
  std::string PathOf(const std::string& id) const { return options_.state_dir + "/" + id; }
  std::string PinName(const std::string& id) const { return "kl-" + id.substr(0, 32); }
  base::Status Save(const Record& record,
                    os::Durability durability = os::Durability::kProcessCrash) const;
  base::Status Owe(const std::string& id);  // mutex_ held; written before it counts
  void Try(const EntryPtr& entry);          // one DEL; on a thread of an executor
  void Reap();                              // the thread that sees to what is due
  void TryGarbage();
  void Ask();  // STATUS

  const CniOptions options_;
  const base::Clock& clock_;
  const std::unique_ptr<PluginRunner> runner_;
  const ResultReader reader_;
  Client client_;
  std::shared_mutex adding_;  // shared by every ADD, alone for GC
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, EntryPtr> entries_;  // guarded by mutex_
  std::set<std::string> before_garbage_;     // to be tried before GC; guarded by mutex_
  bool garbage_ = false;                     // GC is to come; guarded by mutex_
  base::SteadyTime garbage_due_{};           // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  Answer answer_;                            // guarded by mutex_
  std::thread reaper_;
  async::Executor first_tries_{64};
  async::Executor retries_{4};
  async::Executor asks_{2};  // the executors are last, so that they end first
};

}  // namespace keelson::cni
