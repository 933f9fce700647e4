// SPDX-License-Identifier: Apache-2.0
// The fields of a KubeletConfiguration: those that are acted on, how each is read and shown, and
// those that are known and have no effect here. Pure.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "kubelet/config/config.h"

namespace keelson::config {

base::Error Wrong(const std::string& field, const json::Value& value, const std::string& what);

// One field: how it is read and how it is shown. The table is the one list of what is acted on.
struct Field {
  std::function<base::Status(const std::string&, const json::Value&, KubeletConfig&)> read;
  std::function<json::Value(const KubeletConfig&)> show;
};

const std::map<std::string, Field>& Fields();
const std::set<std::string>& WithoutEffect();

}  // namespace keelson::config
