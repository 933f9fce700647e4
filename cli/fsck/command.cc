// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>

#include "cli/cluster/machine.h"
#include "cli/cluster/options.h"
#include "cli/fsck/fsck.h"
#include "cli/table.h"
#include "lib/base/strings.h"
#include "lib/os/process.h"

namespace keelson::cli {

using base::Result;
using base::Status;
using inventory::Report;

namespace {

// Counting the files of a large node on a slow disk takes its time.
constexpr std::chrono::minutes kPatience{30};
constexpr char kDefaultState[] = "/var/lib/keelson";
constexpr size_t kMostOfAReport = size_t{256} << 20;

Result<Report> Ask(const std::string& network, std::vector<std::string> words,
                   const std::string& input) {
  Result<Report> report = base::Internal("not asked");
  const std::string program = words.front();
  const Status asked = cluster::InNetwork(network, [&]() -> Status {
    ASSIGN_OR_RETURN(
        const os::CommandResult done,
        os::RunCommand(
            {.argv = std::move(words),
             .env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
            input, kPatience, kMostOfAReport));
    if (done.status.code() != 0)
      return base::FailedPrecondition("'{} fsck' ended with {}: {}", program, done.status.code(),
                                      base::Trim(done.err));
    report = inventory::FromJson(done.out).WithContext("read what " + program + " says");
    return base::Ok();
  });
  if (!asked.ok()) return asked.error();
  return report;
}

void Add(std::vector<std::string>& words, const char* flag, const std::string& value) {
  if (!value.empty()) words.insert(words.end(), {flag, value});
}

// What was given goes before the record of `keelson up`.
void Complete(FsckOptions& options, const cluster::NodeOptions& node) {
  const auto take = [](std::string& option, const std::string& recorded) {
    if (option.empty()) option = recorded;
  };
  take(options.programs, node.programs);
  take(options.run_dir, node.run_dir);
  take(options.config_dir, node.config_dir);
  take(options.kubelet_config, node.node_dir() + "/kubelet.yaml");
  take(options.kubelet_root, node.kubelet_root);
  take(options.kubelet_socket, node.run_dir + "/kubelet.sock");
  take(options.cgroup_root, node.cgroup_root);
  take(options.pod_logs, node.pod_logs);
  take(options.log_links, node.log_links);
}

std::vector<std::string> RuntimeWords(const FsckOptions& options,
                                      const std::optional<cluster::NodeOptions>& node) {
  std::vector<std::string> words = {options.programs + "/keelson-runtime"};
  Add(words, "--state-dir", options.state_dir);
  Add(words, "--run-dir", options.run_dir);
  Add(words, "--config-dir", options.config_dir);
  if (node) {
    words.insert(words.end(), {"--bridge", node->bridge, "--pod-subnet", "", "--pod-network",
                               node->cluster_cidr});
  }
  words.push_back("fsck");
  if (options.mend) words.push_back("--mend");
  return words;
}

std::vector<std::string> KubeletWords(const FsckOptions& options, const std::string& runtime) {
  std::vector<std::string> words = {options.programs + "/keelson-kubelet"};
  Add(words, "--config", options.kubelet_config);
  Add(words, "--root-dir", options.kubelet_root);
  Add(words, "--socket", options.kubelet_socket);
  Add(words, "--cgroup-root", options.cgroup_root);
  Add(words, "--pod-logs-dir", options.pod_logs);
  Add(words, "--log-links-dir", options.log_links);
  // Another than the runtime's only where the kubelet's configuration names it.
  if (options.kubelet_config.empty()) Add(words, "--container-runtime-endpoint", runtime);
  words.insert(words.end(), {"fsck", "--runtime", "-"});
  if (options.mend) words.push_back("--mend");
  return words;
}

// Of a node that `keelson up` or `join` made: what its proxy made stays while it is away.
std::vector<std::string> ProxyWords(const FsckOptions& options) {
  std::vector<std::string> words = {options.programs + "/keelson-proxy", "fsck", "--kept"};
  if (options.mend) words.push_back("--mend");
  return words;
}

// The kubelet's folders below the runtime's, where somebody has put them there.
void Adopt(const FsckOptions& options, Report& runtime) {
  for (inventory::Item& item : runtime.items) {
    for (const std::string& folder : {options.kubelet_root, options.pod_logs, options.log_links}) {
      if (!item.owner.empty() || item.problem.empty() || !item.remedy.empty()) continue;
      if (folder != item.thing && !folder.starts_with(item.thing + "/")) continue;
      item.owner = "keelson-kubelet";
      item.problem.clear();
      item.refused.clear();
    }
  }
}

Result<std::vector<Report>> AskAll(const FsckOptions& options,
                                   const std::optional<cluster::NodeOptions>& node) {
  const std::string network = node ? node->network : "";
  ASSIGN_OR_RETURN(Report runtime, Ask(network, RuntimeWords(options, node), ""));
  Adopt(options, runtime);
  std::vector<Report> reports = {runtime};
  // A node of its own folders may have no kubelet; the machine's is then not its.
  const bool has_kubelet = options.state_dir == kDefaultState || !options.kubelet_root.empty();
  if (!has_kubelet) return reports;
  ASSIGN_OR_RETURN(Report kubelet, Ask(network, KubeletWords(options, runtime.endpoint),
                                       json::WriteJson(inventory::ToJson(runtime))));
  reports.push_back(std::move(kubelet));
  if (node) {
    ASSIGN_OR_RETURN(Report proxy, Ask(network, ProxyWords(options), ""));
    reports.push_back(std::move(proxy));
  }
  return reports;
}

}  // namespace

FsckCommand::FsckCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "fsck",
      "whose every byte, mount, namespace, link, address, rule, cgroup and process of this node "
      "is, and what has no owner; exit code 1 if something is wrong");
  command->add_flag("--mend", options_.mend,
                    "take away what has no owner; what a pod uses is never touched");
  command->add_flag("-a,--all", options_.all, "list also what is in order");
  command->add_option("-o,--output", options_.output, "json")->check(CLI::IsMember({"json"}));
  command->add_option("--state-dir", options_.state_dir, "the node's")->capture_default_str();
  command->add_option("--run-dir", options_.run_dir, "else the node's record's, or the runtime's");
  command->add_option("--config-dir", options_.config_dir, "likewise; with the runtime's settings");
  command->add_option("--programs", options_.programs, "their folder; else where this one is");
  command->add_option("--kubelet-config", options_.kubelet_config, "of the kubelet; else as above");
  command->add_option("--kubelet-root", options_.kubelet_root, "its --root-dir");
  command->add_option("--cgroup-root", options_.cgroup_root, "its --cgroup-root");
  command->add_option("--pod-logs-dir", options_.pod_logs, "its --pod-logs-dir");
  command->add_option("--log-links-dir", options_.log_links, "its --log-links-dir");
  command_ = command;
}

std::optional<int> FsckCommand::Run(const Console& console) const {
  if (!command_->parsed()) return std::nullopt;
  FsckOptions options = options_;
  std::optional<cluster::NodeOptions> node;
  if (auto record = cluster::ReadRecord(options.state_dir); record.ok()) {
    node = std::move(*record);
    Complete(options, *node);
  }
  if (options.programs.empty()) {
    std::error_code failed;
    options.programs = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
  }
  const Result<std::vector<Report>> asked = AskAll(options, node);
  if (!asked.ok()) {
    console.err << "keelson: " << Printable(asked.error().message()) << "\n";
    return 1;
  }
  const std::vector<Report>& reports = *asked;
  console.out << (options.output == "json" ? FsckJson(reports) : FsckText(reports, options.all));
  return std::any_of(reports.begin(), reports.end(), inventory::HasProblem) ? 1 : 0;
}

}  // namespace keelson::cli
