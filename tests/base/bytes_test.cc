#include "sync/base/bytes.h"

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kText[] = "0190a5c2-7f31-7abc-8def-0123456789ab";

TEST(Uuid, IsNilUntilItHoldsSomething) {
  Uuid id;
  EXPECT_TRUE(id.IsNil());
  EXPECT_EQ(id.ToString(), "00000000-0000-0000-0000-000000000000");
  id.b[15] = 1;
  EXPECT_FALSE(id.IsNil());
}

TEST(Uuid, ReadsWhatItWrites) {
  const auto id = Uuid::Parse(kText);
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(id->ToString(), kText);
  const auto again = Uuid::FromBytes(id->AsBytes());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, *id);
}

TEST(Uuid, HasOneSpelling) {
  const auto upper = Uuid::Parse("0190A5C2-7F31-7ABC-8DEF-0123456789AB");
  ASSERT_TRUE(upper.ok());
  EXPECT_EQ(upper->ToString(), kText);
}

TEST(Uuid, RefusesOtherForms) {
  const std::vector<std::string> texts = {
      "",
      "0190a5c27f317abc8def0123456789ab",
      "{0190a5c2-7f31-7abc-8def-0123456789ab}",
      "urn:uuid:0190a5c2-7f31-7abc-8def-0123456789ab",
      "0190a5c2-7f31-7abc-8def-0123456789a",
      "0190a5c2-7f31-7abc-8def-0123456789abc",
      "0190a5c2-7f31-7abc-8def-0123456789ag",
      "0190a5c27-f31-7abc-8def-0123456789ab",
      "0190a5c2-7f31-7abc-8def 0123456789ab",
      std::string("0190a5c2-7f31-7abc-8def-0123456789a\0", 36),
  };
  for (const std::string& text : texts) {
    EXPECT_TRUE(absl::IsInvalidArgument(Uuid::Parse(text).status())) << text;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Uuid::FromBytes("fifteen bytes..").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Uuid::FromBytes("").status()));
}

TEST(Uuid, SortsAsItsText) {
  const Uuid low = *Uuid::Parse("00000000-0000-0000-0000-0000000000ff");
  const Uuid high = *Uuid::Parse("80000000-0000-0000-0000-000000000000");
  EXPECT_LT(low, high);  // bytes are unsigned
  EXPECT_LT(low.ToString(), high.ToString());
}

TEST(Uuid, HashesByValue) {
  const absl::flat_hash_set<Uuid> ids = {Uuid(), *Uuid::Parse(kText), *Uuid::Parse(kText)};
  EXPECT_EQ(ids.size(), 2u);
  EXPECT_TRUE(ids.contains(*Uuid::Parse(kText)));
}

TEST(Hex, ReadsWhatItWrites) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  EXPECT_EQ(*FromHex(ToHex(bytes)), bytes);
  EXPECT_EQ(ToHex(absl::string_view("\x00\xff\x0a", 3)), "00ff0a");
  EXPECT_EQ(*FromHex("00Ff0A"), std::string("\x00\xff\x0a", 3));
  EXPECT_EQ(*FromHex(""), "");
}

TEST(Hex, RefusesWithoutRepeatingWhatMayBeAKey) {
  for (const char* text : {"abc", "5ecre7", "0x", "ab cd ", "ab\xc3"}) {
    const absl::Status status = FromHex(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr(text)));
  }
  EXPECT_THAT(std::string(FromHex("0011x0").status().message()), HasSubstr("at 4"));
}

}  // namespace
}  // namespace doorstep
