// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/doctor.h"

namespace keelson::cli {
namespace {

// Also where that cannot be told.
bool MayHaveSocket(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

// Of the path, or of the nearest directory above it that is there.
std::vector<DiskSpace> LookAtDisks(const std::vector<std::string>& paths) {
  std::vector<DiskSpace> disks;
  std::vector<dev_t> devices;
  for (const std::string& path : paths) {
    std::string there = path;
    struct stat status{};
    while (stat(there.c_str(), &status) != 0 && there.size() > 1) {
      there.resize(std::max<size_t>(1, there.rfind('/')));
    }
    struct statvfs space{};
    if (statvfs(there.c_str(), &space) != 0) continue;
    const auto known = std::find(devices.begin(), devices.end(), status.st_dev);
    if (known != devices.end()) {
      disks[static_cast<size_t>(known - devices.begin())].path += ", " + path;
      continue;
    }
    devices.push_back(status.st_dev);
    disks.push_back({path, space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize,
                     space.f_files, space.f_favail});
  }
  return disks;
}

Daemon LookAtRuntime(Runtime& runtime) {
  Daemon daemon{.program = "keelson-runtime",
                .socket = runtime.socket(),
                .has_socket = MayHaveSocket(runtime.socket())};
  if (!daemon.has_socket) return daemon;
  if (const base::Status answers = runtime.Answers(); !answers.ok()) {
    daemon.error = answers.error().message();
    return daemon;
  }
  const auto version = runtime.client().Version();
  const auto status = runtime.client().Status();
  if (!version.ok() || !status.ok()) {
    daemon.error = runtime.ForPeople(version.ok() ? status.error() : version.error()).message();
    return daemon;
  }
  daemon.answer = version->runtime_name() + " " + version->runtime_version() + " answers on '" +
                  daemon.socket + "'";
  for (const cri::RuntimeCondition& condition : status->status().conditions()) {
    if (!condition.status())
      daemon.error =
          condition.type() + " is false: " + condition.reason() + " " + condition.message();
  }
  return daemon;
}

Daemon LookAtKubelet(Kubelet& kubelet) {
  Daemon daemon{.program = "keelson-kubelet",
                .socket = kubelet.socket(),
                .has_socket = MayHaveSocket(kubelet.socket())};
  if (!daemon.has_socket) return daemon;
  if (const base::Status healthy = kubelet.Healthy(); !healthy.ok()) {
    daemon.error = healthy.error().message();
    return daemon;
  }
  const base::Result<json::Value> pods = kubelet.Pods();
  if (pods.ok()) {
    daemon.answer = "healthy, " + std::to_string(pods->At({"items"}).items().size()) +
                    " pods, answers on '" + daemon.socket + "'";
  } else {
    daemon.error = pods.error().message();
  }
  return daemon;
}

}  // namespace

MachineFacts Examine(Kubelet& kubelet, Runtime& runtime, const std::vector<std::string>& paths) {
  MachineFacts facts;
  utsname names{};
  uname(&names);
  facts.kernel_release = names.release;
  facts.root = geteuid() == 0;
  facts.features = features::Judge(*features::ThisMachine());
  facts.disks = LookAtDisks(paths);
  facts.daemons = {LookAtRuntime(runtime), LookAtKubelet(kubelet)};
  return facts;
}

int Doctor(const std::string& output, Kubelet& kubelet, Runtime& runtime, const Console& console) {
  const std::vector<Finding> findings = Diagnose(
      Examine(kubelet, runtime, {"/var/lib/keelson", "/var/lib/kubelet", "/var/log/pods"}));
  console.out << (output == "json" ? FindingsJson(findings) : FindingsText(findings));
  const bool failed = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.grade == Grade::kFail;
  });
  return failed ? 1 : 0;
}

}  // namespace keelson::cli
