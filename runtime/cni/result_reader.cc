// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/result_reader.h"

#include "runtime/cni/result_codec.h"
#include "runtime/reader/ask.h"

namespace keelson::cni {

using base::Result;
using Kind = reader::Question::Kind;

namespace {

constexpr char kOutput[] = "what it wrote";

}  // namespace

Result<AddResult> ResultReader::Added(std::string_view out, const std::string& interface) const {
  ASSIGN_OR_RETURN(const std::string answer,
                   reader::Ask(program_, kOutput, Kind::kCniResult, interface, out));
  return DecodeAddResult(answer);
}

PluginError ResultReader::Failed(std::string_view out, std::string_view err) const {
  const Result<std::string> answer = reader::Ask(program_, kOutput, Kind::kCniError, err, out);
  const Result<PluginError> error =
      answer.ok() ? DecodePluginError(*answer) : Result<PluginError>(answer.error());
  return error.ok() ? *error : PluginError{0, error.error().message()};
}

Result<std::vector<std::string>> ResultReader::Versions(std::string_view out) const {
  ASSIGN_OR_RETURN(const std::string answer,
                   reader::Ask(program_, kOutput, Kind::kCniVersions, "", out));
  return DecodeVersions(answer);
}

}  // namespace keelson::cni
