// SPDX-License-Identifier: Apache-2.0
// Puts the entries of one layer into a directory, in the form that overlayfs wants its lower
// layers: a removed name becomes a character device 0:0, an emptied directory is reported as opaque
// (the mark itself takes a right that the jail does not have). Nothing is ever reached through
// "..", a symlink or a mount; a bad entry is refused by its name. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/rooted_dir.h"
#include "runtime/unpack/tar_reader.h"

namespace keelson::unpack {

struct Budget {
  uint64_t max_bytes = uint64_t{16} << 30;  // of the uncompressed stream
  uint64_t max_inodes = 4'000'000;
  uint32_t max_depth = 200;  // directories below one another
};

struct Extracted {
  uint64_t entries = 0;
  uint64_t inodes = 0;
  uint64_t disk_bytes = 0;  // file sizes rounded up to 4 KiB, and a block for each directory
  std::vector<std::string> opaque_dirs;    // relative, "" for the layer's root
  std::vector<std::string> implicit_dirs;  // made for an entry below them: the archive says nothing
                                           // about their owner and mode
};

class Extractor {
 public:
  Extractor(const os::RootedDir& root, const Budget& budget)
      : root_(root), budget_(budget), buffer_(1u << 20) {}
  base::Result<Extracted> Run(TarReader& archive);

 private:
  base::Status Apply(const TarEntry& entry, TarReader& archive);
  base::Status ApplyWhiteout(const std::string& dir, const std::string& name,
                             const TarEntry& entry);
  base::Status MakeDirectory(int parent, const std::string& path, const std::string& name,
                             const TarEntry& entry);
  base::Status MakeOther(int parent, const std::string& path, const std::string& name,
                         const TarEntry& entry, TarReader& archive);
  base::Status Create(int parent, const std::string& name, const TarEntry& entry,
                      TarReader& archive);
  base::Status WriteContent(int file, TarReader& archive);
  base::Status MakeRoomFor(int parent, const std::string& path, const std::string& name);
  base::Status MakeOpaque(const std::string& path);
  base::Status CountInode();
  base::Result<int> Parent(const std::string& dir, const TarEntry& entry);
  base::Result<os::UniqueFd> MakeParents(const std::string& dir, const TarEntry& entry);
  base::Status FinishDirectories();
  void ForgetBelow(const std::string& path);

  const os::RootedDir& root_;
  const Budget budget_;
  std::vector<char> buffer_;
  Extracted done_;
  std::string parent_path_;
  os::UniqueFd parent_;  // of parent_path_, when valid
  std::set<std::string> opaque_;
  std::set<std::string> implicit_;
  std::map<std::string, std::pair<int64_t, uint32_t>>
      dir_times_;  // set last: making an entry changes its directory's time
};

}  // namespace keelson::unpack
