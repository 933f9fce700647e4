// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "cli/cluster/commands.h"
#include "cli/doctor.h"
#include "cli/exec.h"
#include "cli/explain.h"
#include "cli/fsck/fsck.h"
#include "cli/images.h"
#include "cli/logs.h"
#include "cli/master.h"
#include "cli/ps.h"
#include "cli/table.h"

namespace keelson::cli {
namespace {

using Output = CLI::IsMember;

// What was asked for; one command fills its own part.
struct Asked {
  std::string kubelet_socket = "/run/keelson/kubelet.sock";
  std::string runtime_socket = "/run/keelson/cri.sock";
  PsOptions ps;
  LogsOptions logs;
  ExecOptions exec;
  std::vector<std::string> explain;
  std::string explain_name_space;
  std::string images_output, doctor_output, reference;
  std::vector<std::string> references;
  bool force = false;
  MasterOptions master;
};

CLI::App* AddPs(CLI::App& app, PsOptions& options) {
  CLI::App* ps = app.add_subcommand("ps", "this node's pods");
  ps->add_flag("-a,--all", options.all, "also those that have completed");
  ps->add_flag("-c,--containers", options.containers,
               "also their containers: state, last exit, message");
  ps->add_option("-n,--namespace", options.name_space, "only of this namespace");
  ps->add_option("-o,--output", options.output, "wide, json or yaml")
      ->check(Output({"wide", "json", "yaml"}));
  return ps;
}

CLI::App* AddLogs(CLI::App& app, LogsOptions& options) {
  CLI::App* logs = app.add_subcommand("logs", "what a container wrote");
  logs->add_option("POD", options.pod)->required();
  CLI::Option* positional =
      logs->add_option("CONTAINER", options.container, "default: the pod's first");
  logs->add_option("-c,--container", options.container, "the same as a flag")->excludes(positional);
  logs->add_option("-n,--namespace", options.name_space,
                   "the pod's namespace, where its name is not enough");
  logs->add_flag("-f,--follow", options.follow, "go on for as long as the container runs");
  logs->add_flag("-p,--previous", options.previous, "of the run before the present one");
  logs->add_flag("-t,--timestamps", options.timestamps, "when each line was written");
  logs->add_option("--tail", options.tail, "only so many lines from the end");
  CLI::Option* since =
      logs->add_option("--since", options.since, "not older than so long: 90s, 5m, 1h30m");
  logs->add_option("--since-time", options.since_time,
                   "not older than a time: 2026-01-02T03:04:05Z")
      ->excludes(since);
  logs->add_option("--limit-bytes", options.limit_bytes, "at most so many bytes");
  return logs;
}

CLI::App* AddExec(CLI::App& app, ExecOptions& options) {
  CLI::App* exec = app.add_subcommand("exec",
                                      "run a command in a container: keelson exec POD -- COMMAND; "
                                      "its exit code is passed on, 125 is a failure of "
                                      "keelson's, 124 the time limit");
  exec->add_option("POD", options.pod)->required();
  exec->add_option("-c,--container", options.container, "default: the pod's first");
  exec->add_option("-n,--namespace", options.name_space,
                   "the pod's namespace, where its name is not enough");
  exec->add_option("--timeout", options.timeout, "kill it after so long: 30s, 5m");
  return exec;
}

CLI::App* AddMaster(CLI::App& app, const char* name, const char* what, MasterOptions& options) {
  CLI::App* command = app.add_subcommand(name, what);
  command->add_option("FILE", options.file)->required();
  command->add_option("--state-dir", options.state_dir, "the control plane's")
      ->capture_default_str();
  command->add_option("--store", options.store, "as keelson-master's");
  command->add_option("--store-ca", options.ca, "whom to trust as the etcd");
  command->add_option("--store-cert", options.certificate, "our certificate for the etcd");
  command->add_option("--store-key", options.key, "its key");
  return command;
}

int Fail(const base::Error& error, const Console& console, int code = 1) {
  // Line by line: messages of several lines are ours, control characters in them are strangers'.
  std::string_view rest = error.message();
  console.err << "keelson: ";
  while (true) {
    const size_t line = rest.find('\n');
    console.err << Printable(rest.substr(0, line)) << "\n";
    if (line == std::string_view::npos) break;
    rest.remove_prefix(line + 1);
  }
  return code;
}

int Finish(const base::Status& status, const Console& console) {
  return status.ok() ? 0 : Fail(status.error(), console);
}

int RunExec(const ExecOptions& options, Kubelet& kubelet, Runtime& runtime,
            const Console& console) {
  const base::Result<int> code = Exec(options, kubelet, runtime, console);
  if (code.ok()) return *code;
  return Fail(code.error(), console,
              code.error().code() == base::Code::kDeadlineExceeded ? kExecTimedOut : kExecFailed);
}

}  // namespace

int Run(const std::vector<std::string>& arguments, const base::Clock& clock,
        const Console& console) {
  Asked asked;
  CLI::App app("Keelson on this node: pods, logs, images, health.", "keelson");
  app.set_version_flag("--version", "keelson " KEELSON_VERSION);
  app.add_option("--kubelet-socket", asked.kubelet_socket, "where the kubelet answers")
      ->envname("KEELSON_KUBELET_SOCKET")
      ->capture_default_str();
  app.add_option("--runtime-socket", asked.runtime_socket, "where the container runtime answers")
      ->envname("KEELSON_RUNTIME_SOCKET")
      ->capture_default_str();
  app.require_subcommand(1);
  app.fallthrough();
  const CLI::App* ps = AddPs(app, asked.ps);
  const CLI::App* logs = AddLogs(app, asked.logs);
  const CLI::App* exec = AddExec(app, asked.exec);
  CLI::App* explain =
      app.add_subcommand("explain", "the kubelet's last plan for a pod, and what it waits for");
  explain->add_option("POD", asked.explain)->required()->expected(1, 2);
  explain->add_option("-n,--namespace", asked.explain_name_space,
                      "the pod's namespace, where its name is not enough");
  CLI::App* images = app.add_subcommand("images", "the images that are here");
  images->add_option("-o,--output", asked.images_output, "wide or json")
      ->check(Output({"wide", "json"}));
  CLI::App* pull = app.add_subcommand("pull", "fetch an image");
  pull->add_option("IMAGE", asked.reference)->required();
  CLI::App* rmi = app.add_subcommand("rmi", "remove images");
  rmi->add_option("IMAGE", asked.references)->required();
  rmi->add_flag("-f,--force", asked.force, "also those that containers use");
  CLI::App* doctor = app.add_subcommand("doctor",
                                        "what this machine has and lacks for Keelson; exit code 1 "
                                        "if something is missing that must be there");
  doctor->add_option("-o,--output", asked.doctor_output, "json")->check(Output({"json"}));

  const CLI::App* backup = AddMaster(
      app, "backup", "a whole copy of the control plane's store, while it runs", asked.master);
  const CLI::App* restore = AddMaster(
      app, "restore", "put a backup in the place of a stopped control plane's store", asked.master);

  const FsckCommand fsck(app);
  cluster::Commands of_cluster(app);

  // What follows "--" is the command's own, whatever it looks like: it does not go through the
  // parser.
  std::vector<std::string> ours = arguments;
  const bool is_exec = std::find(ours.begin(), ours.end(), "exec") != ours.end();
  if (const auto end = std::find(ours.begin(), ours.end(), "--"); is_exec && end != ours.end()) {
    asked.exec.command.assign(end + 1, ours.end());
    ours.erase(end, ours.end());
  }
  std::reverse(ours.begin(), ours.end());  // as CLI11 wants them
  try {
    app.parse(ours);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error, console.out, console.err) == 0) return 0;
    if (exec->parsed() && asked.exec.command.empty())
      console.err << "The command goes behind two dashes: keelson exec POD -- COMMAND\n";
    return 2;
  }

  for (const CLI::App* command : {backup, restore}) {
    if (command->parsed()) return RunMaster(command->get_name(), asked.master, console);
  }
  if (const std::optional<int> code = fsck.Run(console)) return *code;
  if (const std::optional<int> code = of_cluster.Run(clock, console)) return *code;
  Kubelet kubelet(asked.kubelet_socket);
  if (ps->parsed()) return Finish(Ps(asked.ps, kubelet, clock, console), console);
  if (logs->parsed()) return Finish(Logs(asked.logs, kubelet, console), console);
  if (explain->parsed()) {
    // "explain pod web" is what people write, too.
    const bool with_kind = asked.explain.size() == 2;
    if (with_kind && asked.explain[0] != "pod")
      return Fail(base::InvalidArgument("pods alone can be explained, not '{}'", asked.explain[0]),
                  console, 2);
    return Finish(Explain(asked.explain.back(), asked.explain_name_space, kubelet, console),
                  console);
  }
  Runtime runtime(asked.runtime_socket);
  if (exec->parsed()) return RunExec(asked.exec, kubelet, runtime, console);
  if (images->parsed()) return Finish(Images(asked.images_output, runtime, console), console);
  if (pull->parsed()) return Finish(Pull(asked.reference, runtime, console), console);
  if (rmi->parsed())
    return Finish(RemoveImages(asked.references, asked.force, runtime, console), console);
  return Doctor(asked.doctor_output, kubelet, runtime, console);
}

}  // namespace keelson::cli
