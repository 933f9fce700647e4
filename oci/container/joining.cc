// SPDX-License-Identifier: Apache-2.0
#include "oci/container/joining.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "oci/container/group.h"

namespace keelson::oci {

using base::Error;
using base::Result;

namespace {

Error NotThere(const std::string& path) {
  return Error::FromErrno(ENOENT, "error adding pid {} to cgroups: open '{}'", getpid(), path);
}

// "../x" must not lead out of the container's own group.
Result<std::string> Below(const std::string& directory, const std::string& sub) {
  std::vector<std::string_view> parts;
  for (const std::string_view part : base::Split(std::string_view(sub), '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return base::InvalidArgument("bad sub cgroup path: {}", sub);
    parts.push_back(part);
  }
  std::string path = directory;
  for (const std::string_view part : parts) path += "/" + std::string(part);
  if (!os::Exists(path)) return NotThere(path);
  return path;
}

// "/sys/fs/cgroup/cpu,cpuacct/a/b" is of both controllers.
bool IsOf(const std::string& directory, const std::string& controller) {
  const std::vector<std::string_view> parts = base::Split(std::string_view(directory), '/');
  if (parts.size() < 5) return false;
  const std::vector<std::string_view> names = base::Split(parts[4], ',');
  return std::find(names.begin(), names.end(), controller) != names.end() ||
         (parts[4] == "systemd" && controller == "name=systemd");
}

}  // namespace

Result<Joining> ParseSubGroups(const Joining& whole, const std::vector<std::string>& words) {
  Joining out = whole;
  std::map<std::string, bool> seen;
  for (const std::string& word : words) {
    const size_t colon = word.find(':');
    if (colon == std::string::npos) {
      if (words.size() != 1 || !whole.v1.empty())
        return base::InvalidArgument("invalid --cgroup argument: {} (missing <controller>: prefix)",
                                     word);
      ASSIGN_OR_RETURN(out.unified, Below(whole.unified, word));
      continue;
    }
    for (const std::string_view name : base::Split(std::string_view(word).substr(0, colon), ',')) {
      const std::string controller(name);
      if (!seen.emplace(controller, true).second)
        return base::InvalidArgument(
            "invalid --cgroup argument(s): controller {} specified multiple times", controller);
      const auto place =
          std::find_if(whole.v1.begin(), whole.v1.end(),
                       [&](const std::string& directory) { return IsOf(directory, controller); });
      if (place == whole.v1.end())
        return base::InvalidArgument("unknown controller {} in SubCgroupPaths", controller);
      ASSIGN_OR_RETURN(out.v1[static_cast<size_t>(place - whole.v1.begin())],
                       Below(*place, word.substr(colon + 1)));
    }
  }
  return out;
}

Result<Joining> PlacesFor(pid_t process, const std::string& path,
                          const std::vector<std::string>& wishes) {
  const Joining whole = GroupAt(path);
  if (wishes.empty())
    return whole.v1.empty() && whole.unified.empty() ? WhereIs(process, path) : whole;
  // On v1 a bare path is one below every hierarchy.
  if (wishes.size() == 1 && wishes[0].find(':') == std::string::npos && !whole.v1.empty()) {
    Joining out = whole;
    for (std::string& directory : out.v1) {
      ASSIGN_OR_RETURN(directory, Below(directory, wishes[0]));
    }
    return out;
  }
  return ParseSubGroups(whole, wishes);
}

}  // namespace keelson::oci
