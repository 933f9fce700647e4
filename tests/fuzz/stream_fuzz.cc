// SPDX-License-Identifier: Apache-2.0
// What streaming clients and the program that serves them say: the head of a request, terminal
// sizes, packets between program and daemon. Nothing breaks their readers, and a head that is taken
// names a token, which has a form.
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/stream/protocol.h"
#include "runtime/stream/session/size_reader.h"
#include "runtime/stream/session/upgrade.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
namespace stream = keelson::stream;

void CheckHead(std::string_view text) {
  const auto request = stream::ParseHead(text);
  if (!request.ok()) return keelson::fuzz::RequireSentence(request.error().message());
  const auto plan = stream::PlanUpgrade(*request);
  if (const auto* refusal = std::get_if<stream::Refusal>(&plan)) {
    keelson::fuzz::RequireSentence(refusal->sentence);
    const std::string answer = stream::FormatRefusal(*refusal);
    const size_t end = answer.find("\r\n\r\n");
    Require(end + 4 + refusal->sentence.size() + 1 == answer.size(), "a refusal splits its answer",
            answer);
    return;
  }
  const auto& upgrade = std::get<stream::Upgrade>(plan);
  Require(upgrade.token.size() == 32, "a token of another length", upgrade.token);
  Require(upgrade.version >= 1 && upgrade.version <= 5, "an unknown version");
  Require(upgrade.answer.find("\r\n\r\n") + 4 == upgrade.answer.size(), "an answer with a body",
          upgrade.answer);
}

void CheckSizes(std::string_view text) {
  stream::SizeReader whole;
  stream::SizeReader pieces;
  const auto last = whole.Take(text);
  std::optional<stream::Size> seen;
  for (size_t i = 0; i < text.size(); i += 3) {
    if (const auto size = pieces.Take(text.substr(i, 3)); size.has_value()) seen = size;
  }
  Require(last == seen, "pieces change a size", text);
}

void CheckPackets(std::string_view text) {
  (void)stream::ParsePacket({.bytes = std::string(text), .fds = {}});
  (void)stream::DecodeConfig(text);
  (void)stream::DecodeRedeem(text);
  (void)stream::DecodeGrant(text);
  (void)stream::DecodeOpened(text);
  (void)stream::DecodeEnded(text);
  (void)stream::DecodeSize(text);
  (void)stream::DecodeConnect(text);
  (void)stream::DecodeConnected(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckHead(text);
  CheckSizes(text);
  CheckPackets(text);
  return 0;
}
