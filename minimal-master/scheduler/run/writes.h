// SPDX-License-Identifier: Apache-2.0
// What the scheduler writes, as data, from the pod as it is: bindings, conditions, nominations, the
// end of victims. Pure. Fields and words are upstream's (kube-scheduler 1.35).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "minimal-master/control/write.h"

namespace keelson::scheduler::run {

constexpr char kName[] = "default-scheduler";

struct Whose {
  std::string ns;
  std::string name;
  std::string uid;
};

control::Write Bind(const Whose& pod, std::string_view node);
// PodScheduled is False. `nomination`: the node where room is made for it, empty: none any more,
// nothing: as it is. Nothing to write: it says so already, or it is bound or leaving.
std::optional<control::Write> Refuse(const json::Value& pod, std::string_view reason,
                                     std::string_view message,
                                     const std::optional<std::string>& nomination,
                                     const std::string& time);
// Room is made on another node, or for a more important pod: nominatedNodeName goes.
std::optional<control::Write> ForgetNomination(const json::Value& pod);
// DisruptionTarget: it ends because of a more important pod. Nothing: it ends already.
std::optional<control::Write> MarkVictim(const json::Value& pod, const std::string& time);
control::Write DeleteVictim(const Whose& pod);
// Of an event: what it is about.
json::Value ReferenceTo(const Whose& pod);

}  // namespace keelson::scheduler::run
