// The text by which a device enrols.
#include "sync/identity/enrolment_code.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

EnrolmentCode Sample() {
  return {std::string(EnrolmentCode::kIdBytes, 'i'),
          std::string(EnrolmentCode::kSecretBytes, 's'),
          std::string(EnrolmentCode::kFingerprintBytes, '\xff'),
          "records.example.org:7401",
          "records.example.org",
          "north",
          "rose-court",
          "Küche 2"};
}

TEST(EnrolmentCode, ComesBackAsItWas) {
  const std::string text = FormatEnrolmentCode(Sample());
  EXPECT_THAT(text, StartsWith("DOORSTEP-"));
  EXPECT_EQ(*ParseEnrolmentCode(text), Sample());
  EnrolmentCode empty = Sample();
  empty.name = empty.address = empty.tenant = empty.site = empty.server = "";
  EXPECT_EQ(*ParseEnrolmentCode(FormatEnrolmentCode(empty)), empty);
  EnrolmentCode full = Sample();
  full.name = std::string(255, 'n');
  EXPECT_EQ(*ParseEnrolmentCode(FormatEnrolmentCode(full)), full);
}

TEST(EnrolmentCode, SpacesCaseAndHyphensDoNotCount) {
  const std::string text = FormatEnrolmentCode(Sample());
  std::string spread;
  for (const char c : text)
    absl::StrAppend(&spread, std::string(1, absl::ascii_tolower(c)), " -\n");
  EXPECT_EQ(*ParseEnrolmentCode(spread), Sample());
}

// Any one character that is wrong, missing or twice is found here, and no part of the secret is
// told.
TEST(EnrolmentCode, EverySlipIsFound) {
  const std::string text = FormatEnrolmentCode(Sample());
  int refused = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-') continue;
    std::string other = text;
    other[i] = text[i] == 'A' ? 'B' : 'A';
    std::string missing = text;
    missing.erase(i, 1);
    std::string twice = text;
    twice.insert(i, 1, text[i]);
    for (const std::string& slip : {other, missing, twice}) {
      const absl::StatusOr<EnrolmentCode> code = ParseEnrolmentCode(slip);
      // The last digits have bits that mean nothing.
      if (code.ok() && *code == Sample()) continue;
      ASSERT_EQ(code.status().code(), absl::StatusCode::kInvalidArgument) << i;
      EXPECT_THAT(std::string(code.status().message()), Not(HasSubstr(text.substr(10, 20))));
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);
  for (const std::string& text_of_no_code :
       {std::string(), std::string("DOORSTEP-"), std::string("DOORSTEP-AAAA"),
        std::string(5000, 'A'), std::string("DOORSTEP-1")}) {
    EXPECT_FALSE(ParseEnrolmentCode(text_of_no_code).ok());
  }
}

}  // namespace
}  // namespace doorstep
