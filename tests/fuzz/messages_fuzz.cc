// SPDX-License-Identifier: Apache-2.0
// What our own processes say to each other and what records hold (base/codec). The first byte
// chooses the kind; where a checksum ends the bytes it is put right, so that changes get past it.
// What is read and written again reads as the same.
#include <optional>
#include <string>

#include "lib/base/codec.h"
#include "lib/base/crc32c.h"
#include "runtime/container/record.h"
#include "runtime/fetch/protocol.h"
#include "runtime/image/document_codec.h"
#include "runtime/image/records.h"
#include "runtime/monitor/handover.h"
#include "runtime/monitor/protocol.h"
#include "runtime/network/addresses.h"
#include "runtime/network/host_ports.h"
#include "runtime/reader/question.h"
#include "runtime/snapshot/layer_record.h"
#include "runtime/spec/encode.h"
#include "runtime/unpack/report.h"
#include "supervise/protocol/protocol.h"
#include "tests/fuzz/require.h"

namespace {

using namespace keelson;
using fuzz::Require;
using fuzz::RequireSentence;

// What is not understood at the end (fields of a newer peer) is lost on the way, but once written
// nothing changes any more.
template <typename Decode, typename Encode>
void CheckBothWays(std::string_view bytes, Decode decode, Encode encode) {
  const auto value = decode(bytes);
  if (!value.ok()) return RequireSentence(value.error().message());
  const std::string written = encode(*value);
  const auto again = decode(written);
  Require(again.ok(), "what was written cannot be read", again.ok() ? "" : again.error().message());
  Require(encode(*again) == written, "what was written reads as something else");
}

std::string WithRightChecksum(std::string_view bytes) {
  base::Writer sum;
  sum.U32(base::Crc32c(bytes));
  return std::string(bytes) + sum.bytes();
}

template <typename Record>
base::Result<Record> DecodeImageRecord(std::string_view bytes) {
  Record record;
  RETURN_IF_ERROR(image::Decode(bytes, &record));
  return record;
}

// Those of the monitor's payloads that are bare: a reader that went bad is what their users check.
template <typename Value>
void CheckPayload(std::string_view bytes, Value (*get)(base::Reader&)) {
  CheckBothWays(
      bytes,
      [get](std::string_view text) -> base::Result<Value> {
        base::Reader reader(text);
        Value value = get(reader);
        if (!reader.ok()) return base::DataLoss("malformed");
        return value;
      },
      [](const Value& value) {
        base::Writer writer;
        monitor::Put(writer, value);
        return writer.Take();
      });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string sealed = WithRightChecksum(bytes);
  const auto encode = [](const auto& value) { return Encode(value); };
  switch (data[0]) {
    case 'C':
      CheckBothWays(bytes, spec::DecodeContainerSpec, encode);
      break;
    case 'd':  // of a process that a document has taken over
      CheckBothWays(bytes, image::DecodeDocument,
                    [](const image::Document& value) { return image::EncodeAnswer(value); });
      break;
    case 'g':
      CheckBothWays(bytes, image::DecodeConfig,
                    [](const image::ConfigDocument& value) { return image::EncodeAnswer(value); });
      break;
    case 'k':
      CheckBothWays(bytes, reader::DecodeQuestion, [](const reader::Question& value) {
        return reader::EncodeQuestion(value.kind, value.words, value.bytes);
      });
      break;
    case 'P':
      CheckBothWays(bytes, spec::DecodeProcess, encode);
      break;
    case 'X':
      CheckBothWays(sealed, monitor::DecodeExitFile, monitor::EncodeExitFile);
      break;
    case 'S':
      CheckPayload(bytes, monitor::GetPodSetup);
      break;
    case 'E':
      CheckPayload(bytes, monitor::GetExitRecord);
      break;
    case 'T':
      CheckPayload(bytes, monitor::GetContainerState);
      break;
    case 'A': {
      const auto answer = monitor::ReadAnswer(bytes);
      if (!answer.ok())
        Require(answer.error().code() >= base::Code::kCancelled &&
                    answer.error().code() <= base::Code::kUnauthenticated,
                "an error that is none");
      break;
    }
    case 'p':
      CheckBothWays(sealed, container::DecodeSandboxRecord, encode);
      break;
    case 'c':
      CheckBothWays(sealed, container::DecodeContainerRecord, encode);
      break;
    case 'i':
      CheckBothWays(sealed, DecodeImageRecord<image::ImageRecord>, encode);
      break;
    case 'n':
      CheckBothWays(sealed, DecodeImageRecord<image::NameRecord>, encode);
      break;
    case 'F':
      CheckBothWays(bytes, fetch::DecodeConfig, encode);
      break;
    case 'Q':
      CheckBothWays(bytes, fetch::DecodeRequest, encode);
      break;
    case 'R': {
      const auto reply = fetch::DecodeReply(bytes);
      if (reply.ok()) (void)fetch::Encode(base::Result<fetch::Reply>(*reply));
      break;
    }
    case 'U': {
      const auto report = unpack::DecodeReport(bytes);
      if (!report.ok()) break;
      for (const std::string& directory : report->extracted.opaque_dirs) {
        Require(!directory.starts_with('/') &&
                    ("/" + directory + "/").find("/../") == std::string::npos,
                "a folder outside the layer", directory);
      }
      break;
    }
    case 'H':
      CheckBothWays(bytes, monitor::DecodeHandover, encode);
      break;
    case 'L':
      CheckBothWays(sealed, snapshot::DecodeLayer, snapshot::EncodeLayer);
      break;
    case 'a':
      CheckBothWays(sealed, network::DecodeAllocations, network::EncodeAllocations);
      break;
    case 'h':
      CheckBothWays(sealed, network::DecodeHostPorts, network::EncodeHostPorts);
      break;
    case 'l':
      CheckBothWays(bytes, supervise::DecodeLayout, encode);
      break;
    case 't':
      CheckBothWays(bytes, supervise::DecodeCounts,
                    [](const supervise::Counts& counts) { return supervise::Encode(counts); });
      break;
    case 'q':
      CheckBothWays(bytes, supervise::DecodeRequest, encode);
      break;
    case 'r':
      CheckBothWays(bytes, supervise::DecodeReply, encode);
      break;
    default:
      break;
  }
  return 0;
}
