#include "sync/base/utf8.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace doorstep {
namespace {

// By the definition, not by the table: the encoding of a code point.
std::string Encode(uint32_t c) {
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xc0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xe0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | c >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8, AcceptsEveryCodePointButSurrogates) {
  for (uint32_t c = 0; c <= 0x10ffff; ++c) {
    const bool surrogate = c >= 0xd800 && c <= 0xdfff;
    ASSERT_EQ(IsValidUtf8(Encode(c)), !surrogate) << c;
  }
  EXPECT_FALSE(IsValidUtf8(Encode(0x110000)));
  EXPECT_FALSE(IsValidUtf8(Encode(0x1fffff)));
}

TEST(Utf8, AcceptsExactlyTheRightTwoAndThreeByteStrings) {
  // Counting: 128² + 1920 of two bytes; 128³ + 2·128·1920 + (65536 − 2048 − 2048) of three.
  int two = 0, three = 0;
  std::string text(2, '\0');
  for (int i = 0; i < 1 << 16; ++i) {
    text[0] = static_cast<char>(i >> 8);
    text[1] = static_cast<char>(i);
    two += IsValidUtf8(text) ? 1 : 0;
  }
  text.resize(3);
  for (int i = 0; i < 1 << 24; ++i) {
    text[0] = static_cast<char>(i >> 16);
    text[1] = static_cast<char>(i >> 8);
    text[2] = static_cast<char>(i);
    three += IsValidUtf8(text) ? 1 : 0;
  }
  EXPECT_EQ(two, 128 * 128 + 1920);
  EXPECT_EQ(three, 128 * 128 * 128 + 2 * 128 * 1920 + (65536 - 2048 - 2048));
}

TEST(Utf8, RefusesWhatIsCutShortOrOverLong) {
  for (const char* text : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "a\xc3", "\xe2\x82",
                           "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80",
                           "\xf5\x80\x80\x80", "\xfe", "\xff", "\xed\xa0\x80\xed\xb0\x80"}) {
    EXPECT_FALSE(IsValidUtf8(text));
  }
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8(absl::string_view("a\0b", 3)));
  EXPECT_TRUE(IsValidUtf8("Zo\xc3\xab \xf0\x9f\x98\x80"));
}

TEST(Utf8Prefix, EndsBetweenCharacters) {
  const std::string text = "a\xc3\xab\xe2\x82\xac\xf0\x9f\x98\x80";  // 1 + 2 + 3 + 4 bytes
  const size_t sizes[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (size_t max = 0; max < std::size(sizes); ++max) {
    EXPECT_EQ(Utf8Prefix(text, max).size(), sizes[max]) << max;
  }
  EXPECT_EQ(Utf8Prefix("ab\xff"
                       "cd",
                       5),
            "ab");
}

}  // namespace
}  // namespace doorstep
