// How a kind says that its records name attachments.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/schema/compare.h"
#include "sync/schema/schema.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kHash[] =
    "optional bytes hash = 1 [(doorstep.v1.field) = { merge: IMMUTABLE index: true max_bytes: 32 "
    "}, "
    "(doorstep.v1.attachment) = SHA256];";
constexpr char kSize[] =
    "optional int64 bytes = 2 [(doorstep.v1.field) = { merge: IMMUTABLE }, "
    "(doorstep.v1.attachment) = SIZE];";

absl::StatusOr<std::shared_ptr<const Schema>> Read(absl::string_view fields) {
  return SchemaFromText(
      absl::StrCat("import \"doorstep/v1/attachment_options.proto\";\n"
                   "message Photo { option (doorstep.v1.kind) = { number: 1 }; ",
                   fields, " }"));
}

TEST(AttachmentOptions, AreRead) {
  const auto schema = Read(absl::StrCat(kHash, kSize));
  ASSERT_TRUE(schema.ok()) << schema.status();
  const KindSpec& photo = *(*schema)->Find(1);
  EXPECT_EQ(photo.FindAttachment(AttachmentPart::kSha256)->number(), 1u);
  EXPECT_EQ(photo.FindAttachment(AttachmentPart::kSize)->number(), 2u);
  const KindSpec& thing = *EverythingSchema()->FindByName("Thing");
  EXPECT_EQ(thing.FindAttachment(AttachmentPart::kSha256), nullptr);
  const KindSpec& attachment = *Schema::BuiltIn()->FindByName("Attachment");
  EXPECT_EQ(attachment.FindAttachment(AttachmentPart::kSha256)->scalar.name, "sha256");
  EXPECT_EQ(attachment.FindAttachment(AttachmentPart::kSize)->scalar.name, "size");
}

TEST(AttachmentOptions, ContradictionsAreRefusedAndNamed) {
  struct Case {
    std::string fields;
    const char* path;
    const char* what;
  };
  const std::string option = "(doorstep.v1.attachment)";
  const Case cases[] = {
      {kHash, "t.Photo: ", "one part of an attachment, wanted both"},
      {kSize, "t.Photo: ", "one part of an attachment, wanted both"},
      {absl::StrCat(kHash, kSize,
                    "optional int64 more = 3 [(doorstep.v1.field).merge = IMMUTABLE, ", option,
                    " = SIZE];"),
       "t.Photo.more: ", "another field is too"},
      {absl::StrCat("optional string hash = 1 [(doorstep.v1.field) = { merge: IMMUTABLE "
                    "index: true }, ",
                    option, " = SHA256];", kSize),
       "t.Photo.hash: ", "wanted bytes"},
      {absl::StrCat("optional bytes hash = 1 [(doorstep.v1.field) = { merge: LATEST index: true "
                    "max_bytes: 32 }, ",
                    option, " = SHA256];", kSize),
       "t.Photo.hash: ", "merge IMMUTABLE"},
      {absl::StrCat("optional bytes hash = 1 [(doorstep.v1.field) = { merge: IMMUTABLE index: true "
                    "max_bytes: 64 }, ",
                    option, " = SHA256];", kSize),
       "t.Photo.hash: ", "max_bytes 32"},
      {absl::StrCat("optional bytes hash = 1 [(doorstep.v1.field) = { merge: IMMUTABLE "
                    "max_bytes: 32 }, ",
                    option, " = SHA256];", kSize),
       "t.Photo.hash: ", "index"},
      {absl::StrCat(kHash, "optional int32 bytes = 2 [(doorstep.v1.field).merge = IMMUTABLE, ",
                    option, " = SIZE];"),
       "t.Photo.bytes: ", "wanted an int64"},
  };
  for (const Case& c : cases) {
    const auto schema = Read(c.fields);
    ASSERT_FALSE(schema.ok()) << c.fields;
    EXPECT_THAT(std::string(schema.status().message()), StartsWith(c.path)) << c.fields;
    EXPECT_THAT(std::string(schema.status().message()), HasSubstr(c.what)) << c.fields;
  }
}

// Released fields may begin to say what they are, and never stop.
TEST(AttachmentOptions, AreForEver) {
  const auto with = Read(absl::StrCat(kHash, kSize));
  const auto without = Read(
      "optional bytes hash = 1 [(doorstep.v1.field) = { merge: IMMUTABLE index: true "
      "max_bytes: 32 }]; optional int64 bytes = 2 [(doorstep.v1.field).merge = IMMUTABLE];");
  ASSERT_TRUE(with.ok() && without.ok()) << with.status() << without.status();
  EXPECT_TRUE(IsAdditive(**without, **with));
  EXPECT_FALSE(IsAdditive(**with, **without));
  EXPECT_THAT(CompareSchemas(**with, **without).front().what, HasSubstr("attachment none"));
}

// Read through generated code, so a schema cannot alter them.
TEST(AttachmentOptions, AnotherFileOfThemIsRefused) {
  auto set =
      SetFromText(absl::StrCat("import \"doorstep/v1/attachment_options.proto\";\n"
                               "message Photo { option (doorstep.v1.kind) = { number: 1 }; ",
                               kHash, kSize, " }"));
  ASSERT_TRUE(set.ok()) << set.status();
  for (auto& file : *set->mutable_file()) {
    if (file.name() != "doorstep/v1/attachment_options.proto") continue;
    auto* added = file.mutable_enum_type(0)->add_value();
    added->set_name("THUMBNAIL");
    added->set_number(77);
  }
  EXPECT_THAT(std::string(Schema::FromDescriptorSet(set->SerializeAsString()).status().message()),
              StartsWith("doorstep/v1/attachment_options.proto: other options"));
}

}  // namespace
}  // namespace doorstep
