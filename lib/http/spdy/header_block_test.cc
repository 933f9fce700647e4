// SPDX-License-Identifier: Apache-2.0
#include "lib/http/spdy/header_block.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "lib/http/spdy/dictionary.h"

namespace keelson::spdy {
namespace {

using namespace std::string_literals;

TEST(Dictionary, IsTheOneOfTheDraft) {
  const std::string& dictionary = Dictionary();
  EXPECT_EQ(dictionary.size(), 1423u);
  EXPECT_EQ(adler32(adler32(0, nullptr, 0), reinterpret_cast<const Bytef*>(dictionary.data()),
                    static_cast<uInt>(dictionary.size())),
            0xe3c6a7c2u);
}

TEST(HeaderBlock, IsReadAsItWasWritten) {
  const Headers headers = {{"streamtype", "stdin"}, {"port", ""}, {"many", "a\0b"s}};
  const auto parsed = ParseBlock(FormatBlock(headers), 3);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  EXPECT_EQ(*parsed, headers);
  EXPECT_EQ(Find(*parsed, "streamtype"), "stdin");
  EXPECT_EQ(Find(*parsed, "absent"), "");
}

TEST(HeaderBlock, RefusesWhatIsNotOne) {
  const struct {
    std::string_view name;
    std::string block;
  } cases[] = {
      {"nothing", ""},
      {"count only", "\0\0\0\1"s},
      {"too many", "\0\0\0\4"s},
      {"cut name", "\0\0\0\1\0\0\0\5ab"s},
      {"no value", "\0\0\0\1\0\0\0\1a"s},
      {"huge value", "\0\0\0\1\0\0\0\1a\xff\xff\xff\xff"s},
      {"empty name", "\0\0\0\1\0\0\0\0\0\0\0\1a"s},
      {"upper case", "\0\0\0\1\0\0\0\1A\0\0\0\1a"s},
      {"control character", "\0\0\0\1\0\0\0\1\n\0\0\0\1a"s},
      {"twice", "\0\0\0\2\0\0\0\1a\0\0\0\1b\0\0\0\1a\0\0\0\1c"s},
      {"more after the last", "\0\0\0\1\0\0\0\1a\0\0\0\1bX"s},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_FALSE(ParseBlock(c.block, 3).ok());
  }
}

TEST(HeaderCompression, KeepsItsStateFromBlockToBlock) {
  HeaderCompressor compressor;
  HeaderDecompressor decompressor;
  size_t first = 0;
  for (int i = 0; i < 5; ++i) {
    const Headers headers = {{"streamtype", "data"}, {"requestid", std::to_string(i)}};
    const std::string bytes = compressor.Compress(headers);
    if (i == 0) first = bytes.size();
    if (i > 0) {
      EXPECT_LT(bytes.size(), first) << "what was said before is known";
    }
    const auto block = decompressor.Decompress(bytes, 1000);
    ASSERT_TRUE(block.ok()) << block.error().message();
    EXPECT_EQ(*ParseBlock(*block, 2), headers);
  }
}

TEST(HeaderCompression, ReadsABlockOfGosLibrary) {
  // {"streamtype": "error"}, as moby/spdystream 0.5.1 sends it first on a connection.
  const std::string bytes =
      "\x78\xf9\xe3\xc6\xa7\xc2\x62\x60\x60\x60\x04\xa7\xb3\x92\xa2\xd4\xc4\x5c\x68\x51\xc2"
      "\x9a\x0a\x0a\x68\x00\x00\x00\x00\xff\xff"s;
  HeaderDecompressor decompressor;
  const auto block = decompressor.Decompress(bytes, 1000);
  ASSERT_TRUE(block.ok()) << block.error().message();
  const auto headers = ParseBlock(*block, 10);
  ASSERT_TRUE(headers.ok()) << headers.error().message();
  EXPECT_EQ(*headers, (Headers{{"streamtype", "error"}}));
}

TEST(HeaderCompression, EndsAtItsLimitAndAtRubbish) {
  HeaderCompressor compressor;
  const std::string bomb = compressor.Compress({{"a", std::string(1 << 20, 'x')}});
  EXPECT_LT(bomb.size(), 20000u);
  HeaderDecompressor small;
  const auto large = small.Decompress(bomb, 64 << 10);
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code(), base::Code::kResourceExhausted);
  EXPECT_FALSE(small.Decompress("", 64 << 10).ok()) << "once broken, always broken";
  HeaderDecompressor other;
  EXPECT_FALSE(other.Decompress("rubbish that is not zlib", 64 << 10).ok());
}

}  // namespace
}  // namespace keelson::spdy
