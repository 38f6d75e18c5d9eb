#include "sync/change/wire.h"

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/bytes.h"
#include "sync/base/limits.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const KindSpec& Thing() { return *EverythingSchema()->Find(1); }
const FieldSpec& Field(const char* name) { return *Thing().FindByName(name); }

std::string Bytes(absl::string_view hex) {
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') digits.push_back(c);
  }
  return *FromHex(digits);
}

// What ParseValues makes of a message in hexadecimal, in hexadecimal; or its error.
std::string Canonical(absl::string_view hex, Unknown unknown = Unknown::kRefuse) {
  const auto fields = ParseValues(Thing(), Bytes(hex), unknown);
  if (!fields.ok()) return std::string(fields.status().message());
  std::vector<std::string> out;
  for (const FieldValues& field : *fields) {
    for (const std::string& value : field.values) out.push_back(ToHex(value));
  }
  std::string text;
  for (const std::string& value : out) absl::StrAppend(&text, text.empty() ? "" : " ", value);
  return text;
}

absl::StatusCode Code(absl::string_view hex, Unknown unknown = Unknown::kRefuse) {
  return ParseValues(Thing(), Bytes(hex), unknown).status().code();
}

// Field 2 (day), with this text.
std::string Day(absl::string_view text) {
  return ToHex(absl::StrCat("\x12", std::string(1, static_cast<char>(text.size())), text));
}

TEST(ParseValues, LeavesCanonicalValuesAsTheyStand) {
  EXPECT_EQ(Canonical(""), "");
  EXPECT_EQ(Canonical("0a0141"), "0a0141");
  EXPECT_EQ(Canonical("0a00"), "0a00") << "an empty text is a value";
  EXPECT_EQ(Canonical("3000"), "3000") << "so is false";
  EXPECT_EQ(Canonical("18fbffffffffffffffff01"), "18fbffffffffffffffff01") << "-5";
}

TEST(ParseValues, PutsFieldsInOrder) {
  EXPECT_EQ(Canonical("4801 3001 0a0141"), "0a0141 3001 4801");
}

TEST(ParseValues, TakesPackedElementsApartAndCollapsesRepeats) {
  EXPECT_EQ(Canonical("6a 03 07 01 07"), "6801 6807");
  EXPECT_EQ(Canonical("6807 6a0101 6807"), "6801 6807");
  EXPECT_EQ(Canonical("6a00"), "") << "no element";
  EXPECT_EQ(Canonical("620162 620161 620162"), "620161 620162");
  EXPECT_EQ(Canonical("6201620a0141620161"), "0a0141 620161 620162") << "out of order";
}

TEST(ParseValues, AnEmptyPackedFieldBetweenTwoOthersConfusesNothing) {
  EXPECT_EQ(Canonical("620161 6a00 620162"), "620161 620162");
  EXPECT_THAT(Canonical("0a0141 6a00 0a0142"), StartsWith("Thing.name: got \"2 values\""));
}

TEST(ParseValues, MakesMinusZeroZero) {
  EXPECT_EQ(Canonical("39 0000000000000080"), "390000000000000000");
  EXPECT_EQ(Canonical("5209 21 0000000000000080"), "5209210000000000000000");
}

TEST(ParseValues, PutsPartsInOrder) {
  EXPECT_EQ(Canonical("5207 1a0161 1005 0801"),
            "520708011005"
            "1a0161");
}

struct Refusal {
  const char* hex;
  const char* message;
};

void PrintTo(const Refusal& refusal, std::ostream* os) { *os << refusal.hex; }

class ValueRefused : public ::testing::TestWithParam<Refusal> {};

