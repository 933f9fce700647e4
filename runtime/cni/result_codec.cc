// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/result_codec.h"

#include <algorithm>

#include "lib/base/codec.h"
#include "lib/base/ip_address.h"
#include "lib/base/strings.h"
#include "runtime/reader/question.h"

namespace keelson::cni {

using base::Reader;
using base::Result;
using base::Writer;
using reader::Malformed;

namespace {

constexpr size_t kMostDocument = 8u << 20;  // numbers grow when they are written out

bool IsAddress(const std::string& text) {
  const std::optional<base::IpAddress> read = base::IpAddress::Parse(text);
  return read && read->Text() == text;
}

bool IsLine(std::string_view text, size_t most) {
  return text.size() <= most && reader::IsText(text) &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

bool IsVersion(std::string_view text) { return IsLine(text, 64); }

std::string EncodeAnswer(const Result<AddResult>& result) {
  if (!result.ok()) return reader::Refusal(result.error());
  Writer out = reader::BeginAnswer();
  out.Strings(result->addresses);
  out.String(result->host_interface);
  out.String(result->document);
  return out.Take();
}

std::string EncodeAnswer(const PluginError& error) {
  Writer out = reader::BeginAnswer();
  out.I64(error.code);
  out.String(error.text);
  return out.Take();
}

std::string EncodeAnswer(const Result<std::vector<std::string>>& versions) {
  if (!versions.ok()) return reader::Refusal(versions.error());
  Writer out = reader::BeginAnswer();
  out.Strings(*versions);
  return out.Take();
}

Result<AddResult> DecodeAddResult(std::string_view answer) {
  Reader in(answer);
  RETURN_IF_ERROR(reader::OpenAnswer(in));
  AddResult out;
  out.addresses = in.Strings();
  out.host_interface = in.String();
  out.document = in.String();
  if (!in.ok() || !in.AtEnd() || out.addresses.size() > kMostAddresses ||
      !std::all_of(out.addresses.begin(), out.addresses.end(), IsAddress) ||
      !IsLine(out.host_interface, kMostWords) || out.document.size() > kMostDocument ||
      !reader::IsText(out.document) || !IsOneObject(out.document))
    return Malformed();
  return out;
}

Result<PluginError> DecodePluginError(std::string_view answer) {
  Reader in(answer);
  RETURN_IF_ERROR(reader::OpenAnswer(in));
  PluginError out;
  out.code = in.I64();
  out.text = in.String();
  if (!in.ok() || !in.AtEnd() || !IsLine(out.text, 2 * kMostWords + 2)) return Malformed();
  return out;
}

Result<std::vector<std::string>> DecodeVersions(std::string_view answer) {
  Reader in(answer);
  RETURN_IF_ERROR(reader::OpenAnswer(in));
  std::vector<std::string> out = in.Strings();
  if (!in.ok() || !in.AtEnd() || out.empty() || out.size() > kMostVersions ||
      !std::all_of(out.begin(), out.end(), IsVersion))
    return Malformed();
  return out;
}

}  // namespace keelson::cni
