// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/units/unit_plan.h"

#include <sys/wait.h>

#include <algorithm>

#include "cli/cluster/units/unit_text.h"

namespace keelson::cluster {
namespace {

// A unit of the name that somebody else has; empty: none.
std::string Stranger(const NodeOptions& node, const std::string& name, const SeenUnit& seen) {
  const std::string own = std::string(kUnitDir) + "/" + name;
  if (!seen.text.empty() && !IsOurs(node, seen.text)) return own;
  if (!seen.unit.file.empty() && seen.unit.file != own) return seen.unit.file;
  return seen.unit.load == "masked" ? own : "";
}

}  // namespace

UnitActions PlanUnits(const NodeOptions& node, const supervise::Layout& wanted,
                      const std::vector<SeenUnit>& seen, int systemd_version) {
  UnitActions out;
  const SeenUnit none;
  const auto of = [&](const std::string& process) -> const SeenUnit& {
    const auto found = std::ranges::find(seen, process, &SeenUnit::process);
    return found == seen.end() ? none : *found;
  };
  for (const supervise::Process& process : wanted.processes) {
    const std::string name = UnitName(node, process.name);
    const SeenUnit& now = of(process.name);
    if (const std::string file = Stranger(node, name, now); !file.empty()) {
      out.refusals.push_back(
          fmt::format("the unit {} is not this node's ({}): take it away, or give --supervisor own",
                      name, now.unit.load == "masked" ? "it is masked" : file));
      continue;
    }
    std::string text = UnitText(node, process, systemd_version);
    const bool differs = text != now.text;
    if (differs) out.write.emplace_back(name, std::move(text));
    if (!now.enabled) out.enable.push_back(name);
    // An earlier attempt ended between writing and telling systemd, or there is a new drop-in.
    const bool outdated = now.unit.outdated;
    out.reload = out.reload || differs || outdated || !now.enabled;
    if (now.unit.active != "active" && now.unit.active != "activating")
      out.start.push_back(name);
    else if (differs || outdated)
      out.restart.push_back(name);
  }
  for (const SeenUnit& one : seen) {
    if (std::ranges::find(wanted.processes, one.process, &supervise::Process::name) !=
            wanted.processes.end() ||
        !IsOurs(node, one.text))
      continue;
    out.stop.push_back(UnitName(node, one.process));
    out.reload = true;
  }
  if (!out.refusals.empty()) return {.refusals = std::move(out.refusals)};
  return out;
}

supervise::ProcessStatus StatusOf(const std::string& process, const systemd::Service& unit) {
  supervise::ProcessStatus out{.name = process,
                               .pid = static_cast<int32_t>(unit.main_pid),
                               .since = static_cast<int64_t>(unit.changed) * 1000,
                               .restarts = unit.restarts};
  if (unit.active == "active")
    out.state = supervise::State::kRunning;
  else if (unit.active == "activating" || unit.active == "reloading")
    out.state = supervise::State::kWaiting;
  if (unit.end_kind == CLD_EXITED)
    out.last_end = fmt::format("exited with code {}", unit.end_status);
  else if (unit.end_kind != 0)
    out.last_end = fmt::format("killed by signal {}", unit.end_status);
  if (out.state != supervise::State::kRunning && unit.result != "success" &&
      unit.result != "exit-code" && unit.result != "signal")
    out.last_end += (out.last_end.empty() ? "" : ", ") + unit.result;
  return out;
}

std::string ProblemOf(const std::string& name, const SeenUnit& seen) {
  if (seen.text.empty()) return name + " is not there: `keelson up` writes it again";
  if (seen.unit.load != "loaded")
    return fmt::format("{}: systemd says '{}' of it: systemctl status {}", name, seen.unit.load,
                       name);
  if (!seen.enabled)
    return name + " is not enabled, it would not come back after a reboot: `keelson up` enables it";
  if (seen.unit.outdated)
    return name + " was changed since systemd has read it: `keelson up` has it do so";
  return "";
}

}  // namespace keelson::cluster