TEST_P(ValueRefused, NamesTheField) {
  EXPECT_THAT(Canonical(GetParam().hex), HasSubstr(GetParam().message));
  EXPECT_EQ(Code(GetParam().hex), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Code(GetParam().hex, Unknown::kKeep), absl::StatusCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(
    Bytes, ValueRefused,
    ::testing::Values(Refusal{"0a", "Thing: got bytes that are no field at 0"},
                      Refusal{"3001 0a05 41", "no field at 2"},
                      Refusal{"00", "no field"},                        // field number 0
                      Refusal{"0b 0c", "no field"},                     // a group
                      Refusal{"0e00", "no field"},                      // wire type 6
                      Refusal{"308100", "no field"},                    // not the shortest varint
                      Refusal{"b00001", "no field"},                    // nor tag
                      Refusal{"20ffffffffffffffffffff01", "no field"},  // eleven bytes
                      Refusal{"20ffffffffffffffffff02", "no field"},    // more than 64 bits
                      Refusal{"f8ffffff7f00", "no field"},              // tag beyond 32 bits
                      Refusal{"390000", "no field"},
                      Refusal{"0a0141 0a0142", "Thing.name: got \"2 values\", wanted one"},
                      Refusal{"0a0141 0a0141", "Thing.name: got \"2 values\", wanted one"},
                      Refusal{"0801", "Thing.name: got a varint, wanted length-delimited bytes"},
                      Refusal{"0d00000000", "Thing.name: got 4 fixed bytes"},
                      Refusal{"320101", "Thing.yes: got length-delimited bytes, wanted a varint"},
                      Refusal{"6101 00000000000000", "Thing.tags: got 8 fixed bytes"}));

INSTANTIATE_TEST_SUITE_P(
    Values, ValueRefused,
    ::testing::Values(
        Refusal{"0a02c328", "Thing.name: got \"\\xc3(\", wanted UTF-8"},
        Refusal{"0a03eda080", "wanted UTF-8"}, Refusal{"0a0100", "wanted text without NUL"},
        Refusal{"0a15414141414141414141414141414141414141414141",
                "\"21 bytes\", wanted at most 20"},
        Refusal{"1806", "Thing.score: got \"6\", wanted -5 to 5"},
        Refusal{"18faffffffffffffffff01", "Thing.score: got \"-6\""},
        Refusal{"288080808010", "Thing.count: got \"4294967296\", wanted 0 to 4294967295"},
        Refusal{"28ffffffffffffffffff01", "Thing.count: got \"-1\""},
        Refusal{"98018080808008", "Thing.plain: got \"2147483648\""},
        Refusal{"9801ffffffff0f", "Thing.plain: got \"4294967295\""},
        Refusal{"3002", "Thing.yes: got \"2\", wanted 0 or 1"},
        Refusal{"39000000000000f07f", "Thing.real: got \"inf\", wanted a finite number"},
        Refusal{"39000000000000f87f", "Thing.real: got \"nan\""},
        Refusal{"4800", "Thing.colour: got \"0\", wanted the number of a value, not 0"},
        Refusal{"488080808008", "Thing.colour: got \"2147483648\""},
        Refusal{"6a020100", "Thing.colours: got \"0\""},
        Refusal{"6a0181", "Thing.colours: got bytes that are no field"},
        Refusal{"7a0141", "Thing.other: got \"A\", wanted a UUID in lower case"}));

INSTANTIATE_TEST_SUITE_P(
    Parts, ValueRefused,
    ::testing::Values(Refusal{"5200", "Thing.rating: got \"\", wanted at least one part"},
                      Refusal{"520108", "Thing.rating: got bytes that are no field at 0"},
                      Refusal{"52020806", "Thing.rating.likelihood: got \"6\", wanted 1 to 5"},
                      Refusal{"5204 0801 0802", "Thing.rating.likelihood: got \"two values\""},
                      Refusal{"52023001", "Thing.rating: got \"part 6\", wanted a part that"},
                      Refusal{"52022800", "Thing.rating.colour: got \"0\""},
                      Refusal{"52020a00", "Thing.rating.likelihood: got length-delimited"},
                      Refusal{"520401020304", "Thing.rating: got bytes that are no field"}));

TEST(ParseValues, ChecksDates) {
  for (const char* good : {"2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "2023-04-30"}) {
    EXPECT_EQ(Canonical(Day(good)), Day(good)) << good;
  }
  for (const char* bad : {"2023-02-29", "1900-02-29", "0000-01-01", "2023-13-01", "2023-00-10",
                          "2023-04-31", "2023-01-00", "2023-1-01", "2023/01/01", "2023-01-0a", "",
                          "1.2.1930", "02023-1-1 ", "-023-01-01"}) {
    EXPECT_THAT(Canonical(Day(bad)),
                StartsWith(absl::StrCat("Thing.day: got \"", bad, "\", wanted YYYY-MM-DD")));
  }
}

TEST(ParseValues, ChecksRecordIds) {
  const auto other = [](absl::string_view text) {
    return ToHex(absl::StrCat("\x7a", std::string(1, static_cast<char>(text.size())), text));
  };
  const std::string good = other("01900000-0000-7000-8000-0000000000aa");
  EXPECT_EQ(Canonical(good), good);
  for (const char* bad :
       {"01900000-0000-7000-8000-0000000000AA", "019000000000700080000000000000aa",
        "01900000-0000-7000-8000-0000000000a", "01900000_0000-7000-8000-0000000000aa",
        "0190000-00000-7000-8000-0000000000aa"}) {
    EXPECT_THAT(Canonical(other(bad)), HasSubstr("Thing.other: got")) << bad;
  }
}

TEST(ParseValues, RefusesOrKeepsWhatANewerSchemaMayKnow) {
  for (const char* hex : {"a80601", "aa060141", "4803", "6a0103", "52022803"}) {
    EXPECT_EQ(Code(hex), absl::StatusCode::kUnimplemented) << hex;
    EXPECT_EQ(Code(hex, Unknown::kKeep), absl::StatusCode::kOk) << hex;
  }
  EXPECT_EQ(Canonical("a80602 0a0141 a80601", Unknown::kKeep), "0a0141 a80602 a80601")
      << "entries of an unknown field keep their order";
  EXPECT_EQ(Canonical("aa06020102", Unknown::kKeep), "aa06020102") << "and stay packed";
  EXPECT_THAT(Canonical("a80601"), StartsWith("Thing: got field 101"));
  EXPECT_THAT(Canonical("4803"), StartsWith("Thing.colour: got the enum number 3"));
}

TEST(ParseValues, BoundsTheElementsOfASet) {
  std::string message;
  for (size_t i = 0; i <= kMaxSetElements; ++i) {
    Scalar scalar;
    scalar.present = true;
    scalar.integer = static_cast<int64_t>(i);
    message += EncodeScalar(Field("numbers").scalar, scalar);
  }
  EXPECT_THAT(std::string(ParseValues(Thing(), message, Unknown::kRefuse).status().message()),
              StartsWith("Thing.numbers: got \"1025 elements\", wanted at most 1024"));
}

TEST(ParseValues, ManyFieldsOutOfOrderAreSorted) {
  std::string message;
  for (uint32_t number = 60000; number > 300; --number) {
    if (MarkField(number) != nullptr) continue;
    ScalarSpec spec;
    spec.number = number;
    Scalar scalar;
    scalar.present = true;
    message += EncodeScalar(spec, scalar);
  }
  const auto fields = ParseValues(Thing(), message, Unknown::kKeep);
  ASSERT_TRUE(fields.ok());
  EXPECT_EQ(fields->size(), 59698u);
  EXPECT_EQ(fields->front().field, 301u);
}

TEST(ParseValue, TakesOneEntryOfTheField) {
  EXPECT_TRUE(ParseValue(Thing(), Field("name"), Bytes("0a0141"), Unknown::kRefuse).ok());
  for (const char* hex : {"", "0a", "120141", "0a01410a0141", "6a0101"}) {
    EXPECT_FALSE(ParseValue(Thing(), Field("name"), Bytes(hex), Unknown::kRefuse).ok()) << hex;
  }
  EXPECT_FALSE(ParseValue(Thing(), Field("colours"), Bytes("6a0101"), Unknown::kRefuse).ok())
      << "an element is not packed";
}

TEST(SplitMessage, TellsFieldsApartWithoutASchema) {
  std::vector<WireEntry> entries;
  const std::string message = Bytes("4801 0a0141 6a020102 0d00000000 390000000000000000");
  ASSERT_TRUE(SplitMessage(message, &entries).ok());
  std::vector<uint32_t> fields;
  std::string joined;
  for (const WireEntry& entry : entries) {
    fields.push_back(entry.field);
    absl::StrAppend(&joined, entry.bytes);
  }
  EXPECT_THAT(fields, ElementsAre(9, 1, 13, 1, 7));
  EXPECT_EQ(joined, message);
  for (const char* bad : {"0b", "0c", "00", "0a02", "8000"}) {
    EXPECT_EQ(SplitMessage(Bytes(bad), &entries).code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(DecodeScalar, YieldsWhatTheValueHolds) {
  EXPECT_FALSE(DecodeScalar(Field("name").scalar, "")->present);
  EXPECT_EQ(DecodeScalar(Field("name").scalar, Bytes("0a0141"))->bytes, "A");
  EXPECT_EQ(DecodeScalar(Field("score").scalar, Bytes("18fbffffffffffffffff01"))->integer, -5);
  EXPECT_EQ(DecodeScalar(Field("yes").scalar, Bytes("3001"))->integer, 1);
  EXPECT_EQ(DecodeScalar(Field("real").scalar, Bytes("39000000000000f83f"))->real, 1.5);
}

TEST(DecodeScalar, AMistakeIsInternal) {
  for (const char* hex : {"0a", "120141", "0801", "0a01410a0141"}) {
    EXPECT_EQ(DecodeScalar(Field("name").scalar, Bytes(hex)).status().code(),
              absl::StatusCode::kInternal);
  }
  for (const char* hex :
       {"52", "0a0141", "5202", "52020a00", "52023001", "520408010802", "520410050801", "5001"}) {
    EXPECT_EQ(DecodeParts(Field("rating"), Bytes(hex)).status().code(), absl::StatusCode::kInternal)
        << hex;
  }
}

TEST(DecodeParts, YieldsOneScalarForEachPart) {
  const std::string value = Bytes("5205 1005 1a0161");
  const auto parts = DecodeParts(Field("rating"), value);
  ASSERT_TRUE(parts.ok());
  ASSERT_EQ(parts->size(), 5u);
  EXPECT_FALSE((*parts)[0].present);
  EXPECT_EQ((*parts)[1].integer, 5);
  EXPECT_EQ((*parts)[2].bytes, "a");
  EXPECT_EQ(DecodeParts(Field("rating"), "")->size(), 5u);
}

TEST(Encode, NothingIsNoValue) {
  EXPECT_EQ(EncodeScalar(Field("name").scalar, Scalar()), "");
  EXPECT_EQ(EncodeParts(Field("rating"), std::vector<Scalar>(5)), "");
  Scalar minus_zero;
  minus_zero.present = true;
  minus_zero.real = -0.0;
  EXPECT_EQ(ToHex(EncodeScalar(Field("real").scalar, minus_zero)), "390000000000000000");
}

TEST(CompareKey, IsOfThePartsThatTheRuleCompares) {
  const FieldSpec& rating = Field("rating");
  EXPECT_EQ(CompareKey(rating, ""), "");
  EXPECT_EQ(CompareKey(rating, Bytes("5207080110051a0161")),
            CompareKey(rating, Bytes("5207080110051a0162")));
  EXPECT_NE(CompareKey(rating, Bytes("520408011005")), CompareKey(rating, Bytes("520408021005")));
  EXPECT_NE(CompareKey(rating, Bytes("52031a0161")), "") << "a value is never no value";
  EXPECT_EQ(CompareKey(Field("name"), Bytes("0a0141")), Bytes("0a0141"));
}

}  // namespace
}  // namespace doorstep
