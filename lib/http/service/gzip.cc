// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/gzip.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>

#include "lib/base/result.h"

namespace keelson::service {
namespace {

constexpr size_t kPart = size_t{1} << 20;  // less is not worth a thread
constexpr size_t kMostThreads = 4;

// Threads of all answers together that help.
std::atomic<int> helpers{0};

// Part of a deflate stream: it ends at a byte's border, the last one ends the stream.
struct Part {
  std::vector<std::string_view> in;
  size_t size = 0;
  bool last = false;
  std::string out;
  uint32_t crc = 0;

  void Compress() {
    const auto stream = std::make_unique<isal_zstream>();
    std::vector<uint8_t> work(ISAL_DEF_LVL1_DEFAULT);
    isal_deflate_init(stream.get());
    stream->level = 1;
    stream->level_buf = work.data();
    stream->level_buf_size = static_cast<uint32_t>(work.size());
    stream->flush = NO_FLUSH;
    out.resize(size / 8 + 1024);
    size_t filled = 0;
    // Until all that was handed in is taken and, at the end, everything is out.
    const auto run = [&] {
      do {
        if (filled == out.size()) out.resize(out.size() * 2);
        stream->next_out = reinterpret_cast<uint8_t*>(out.data() + filled);
        stream->avail_out = static_cast<uint32_t>(std::min<size_t>(out.size() - filled, 1u << 30));
        const uint32_t room = stream->avail_out;
        KEELSON_CHECK(isal_deflate(stream.get()) == COMP_OK);
        filled += room - stream->avail_out;
      } while (stream->avail_in > 0 || stream->avail_out == 0);
    };
    for (std::string_view left : in) {
      while (!left.empty()) {
        const auto chunk = static_cast<uint32_t>(std::min<size_t>(left.size(), 1u << 30));
        stream->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(left.data()));
        stream->avail_in = chunk;
        crc = crc32_gzip_refl(crc, stream->next_in, chunk);
        run();
        left.remove_prefix(chunk);
      }
    }
    stream->flush = SYNC_FLUSH;
    stream->end_of_stream = last ? 1 : 0;
    run();
    out.resize(filled);
  }
};

std::vector<Part> Divide(const std::vector<Buffer>& pieces, size_t total, size_t count) {
  std::vector<Part> parts(count);
  const size_t share = total / count + 1;
  size_t at = 0;
  for (const Buffer& piece : pieces) {
    std::string_view left = piece.view();
    while (!left.empty()) {
      const size_t taken =
          at + 1 == count ? left.size() : std::min(left.size(), share - parts[at].size);
      parts[at].in.push_back(left.substr(0, taken));
      parts[at].size += taken;
      left.remove_prefix(taken);
      if (at + 1 < count && parts[at].size == share) ++at;
    }
  }
  parts.back().last = true;
  return parts;
}

void AppendLittleEndian(std::string& out, uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift & 0xff);
}

}  // namespace

std::string Gzip(const std::vector<Buffer>& pieces) {
  size_t total = 0;
  for (const Buffer& piece : pieces) total += piece.size();
  const size_t processors = std::max(1u, std::thread::hardware_concurrency());
  const size_t count = std::clamp<size_t>(total / kPart, 1, std::min(processors, kMostThreads));
  std::vector<Part> parts = Divide(pieces, total, count);
  std::vector<std::thread> threads;
  for (size_t i = 1; i < count; ++i) {
    // With many large answers under way the others' threads are busy anyway.
    if (helpers.fetch_add(1) >= static_cast<int>(processors)) {
      --helpers;
      parts[i].Compress();
      continue;
    }
    threads.emplace_back([&part = parts[i]] {
      part.Compress();
      --helpers;
    });
  }
  parts[0].Compress();
  for (std::thread& thread : threads) thread.join();

  std::string out("\x1f\x8b\x08\0\0\0\0\0\x04\xff", 10);
  uLong crc = parts[0].crc;
  for (size_t i = 0; i < count; ++i) {
    out += parts[i].out;
    if (i > 0) crc = crc32_combine(crc, parts[i].crc, static_cast<z_off_t>(parts[i].size));
  }
  AppendLittleEndian(out, static_cast<uint32_t>(crc));
  AppendLittleEndian(out, static_cast<uint32_t>(total));
  return out;
}

}  // namespace keelson::service
