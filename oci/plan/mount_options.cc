// SPDX-License-Identifier: Apache-2.0
#include "oci/plan/mount_options.h"

#include <sys/mount.h>

#include <algorithm>
#include <map>

#include "lib/base/strings.h"

namespace keelson::oci {

using base::Result;
using spec::Mount;

namespace {

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

struct Change {
  uint64_t set = 0;
  uint64_t clear = 0;
  bool takes_back = false;  // an earlier word for times of access, `own`
  uint64_t own = 0;
};

// Each also with an "r" in front: for everything mounted below as well.
const std::map<std::string_view, Change>& Attributes() {
  static const std::map<std::string_view, Change> table = {
      {"ro", {MOUNT_ATTR_RDONLY, 0}},
      {"rw", {0, MOUNT_ATTR_RDONLY}},
      {"nosuid", {MOUNT_ATTR_NOSUID, 0}},
      {"suid", {0, MOUNT_ATTR_NOSUID}},
      {"nodev", {MOUNT_ATTR_NODEV, 0}},
      {"dev", {0, MOUNT_ATTR_NODEV}},
      {"noexec", {MOUNT_ATTR_NOEXEC, 0}},
      {"exec", {0, MOUNT_ATTR_NOEXEC}},
      {"nodiratime", {MOUNT_ATTR_NODIRATIME, 0}},
      {"diratime", {0, MOUNT_ATTR_NODIRATIME}},
      {"nosymfollow", {MOUNT_ATTR_NOSYMFOLLOW, 0}},
      {"symfollow", {0, MOUNT_ATTR_NOSYMFOLLOW}},
      {"relatime", {MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME}},
      {"noatime", {MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME}},
      {"strictatime", {MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME}},
      // The kernel's ordinary way is what is left when one of them is taken back.
      {"norelatime", {MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, true, MOUNT_ATTR_RELATIME}},
      {"atime", {MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, true, MOUNT_ATTR_NOATIME}},
      {"nostrictatime", {MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, true, MOUNT_ATTR_STRICTATIME}},
  };
  return table;
}

const std::map<std::string_view, uint64_t>& Propagations() {
  static const std::map<std::string_view, uint64_t> table = {
      {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
      {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
      {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
      {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC}};
  return table;
}

// Of the file system, not of the mount: the kernel takes these words as they are.
constexpr std::string_view kSuperblock[] = {"sync",       "async", "dirsync", "lazytime",
                                            "nolazytime", "mand",  "nomand"};
// Nothing is to be done for these.
constexpr std::string_view kNothing[] = {"defaults", "iversion", "noiversion", "loud",   "silent",
                                         "acl",      "noacl",    "remount",    "nofail", "auto",
                                         "noauto",   "user",     "nouser",     "_netdev"};

void Apply(const Change& change, uint64_t& set, uint64_t& clear) {
  set &= ~change.clear;
  clear &= ~change.set;
  set |= change.set;
  clear |= change.clear;
}

// Of the mount itself: as with mount(8) such a word is no wish of its own.
void ApplyAbove(const Change& change, uint64_t& set, uint64_t& clear) {
  if (!change.takes_back) return Apply(change, set, clear);
  const bool named = (clear & MOUNT_ATTR__ATIME) != 0;
  if (!named || (set & MOUNT_ATTR__ATIME) != change.own) return;
  set &= ~uint64_t{MOUNT_ATTR__ATIME};
  clear &= ~uint64_t{MOUNT_ATTR__ATIME};
}

template <typename List>
bool Has(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

Mount::Kind KindOf(const std::string& type) {
  if (type == "proc") return Mount::Kind::kProc;
  if (type == "sysfs") return Mount::Kind::kSysfs;
  if (type == "tmpfs") return Mount::Kind::kTmpfs;
  if (type == "devpts") return Mount::Kind::kDevpts;
  if (type == "mqueue") return Mount::Kind::kMqueue;
  if (type == "cgroup" || type == "cgroup2") return Mount::Kind::kCgroup;
  return Mount::Kind::kOther;
}

}  // namespace

uint64_t PropagationOf(std::string_view word) {
  const auto found = Propagations().find(word);
  return found == Propagations().end() ? 0 : found->second;
}

OwnersWish OwnersOf(const MountEntry& entry) {
  OwnersWish wish;
  wish.recursive = Has(entry.options, "ridmap");
  wish.wanted = wish.recursive || Has(entry.options, "idmap") || !entry.uid_mappings.empty();
  return wish;
}

Result<Mount> ToMount(const MountEntry& entry, const std::string& base) {
  Mount mount;
  mount.destination = entry.destination;
  bool bind = entry.type == "bind", recursive = false, only_bind = false;
  std::vector<std::string> data;
  for (const std::string& word : entry.options) {
    const bool starts_with_r = word.starts_with('r');
    const auto attribute = Attributes().find(word);
    const auto below =
        starts_with_r ? Attributes().find(std::string_view(word).substr(1)) : Attributes().end();
    if (word == "bind" || word == "rbind") {
      bind = true;
      recursive = recursive || word == "rbind";
      only_bind = only_bind || word == "bind";
    } else if (attribute != Attributes().end()) {
      ApplyAbove(attribute->second, mount.attributes, mount.further.clear);
      mount.further.exact = true;
    } else if (below != Attributes().end()) {
      Apply(below->second, mount.further.set_below, mount.further.clear_below);
    } else if (const uint64_t flags = PropagationOf(word); flags != 0) {
      mount.further.propagation.push_back(flags);
    } else if (word == "tmpcopyup") {
      mount.further.copy_up = true;
    } else if (word == "idmap" || word == "ridmap" || Has(kNothing, word)) {
      continue;
    } else {
      data.push_back(word);
    }
  }
  if (bind) {
    for (const std::string& word : data) {
      // mount(8) passes over them as well: a bind has the file system that is there.
      if (!Has(kSuperblock, word) && word.find('=') == std::string::npos)
        return base::InvalidArgument("{}.options: {} is unknown", entry.path,
                                     base::QuoteIfNeeded(word));
    }
    if (entry.source.empty()) return base::InvalidArgument("{}.source is missing", entry.path);
    mount.kind = Mount::Kind::kBind;
    mount.further.source = entry.source.starts_with('/') ? entry.source : base + "/" + entry.source;
    mount.further.recursive = recursive || !only_bind;
  } else {
    mount.further.exact = false;
    if (entry.type.empty()) return base::InvalidArgument("{}.type is missing", entry.path);
    mount.kind = KindOf(entry.type);
    mount.further.type = entry.type;
    mount.further.source = entry.source;
    mount.options = base::Join(data, ",");
  }
  if (mount.further.copy_up && mount.kind != Mount::Kind::kTmpfs)
    return base::InvalidArgument("{}.options: tmpcopyup is for tmpfs alone", entry.path);
  if (OwnersOf(entry).wanted && !bind)
    return base::InvalidArgument("{}.options: idmap is for bind mounts alone", entry.path);
  return mount;
}

std::vector<std::string> KnownMountOptions() {
  std::vector<std::string> out = {"bind", "rbind", "tmpcopyup", "idmap", "ridmap"};
  for (const auto& [word, change] : Attributes()) {
    out.emplace_back(word);
    out.push_back("r" + std::string(word));
  }
  for (const auto& [word, flags] : Propagations()) out.emplace_back(word);
  for (const std::string_view word : kSuperblock) out.emplace_back(word);
  for (const std::string_view word : kNothing) {
    if (word != "nofail" && word != "auto" && word != "noauto" && word != "user" &&
        word != "nouser" && word != "_netdev")
      out.emplace_back(word);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace keelson::oci
