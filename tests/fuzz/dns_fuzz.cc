// SPDX-License-Identifier: Apache-2.0
// Questions and other resolvers' answers: what is read is answered within its bound, an answer of
// ours reads back, and a foreign one that is taken can be aged and told to another asker.
#include <string>
#include <string_view>

#include "proxy/dns/message.h"
#include "proxy/dns/zone.h"
#include "tests/fuzz/require.h"

namespace {

using keelson::fuzz::Require;
using namespace keelson::dns;

const Zone& TheZone() {
  static const Zone zone(
      {{"d", "web", {"10.43.0.9", "fd00::9"}, "", {{"http", "tcp", 80}}}, {"d", "db", {}, "", {}}},
      {{"d", "db", {{"10.42.0.2", "db-0"}, {"10.42.0.3", ""}}, {{"sql", "tcp", 5432}}}}, {}, 1);
  return zone;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  Code code = kNoError;
  const auto question = ReadQuestion(packet, code);
  if (question) {
    Answer answer;
    answer.code = code;
    if (code == kNoError) (void)TheZone().Find(*question, answer);
    const std::string told = WriteAnswer(*question, answer, UdpLimit(*question));
    Require(told.size() <= 1232, "an answer is longer than its bound", packet);
    if (code == kNoError)
      Require(ReadForeign(told, *question).has_value(), "our answer does not read back", packet);
  }
  Question asked;
  asked.name = asked.written = "web.d";
  asked.type = kA;
  asked.whole = true;
  if (const auto foreign = ReadForeign(packet, asked)) {
    const std::string aged = Aged(std::string(packet), 10);
    Require(aged.size() == packet.size(), "ageing changes the size", packet);
    Require(ReadForeign(Readdressed(aged, asked), asked).has_value(), "an aged answer is no answer",
            packet);
  }
  return 0;
}
