#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "sync/base/entropy.h"
#include "sync/change/record_json.h"
#include "sync/change/wire.h"
#include "tests/change/arbitrary.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

const KindSpec& Thing() { return *EverythingSchema()->Find(1); }

// The values of a record, in order of number.
std::vector<FieldValues> AnyFields() {
  std::vector<FieldValues> fields;
  for (const FieldSpec& field : Thing().fields) {
    if (*rc::gen::inRange(0, 2) == 0) continue;
    FieldValues values{field.number(), {AnyValue(field)}};
    if (field.is_set()) values.values.push_back(AnyValue(field));
    std::sort(values.values.begin(), values.values.end());
    values.values.erase(std::unique(values.values.begin(), values.values.end()),
                        values.values.end());
    fields.push_back(values);
  }
  return fields;
}

std::string Joined(const std::vector<FieldValues>& fields) {
  std::string out;
  for (const FieldValues& field : fields) {
    for (const std::string& value : field.values) out += value;
  }
  return out;
}

RC_GTEST_PROP(Values, CanonicalValuesAreLeftAlone, ()) {
  const std::string message = Joined(AnyFields());
  const auto parsed = ParseValues(Thing(), message, Unknown::kRefuse);
  if (!parsed.ok()) RC_FAIL(parsed.status().ToString());
  RC_ASSERT(Joined(*parsed) == message);
}

RC_GTEST_PROP(Values, TheOrderOfFieldsDoesNotMatter, ()) {
  const std::vector<FieldValues> fields = AnyFields();
  std::vector<std::string> values;
  for (const FieldValues& field : fields) {
    values.insert(values.end(), field.values.begin(), field.values.end());
  }
  const auto order =
      *rc::gen::container<std::vector<uint32_t>>(values.size(), rc::gen::arbitrary<uint32_t>());
  std::vector<std::pair<uint32_t, std::string>> shuffled;
  for (size_t i = 0; i < values.size(); ++i) shuffled.emplace_back(order[i], values[i]);
  std::sort(shuffled.begin(), shuffled.end());
  std::string message;
  for (const auto& [key, value] : shuffled) message += value;
  const auto parsed = ParseValues(Thing(), message, Unknown::kRefuse);
  if (!parsed.ok()) RC_FAIL(parsed.status().ToString());
  RC_ASSERT(Joined(*parsed) == Joined(fields));
}

// Protobuf writes repeated numbers packed, and may write anything that it reads.
RC_GTEST_PROP(Values, WhatProtobufWritesIsReadAsWhatItMeans, ()) {
  const std::string message = Joined(AnyFields());
  google::protobuf::DynamicMessageFactory factory;
  std::unique_ptr<google::protobuf::Message> dynamic(
      factory.GetPrototype(Thing().descriptor)->New());
  RC_ASSERT(dynamic->ParseFromString(message));
  const auto parsed = ParseValues(Thing(), dynamic->SerializeAsString(), Unknown::kRefuse);
  if (!parsed.ok()) RC_FAIL(parsed.status().ToString());
  RC_ASSERT(Joined(*parsed) == message);
}

RC_GTEST_PROP(Values, ScalarsAndPartsEncodeToWhatTheyWereDecodedFrom, ()) {
  for (const FieldSpec& field : Thing().fields) {
    const std::string value = AnyValue(field);
    if (field.parts.empty()) {
      RC_ASSERT(EncodeScalar(field.scalar, *DecodeScalar(field.scalar, value)) == value);
    } else {
      RC_ASSERT(EncodeParts(field, *DecodeParts(field, value)) == value);
    }
    RC_ASSERT(*ParseValue(Thing(), field, value, Unknown::kRefuse) == value);
    RC_ASSERT(!CompareKey(field, value).empty());
  }
}

RC_GTEST_PROP(Json, ReadsWhatItWrote, ()) {
  std::string message = Joined(AnyFields());
  if (*rc::gen::inRange(0, 2) == 0)
    message += std::string(
        "\xc2\xbb\x01\x03"
        "abc",
        7);
  for (const bool pretty : {false, true}) {
    const auto json = ValuesToJson(*EverythingSchema(), Thing(), message, pretty);
    if (!json.ok()) RC_FAIL(json.status().ToString());
    const auto back = JsonToValues(*EverythingSchema(), Thing(), *json);
    if (!back.ok()) RC_FAIL(absl::StrCat(back.status().ToString(), "\n", *json));
    RC_ASSERT(*back == message);
  }
}

TEST(HostileValues, RandomMutationsAreCanonicalOrRefused) {
  constexpr uint64_t kSeed = 20260703;
  SeededEntropy entropy(kSeed);
  rc::Random random(kSeed);
  std::vector<std::string> messages;
  for (int i = 0; i < 40; ++i) {
    messages.push_back(
        rc::gen::exec([] { return Joined(AnyFields()); })(random.split(), rc::kNominalSize)
            .value() +
        std::string("\xc2\xbb\x01\x01"
                    "a",
                    5));
  }
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = messages[entropy.Below(messages.size())];
    for (uint64_t n = 1 + entropy.Below(3); n > 0; --n) {
      bytes[entropy.Below(bytes.size())] = static_cast<char>(entropy.Below(256));
    }
    if (entropy.Below(4) == 0) bytes.resize(entropy.Below(bytes.size()));
    const auto parsed = ParseValues(Thing(), bytes, Unknown::kKeep);
    if (!parsed.ok()) continue;
    const auto again = ParseValues(Thing(), Joined(*parsed), Unknown::kKeep);
    ASSERT_TRUE(again.ok()) << "round " << round << ": " << again.status();
    ASSERT_EQ(Joined(*again), Joined(*parsed)) << "round " << round;
    for (const FieldValues& field : *parsed) {
      const FieldSpec* spec = Thing().Find(field.field);
      for (const std::string& value : field.values) {
        if (spec == nullptr) continue;
        ASSERT_TRUE(spec->parts.empty() ? DecodeScalar(spec->scalar, value).ok()
                                        : DecodeParts(*spec, value).ok());
      }
    }
  }
}

}  // namespace
}  // namespace doorstep
