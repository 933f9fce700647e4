// SPDX-License-Identifier: Apache-2.0
// Runs a plugin as a process of its own session, with a deadline, its output bounded; one that does
// not end is killed with its whole process group. Knows what runs, for whom and since when.
// Thread-safe; Run() blocks until the plugin ended, the deadline passed or Stop() was called.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/os/unique_fd.h"
#include "runtime/cni/result_reader.h"

namespace keelson::cni {

class PluginRunner {
 public:
  static base::Result<std::unique_ptr<PluginRunner>> Create(std::vector<std::string> bin_dirs,
                                                            ResultReader reader,
                                                            const base::Clock& clock);

  struct Call {
    std::string type;     // the plugin
    std::string command;  // "ADD"
    std::string subject;  // for people: "pod default/web"
    std::vector<std::string> environment;
    std::string input;
    std::chrono::milliseconds timeout{60'000};
  };
  // What it wrote when it succeeded. The error names plugin, command and subject and has the
  // plugin's own words.
  base::Result<std::string> Run(const Call& call);
  // What the plugin's VERSION says; asked anew when the file changed.
  base::Result<std::vector<std::string>> Versions(const std::string& type);
  const std::vector<std::string>& bin_dirs() const { return bin_dirs_; }
  std::vector<std::string> UnderWay() const;  // "ADD by bridge for pod default/web, for 12 s"
  void Stop();                                // for good: what runs is killed

 private:
  struct Running {
    std::string what;
    base::SteadyTime since;
  };
  PluginRunner(std::vector<std::string> bin_dirs, ResultReader reader, const base::Clock& clock,
               os::UniqueFd stop)
      : bin_dirs_(std::move(bin_dirs)),
        reader_(std::move(reader)),
        clock_(clock),
        stop_(std::move(stop)) {}
  base::Result<std::string> Find(const std::string& type) const;
  base::Result<std::string> RunProgram(const Call& call, const std::string& program,
                                       const std::string& what);

  const std::vector<std::string> bin_dirs_;
  const ResultReader reader_;
  const base::Clock& clock_;
  const os::UniqueFd stop_;  // readable: stop
  mutable std::mutex mutex_;
  std::map<uint64_t, Running> running_;                       // guarded by mutex_
  uint64_t next_ = 1;                                         // guarded by mutex_
  std::map<std::string, std::vector<std::string>> versions_;  // by file identity; guarded by mutex_
};

}  // namespace keelson::cni
