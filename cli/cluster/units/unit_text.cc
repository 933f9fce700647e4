// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/units/unit_text.h"

#include "cli/cluster/units/sandbox.h"
#include "lib/base/strings.h"
#include "lib/systemd/names.h"

namespace keelson::cluster {
namespace {

std::string FirstLine(const NodeOptions& node) {
  return "# Written by keelson for the node in " + node.state_dir + ".";
}

const char* WhatIs(const std::string& process) {
  if (process == "master") return "control plane";
  if (process == "runtime") return "container runtime";
  if (process == "kubelet") return "kubelet";
  if (process == "proxy") return "service proxy";
  return process == "dns" ? "name server" : "process";
}

// What is gone after a reboot is made by systemd before the process, which may not be able to.
std::string RunDirectory(const NodeOptions& node) {
  constexpr std::string_view kRun = "/run/";
  if (!node.run_dir.starts_with(kRun)) return "";
  return "RuntimeDirectory=" + Quoted(std::string_view(node.run_dir).substr(kRun.size())) +
         "\nRuntimeDirectoryMode=0700\n"
         // The other processes' sockets are there too.
         "RuntimeDirectoryPreserve=yes\n";
}

std::string Limits(const std::string& process) {
  // The pods' keepers outlive it (ADR 0010), there may be hundreds of them, and none that runs out
  // of memory is a reason to end it. Containers inherit the files.
  if (process == "runtime")
    return "KillMode=process\nTasksMax=infinity\nOOMPolicy=continue\nLimitNOFILE=65536:524288\n";
  // A volume's file system that is a process lives on.
  if (process == "kubelet") return "KillMode=process\nTasksMax=infinity\nOOMPolicy=continue\n";
  // A connection for each watch.
  if (process == "master") return "LimitNOFILE=524288\n";
  return "";
}

}  // namespace

std::string Quoted(std::string_view word) {
  std::string out = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '%') out += '%';  // else a specifier
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    out += c;
  }
  return out + "\"";
}

std::string UnitName(const NodeOptions& node, const std::string& process) {
  const bool usual = node.state_dir == NodeOptions().state_dir;
  return "keelson-" + (usual ? "" : node.name + "-") + process + ".service";
}

std::vector<std::string> SlicesOf(const std::string& cgroup_root) {
  std::vector<std::string> parts, out;
  for (const std::string_view word : base::Split(std::string_view(cgroup_root), '/')) {
    if (word.empty()) continue;
    std::string part;  // as the kubelet writes it: '-' becomes '_', so '_' has to be another
    for (const char c : word) part += c == '_' ? "\\x5f" : std::string(1, c);
    parts.push_back(std::move(part));
    out.insert(out.begin(), systemd::JoinSlice(parts));
  }
  return out;
}

bool IsOurs(const NodeOptions& node, std::string_view text) {
  return text.substr(0, text.find('\n')) == FirstLine(node);
}

std::string UnitText(const NodeOptions& node, const supervise::Process& process,
                     int systemd_version) {
  std::string command;
  for (const std::string& word : process.argv) {
    if (!command.empty()) command += ' ';
    std::string quoted = Quoted(word);
    for (size_t at = 0; (at = quoted.find('$', at)) != std::string::npos; at += 2)
      quoted.insert(at, 1, '$');  // else a variable
    command += quoted;
  }
  // Without steps each time after as long as the first.
  const char* more_and_more =
      systemd_version >= 254 ? "RestartSteps=7\nRestartMaxDelaySec=10s\n" : "";
  return FirstLine(node) +
         "\n# `keelson up` writes it again; settings of your own belong into drop-ins (systemctl "
         "edit).\n"
         "[Unit]\n"
         "Description=Keelson's " +
         WhatIs(process.name) + " of the node " + node.name +
         "\n"
         // When the machine goes down: the last words still have a network. Among themselves the
         // processes need no order.
         "After=network.target\n"
         "RequiresMountsFor=" +
         Quoted(node.state_dir) +
         "\n"
         "StartLimitIntervalSec=0\n"
         "\n"
         "[Service]\n"
         "Type=exec\n"
         "ExecStart=" +
         command + "\nSlice=" + kSlice +
         "\n"
         "Restart=always\n"
         "RestartSec=100ms\n" +
         more_and_more +
         "TimeoutStopSec=20s\n"
         "Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
         "LANG=C.UTF-8\n" +
         RunDirectory(node) + Limits(process.name) + SandboxOf(node, process.name) +
         "\n"
         "[Install]\n"
         "WantedBy=multi-user.target\n";
}

}  // namespace keelson::cluster
