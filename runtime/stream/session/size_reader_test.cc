// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/session/size_reader.h"

#include <gtest/gtest.h>

namespace keelson::stream {
namespace {

TEST(SizeReader, ReadsSizesInPiecesOfAnySize) {
  const std::string_view text =
      "{\"Width\":80,\"Height\":24}\n{ \"height\" : 50, \"width\" : 132 }";
  for (size_t step = 1; step < text.size(); ++step) {
    SizeReader reader;
    std::optional<Size> last;
    for (size_t i = 0; i < text.size(); i += step) {
      if (const auto size = reader.Take(text.substr(i, step)); size.has_value()) last = size;
    }
    ASSERT_TRUE(last.has_value());
    EXPECT_EQ(*last, (Size{132, 50}));
  }
}

TEST(SizeReader, PassesOverWhatIsNoSize) {
  SizeReader reader;
  for (const std::string_view text :
       {"}", "rubbish", "{}", "{\"Width\":80}", "{\"Width\":-1,\"Height\":2}",
        "{\"Width\":65536,\"Height\":2}", "{\"Width\"80,\"Height\":2}"})
    EXPECT_FALSE(reader.Take(text).has_value()) << text;
  EXPECT_FALSE(reader.Take("{\"Width\":80,\"Height\":24" + std::string(1000, ' ') + "}"));
  EXPECT_EQ(*reader.Take("{\"Width\":1,\"Height\":2}"), (Size{1, 2}));
}

}  // namespace
}  // namespace keelson::stream
