#include "sync/base/varint.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sync/base/entropy.h"

namespace doorstep {
namespace {

// Zero, all ones, and both sides of every power of two.
std::vector<uint64_t> EdgeValues() {
  std::vector<uint64_t> values = {0, std::numeric_limits<uint64_t>::max()};
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    values.insert(values.end(), {power - 1, power, power + 1});
  }
  return values;
}

std::string Encoded(uint64_t value) {
  std::string out;
  PutVarint(value, &out);
  return out;
}

TEST(Varint, ReadsWhatItWrites) {
  for (const uint64_t value : EdgeValues()) {
    const std::string bytes = Encoded(value);
    EXPECT_LE(bytes.size(), 10u);
    ByteReader reader(bytes);
    uint64_t read = ~value;
    ASSERT_TRUE(reader.ReadVarint(&read)) << value;
    EXPECT_EQ(read, value);
    EXPECT_TRUE(reader.empty());
  }
}

TEST(Varint, HasTheBytesOfTheGrammar) {
  EXPECT_EQ(Encoded(0), std::string("\0", 1));
  EXPECT_EQ(Encoded(127), "\x7f");
  EXPECT_EQ(Encoded(128), "\x80\x01");
  EXPECT_EQ(Encoded(300), "\xac\x02");
  EXPECT_EQ(Encoded(std::numeric_limits<uint64_t>::max()), std::string(9, '\xff') + "\x01");
}

TEST(Varint, SignedReadsWhatItWritesAndStaysShort) {
  std::vector<int64_t> values = {std::numeric_limits<int64_t>::min(),
                                 std::numeric_limits<int64_t>::max()};
  for (const uint64_t edge : EdgeValues()) {
    values.push_back(static_cast<int64_t>(edge));
    values.push_back(static_cast<int64_t>(0 - edge));
  }
  for (const int64_t value : values) {
    std::string bytes;
    PutSigned(value, &bytes);
    EXPECT_EQ(bytes.size() == 1, value >= -64 && value < 64) << value;
    ByteReader reader(bytes);
    int64_t read = 0;
    ASSERT_TRUE(reader.ReadSigned(&read)) << value;
    EXPECT_EQ(read, value);
  }
}

TEST(ByteReader, ReadsASequence) {
  std::string bytes;
  PutVarint(7, &bytes);
  PutBytes("", &bytes);
  PutBytes("door", &bytes);
  PutSigned(-3, &bytes);
  bytes += "step";
  ByteReader reader(bytes);
  uint64_t number;
  int64_t negative;
  absl::string_view none = "x", word, tail;
  ASSERT_TRUE(reader.ReadVarint(&number));
  ASSERT_TRUE(reader.ReadBytes(&none));
  ASSERT_TRUE(reader.ReadBytes(&word));
  ASSERT_TRUE(reader.ReadSigned(&negative));
  EXPECT_EQ(reader.rest(), "step");
  ASSERT_TRUE(reader.ReadRaw(4, &tail));
  EXPECT_EQ(number, 7u);
  EXPECT_EQ(none, "");
  EXPECT_EQ(word, "door");
  EXPECT_EQ(negative, -3);
  EXPECT_EQ(tail, "step");
  EXPECT_TRUE(reader.empty());
  EXPECT_TRUE(reader.ReadRaw(0, &tail));
  EXPECT_FALSE(reader.ReadRaw(1, &tail));
}

TEST(ByteReader, RefusesVarintsThatAreCutShortOrOverLongOrTooBig) {
  const std::vector<std::string> inputs = {
      "",
      "\x80",
      "\xff\xff\xff",
      std::string(9, '\xff'),             // the tenth byte is missing
      std::string("\x80\x00", 2),         // 0 in two bytes
      std::string("\xff\x80\x00", 3),     // 127 in three
      std::string(9, '\x80') + '\0',      // 0 in ten
      std::string(9, '\xff') + "\x02",    // 65 bits
      std::string(9, '\xff') + "\x7f",    // 70 bits
      std::string(10, '\xff') + "\x01",   // eleven bytes
      std::string(1000, '\x80') + "\x01"  // and many
  };
  for (const std::string& input : inputs) {
    ByteReader reader(input);
    uint64_t number = 42;
    int64_t negative = 42;
    absl::string_view bytes = "kept";
    EXPECT_FALSE(reader.ReadVarint(&number));
    EXPECT_FALSE(reader.ReadSigned(&negative));
    EXPECT_FALSE(reader.ReadBytes(&bytes));
    EXPECT_EQ(number, 42u);
    EXPECT_EQ(negative, 42);
    EXPECT_EQ(bytes, "kept");
    EXPECT_EQ(reader.rest(), input);  // nothing consumed
  }
}

TEST(ByteReader, RefusesLengthsBeyondTheInput) {
  for (const uint64_t length :
       {uint64_t{4}, uint64_t{1} << 32, uint64_t{1} << 63, std::numeric_limits<uint64_t>::max()}) {
    std::string input = Encoded(length) + "abc";
    ByteReader reader(input);
    absl::string_view bytes;
    EXPECT_FALSE(reader.ReadBytes(&bytes)) << length;
    EXPECT_EQ(reader.rest(), input);
    EXPECT_FALSE(reader.ReadRaw(length == 4 ? 40 : static_cast<size_t>(length), &bytes));
  }
}

// Every input of up to two bytes, and many longer ones, each in a block of exactly its size, so
// that the address sanitizer sees one byte too many.
void ReadAll(absl::string_view input) {
  const std::unique_ptr<char[]> exact(new char[input.size()]);
  input.copy(exact.get(), input.size());
  ByteReader reader(absl::string_view(exact.get(), input.size()));
  uint64_t number;
  int64_t negative;
  absl::string_view bytes;
  while (!reader.empty()) {
    const size_t before = reader.rest().size();
    const bool progress = (reader.ReadBytes(&bytes) || reader.ReadSigned(&negative) ||
                           reader.ReadVarint(&number) || reader.ReadRaw(1, &bytes));
    ASSERT_TRUE(progress);
    ASSERT_LT(reader.rest().size(), before);
  }
}

TEST(ByteReader, StaysWithinAnyInput) {
  for (int a = 0; a < 256; ++a) {
    ReadAll(std::string(1, static_cast<char>(a)));
    for (int b = 0; b < 256; ++b) ReadAll(std::string{static_cast<char>(a), static_cast<char>(b)});
  }
  SeededEntropy entropy(11);
  for (int round = 0; round < 20000; ++round) {
    std::string input(entropy.Below(40), '\0');
    entropy.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(input.data()), input.size()));
    if (entropy.Below(2) == 0) {  // long runs of continuation bytes
      for (char& c : input) c = static_cast<char>(c | 0x80);
    }
    ReadAll(input);
  }
}

TEST(ByteReader, AcceptsOneEncodingPerValue) {
  // All two-byte inputs that read as one number: the encoder gives them back.
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string input = {static_cast<char>(a), static_cast<char>(b)};
      ByteReader reader(input);
      uint64_t value;
      if (!reader.ReadVarint(&value)) continue;
      EXPECT_EQ(Encoded(value), input.substr(0, input.size() - reader.rest().size()));
    }
  }
}

}  // namespace
}  // namespace doorstep
