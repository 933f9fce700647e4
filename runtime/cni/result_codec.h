// SPDX-License-Identifier: Apache-2.0
// What keelson-read answers of a plugin's output. It may have been taken over by what it read, so
// decoding believes nothing: addresses are addresses in their one spelling, words are one line, a
// document is one JSON object. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "runtime/cni/result.h"

namespace keelson::cni {

constexpr size_t kMostAddresses = 64;
constexpr size_t kMostVersions = 1000;
constexpr size_t kMostWords = 512;      // of one text of a plugin's
bool IsVersion(std::string_view text);  // as far as it may be compared and shown

std::string EncodeAnswer(const base::Result<AddResult>& result);
std::string EncodeAnswer(const PluginError& error);
std::string EncodeAnswer(const base::Result<std::vector<std::string>>& versions);
base::Result<AddResult> DecodeAddResult(std::string_view answer);
base::Result<PluginError> DecodePluginError(std::string_view answer);
base::Result<std::vector<std::string>> DecodeVersions(std::string_view answer);

}  // namespace keelson::cni
