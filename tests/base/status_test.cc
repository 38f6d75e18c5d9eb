#include "sync/base/status.h"

#include <string>

#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/limits.h"

namespace doorstep {
namespace {

TEST(Annotate, PrefixesTheMessageAndKeepsTheRest) {
  absl::Status status = absl::NotFoundError("no row");
  status.SetPayload("doorstep/why", absl::Cord("because"));
  const absl::Status annotated = Annotate(status, "read note");
  EXPECT_EQ(annotated.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(annotated.message(), "read note: no row");
  EXPECT_EQ(annotated.GetPayload("doorstep/why"), absl::Cord("because"));
  EXPECT_TRUE(Annotate(absl::OkStatus(), "read note").ok());
}

TEST(InvalidField, SaysWhereWhatAndWhatInstead) {
  const absl::Status status = InvalidField("note.body", "5", "text");
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(), "note.body: got \"5\", wanted text");
}

TEST(Quoted, IsOneShortLineOfPrintableAscii) {
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted("a\nb"), "\"a\\x0ab\"");
  EXPECT_EQ(Quoted("say \"hi\" \\"), "\"say \\\"hi\\\" \\\\\"");
  EXPECT_EQ(Quoted("\xc3\xa9\x7f"), "\"\\xc3\\xa9\\x7f\"");
  EXPECT_EQ(Quoted(absl::string_view("\0", 1)), "\"\\x00\"");
  EXPECT_EQ(Quoted(std::string(80, 'a')), "\"" + std::string(80, 'a') + "\"");
  EXPECT_EQ(Quoted(std::string(81, 'a')), "\"" + std::string(80, 'a') + "\"...");
  for (size_t size = 0; size < 200; ++size) {
    const std::string quoted = Quoted(std::string(size, '\x1b') + std::string(size, 'x'));
    EXPECT_LE(quoted.size(), kMaxQuotedValueBytes + 5);
    for (const char c : quoted) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
  }
}

absl::Status FailWhen(bool fail) {
  return fail ? absl::AbortedError("asked to") : absl::OkStatus();
}

absl::StatusOr<std::string> NameWhen(bool give) {
  if (give) return "name";
  return absl::NotFoundError("nameless");
}

absl::StatusOr<size_t> Both(bool fail, bool give) {
  DOORSTEP_RETURN_IF_ERROR(FailWhen(fail));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string name, NameWhen(give));
  std::string again;
  DOORSTEP_ASSIGN_OR_RETURN(again, NameWhen(give));
  return name.size() + again.size();
}

TEST(Macros, ReturnTheFirstError) {
  EXPECT_EQ(*Both(false, true), 8u);
  EXPECT_EQ(Both(true, true).status(), absl::AbortedError("asked to"));
  EXPECT_EQ(Both(false, false).status(), absl::NotFoundError("nameless"));
}

}  // namespace
}  // namespace doorstep
