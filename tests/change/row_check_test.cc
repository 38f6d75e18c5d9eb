#include "sync/change/row_check.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/schema/schema.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;

// A Thing with one head in one field.
RecordState Row(uint32_t field, std::string value) {
  RecordState state;
  state.id = *Uuid::Parse("01900000-0000-7000-8000-000000000001");
  state.kind = 1;
  Head head;
  head.value = std::move(value);
  state.At(field).heads.push_back(std::move(head));
  return state;
}

struct Case {
  const char* what;
  uint32_t field;
  std::string value;
  const char* error;  // null: let through
};

TEST(RowCheck, TakesWhatAnAuthorCouldHaveCommittedAndNothingElse) {
  const std::string name = "\x0a";
  const Case cases[] = {
      {"text", 1, name + "\x02Jo", nullptr},
      {"no value: somebody cleared it", 1, "", nullptr},
      {"text that is not UTF-8", 1, name + "\x02J\xff", "Thing.name: got \"J\\xff\", wanted UTF-8"},
      {"a NUL", 1, name + std::string("\x02J\0", 3), "Thing.name"},
      {"a number where text belongs", 1, "\x08\x05", "Thing.name"},
      {"a longer form of a number", 3, std::string("\x18\x85\x00", 3), "Thing.score"},
      {"a number out of range", 3, "\x18\x06", "Thing.score"},
      {"not a date", 2,
       "\x12\x03"
       "1.2",
       "Thing.day"},
      {"not an id", 15,
       "\x7a\x02"
       "no",
       "Thing.other"},
      {"an enum number of a newer schema", 9, "\x48\x63", nullptr},
      {"an element", 12,
       "\x62\x01"
       "a",
       nullptr},
      {"an element without a value", 12, "", "Thing.tags: got an element without a value"},
      {"a rating", 10, "\x52\x04\x08\x02\x10\x03", nullptr},
      {"a rating out of range", 10, "\x52\x04\x08\x02\x10\x09", "Thing.rating.severity"},
      {"a field of a newer schema", 4000, "anything", nullptr},
      {"a mark that is not UTF-8", kHiddenField, "\xc2\xa3\x09\x01\xff", "UTF-8"},
  };
  for (const Case& each : cases) {
    const absl::Status status = CheckRow(*EverythingSchema(), Row(each.field, each.value));
    if (each.error == nullptr) {
      EXPECT_TRUE(status.ok()) << each.what << ": " << status;
      continue;
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << each.what;
    EXPECT_THAT(std::string(status.message()), HasSubstr(each.error)) << each.what;
    EXPECT_THAT(std::string(status.message()), HasSubstr("01900000-0000-7000")) << each.what;
  }
}

TEST(RowCheck, LooksAtWhatWasAgreedToo) {
  RecordState state = Row(17, "");
  state.At(17).heads[0].agreed = Agreed{3, "\x8a\x01\x04\x08\x02\x10\x09"};
  EXPECT_EQ(CheckRow(*EverythingSchema(), state).code(), absl::StatusCode::kInvalidArgument);
}

TEST(RowCheck, AKindOfANewerSchemaIsLetThrough) {
  RecordState state = Row(1, "\xff");
  state.kind = 77;
  EXPECT_TRUE(CheckRow(*EverythingSchema(), state).ok());
}

}  // namespace
}  // namespace doorstep
