// SPDX-License-Identifier: Apache-2.0
#include "cli/logs.h"

#include "cli/duration.h"
#include "cli/pod_lookup.h"
#include "cli/pod_summary.h"
#include "lib/base/strings.h"

namespace keelson::cli {

using base::Result;

namespace {

// A log that is refused since the container has not begun: what it waits for.
base::Error WithState(const base::Error& error, const json::Value& pod, const std::string& name) {
  for (const ContainerSummary& container : SummarizeContainers(pod, 0)) {
    if (container.name != name || container.running ||
        !error.message().ends_with("is waiting to start"))
      continue;
    const std::string text = error.message() + ": " + container.status +
                             (container.message.empty() ? "" : ": " + container.message);
    return {error.code(), text};
  }
  return error;
}

}  // namespace

Result<std::string> LogPath(const LogsOptions& options, const std::string& name_space,
                            const std::string& pod, const std::string& container) {
  std::string path = "/containerLogs/" + base::PercentEncode(name_space) + "/" +
                     base::PercentEncode(pod) + "/" + base::PercentEncode(container);
  char separator = '?';
  const auto add = [&](const char* name, const std::string& value) {
    path += separator + std::string(name) + "=" + base::PercentEncode(value);
    separator = '&';
  };
  if (options.follow) add("follow", "true");
  if (options.previous) add("previous", "true");
  if (options.timestamps) add("timestamps", "true");
  if (options.tail) {
    if (*options.tail < -1)
      return base::InvalidArgument("--tail takes a number of lines, or -1 for all of them");
    if (*options.tail >= 0) add("tailLines", std::to_string(*options.tail));
  }
  if (options.limit_bytes) add("limitBytes", std::to_string(*options.limit_bytes));
  if (!options.since.empty()) {
    ASSIGN_OR_RETURN(const int64_t seconds, ParseSpanSeconds(options.since));
    if (seconds > 0) add("sinceSeconds", std::to_string(seconds));
  }
  if (!options.since_time.empty()) add("sinceTime", options.since_time);
  return path;
}

base::Status Logs(const LogsOptions& options, Kubelet& kubelet, const Console& console) {
  ASSIGN_OR_RETURN(const json::Value list, kubelet.Pods());
  ASSIGN_OR_RETURN(const json::Value* pod,
                   FindPod(list, ParsePodName(options.pod, options.name_space)));
  ASSIGN_OR_RETURN(const ChosenContainer container, ChooseContainer(*pod, options.container));
  ASSIGN_OR_RETURN(const std::string path,
                   LogPath(options, pod->At({"metadata", "namespace"}).AsString(),
                           pod->At({"metadata", "name"}).AsString(), container.name));
  if (!container.note.empty()) console.err << container.note << std::endl;
  const base::Status done =
      kubelet.Log(path, [&console](std::string_view piece) { console.out << piece << std::flush; });
  return done.ok() ? done : WithState(done.error(), *pod, container.name);
}

}  // namespace keelson::cli
