// SPDX-License-Identifier: Apache-2.0
// Static pods of a folder (or of one file): watched by inotify(7) and read again whole every
// `period`. Hands over the full set each time it may have changed. A file that is bad keeps the pod
// that it last held, and is reported. One thread; ends with the object.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/kube/pod.h"
#include "lib/os/unique_fd.h"

namespace keelson::source {

struct FileSet {
  std::vector<kube::Pod> pods;
  std::map<std::string, std::string> errors;  // by file name: what is wrong with it
};

class FileSource {
 public:
  using Handler = std::function<void(FileSet)>;
  FileSource(std::string path, std::string node_name, std::chrono::seconds period,
             base::Clock& clock, Handler handler);
  ~FileSource();
  static constexpr size_t kLargestFile = size_t{10} << 20;

 private:
  struct Known {
    std::string text;
    kube::Pod pod;
  };
  void Run(const std::stop_token& stop);
  FileSet Read();
  void ReadOne(const std::string& file, FileSet& set, std::map<std::string, Known>& now);

  const std::string path_;
  const std::string node_name_;
  const std::chrono::seconds period_;
  base::Clock& clock_;
  const Handler handler_;
  std::map<std::string, Known> known_;  // good content by path
  os::UniqueFd wake_;                   // eventfd: stop
  std::jthread thread_;
};

}  // namespace keelson::source
