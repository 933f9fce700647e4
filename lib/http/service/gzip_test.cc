// SPDX-License-Identifier: Apache-2.0
#include "lib/http/service/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace keelson::service {
namespace {

// What zlib itself, which checks length and sum, makes of it.
std::string Unpacked(const std::string& packed, size_t size) {
  std::string out(size + 1, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u) << "more than one member";
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(Gzip, IsOneMemberWhateverTheSizeAndThePieces) {
  uint32_t state = 1;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{70'000}, size_t{1} << 20,
                            (size_t{2} << 20) + 1, size_t{9'999'999}}) {
    std::string text;
    while (text.size() < size) {
      state = state * 1664525 + 1013904223;
      text += state % 3 == 0 ? std::to_string(state) : "{\"kind\":\"Pod\"},";
    }
    text.resize(size);
    for (const size_t piece : {size_t{5'000}, size_t{1} << 24}) {
      std::vector<Buffer> pieces;
      for (size_t at = 0; at < size; at += piece) pieces.emplace_back(text.substr(at, piece));
      const std::string packed = Gzip(pieces);
      EXPECT_LT(packed.size(), size * 2 / 3 + 64);
      EXPECT_EQ(Unpacked(packed, size), text) << size << " in pieces of " << piece;
    }
  }
}

}  // namespace
}  // namespace keelson::service
