#include "sync/change/pack.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "doorstep/v1/sync.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;

constexpr size_t kMax = 100000;

v1::PullRows Rows(size_t authors) {
  v1::PullRows rows;
  for (size_t i = 0; i < authors; ++i) rows.add_authors("the same author");
  return rows;
}

std::string Message(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(Pack, ReadsBackWithAndWithoutCompression) {
  for (const size_t authors : {0u, 1u, 1000u}) {
    for (const bool compress : {false, true}) {
      v1::Packed packed;
      Pack(Rows(authors), compress, &packed);
      v1::PullRows rows;
      ASSERT_TRUE(Unpack(packed, kMax, &rows).ok());
      EXPECT_EQ(rows.authors_size(), static_cast<int>(authors));
      EXPECT_EQ(packed.compression() == v1::ZSTD, compress && authors == 1000);
    }
  }
}

TEST(Pack, LeavesAloneWhatCompressionMakesLarger) {
  v1::PullRows rows;
  std::string noise;
  uint32_t state = 1;
  for (int i = 0; i < 4000; ++i) {
    state = state * 1664525u + 1013904223u;
    noise.push_back(static_cast<char>(state >> 24));
  }
  rows.add_incarnations(noise);
  v1::Packed packed;
  Pack(rows, true, &packed);
  EXPECT_EQ(packed.compression(), v1::COMPRESSION_UNSPECIFIED);
  EXPECT_TRUE(Unpack(packed, kMax, &rows).ok());
}

TEST(Unpack, RefusesAClaimAboveTheLimitBeforeItAllocates) {
  v1::Packed packed;
  packed.set_compression(v1::ZSTD);
  packed.set_raw_size(0xffffffffu);
  v1::PullRows rows;
  EXPECT_THAT(Message(Unpack(packed, kMax, &rows)), HasSubstr("raw_size 4294967295"));
}

TEST(Unpack, YieldsNoMoreThanClaimed) {
  v1::Packed packed;
  Pack(Rows(1000), true, &packed);
  v1::PullRows rows;
  const uint32_t size = packed.raw_size();
  packed.set_raw_size(size - 1);
  EXPECT_THAT(Message(Unpack(packed, kMax, &rows)), HasSubstr("packed: got "));
  packed.set_raw_size(size + 1);
  EXPECT_THAT(Message(Unpack(packed, kMax, &rows)), HasSubstr("claimed"));
  packed.set_raw_size(0);
  EXPECT_FALSE(Unpack(packed, kMax, &rows).ok());
}

TEST(Unpack, RefusesPlainBytesOfAnotherSize) {
  v1::Packed packed;
  Pack(Rows(3), false, &packed);
  packed.set_raw_size(packed.raw_size() + 1);
  v1::PullRows rows;
  EXPECT_THAT(Message(Unpack(packed, kMax, &rows)), HasSubstr("claimed"));
}

TEST(Unpack, RefusesAnUnknownCompression) {
  v1::Packed packed;
  packed.set_compression(static_cast<v1::Compression>(7));
  v1::PullRows rows;
  EXPECT_THAT(Message(Unpack(packed, kMax, &rows)), HasSubstr("compression 7"));
}

TEST(Unpack, RefusesWhatDoesNotParse) {
  v1::Packed packed;
  packed.set_data("\x0a\x7f");
  packed.set_raw_size(2);
  v1::PullRows rows;
  EXPECT_THAT(Message(Unpack(packed, kMax, &rows)), HasSubstr("doorstep.v1.PullRows"));
}

TEST(Unpack, SurvivesEveryTruncationAndFlip) {
  const google::protobuf::LogSilencer silence;  // it logs every text that is not UTF-8
  v1::Packed packed;
  Pack(Rows(100), true, &packed);
  ASSERT_EQ(packed.compression(), v1::ZSTD);
  const std::string data = packed.data();
  v1::PullRows rows;
  for (size_t i = 0; i < data.size(); ++i) {
    packed.set_data(data.substr(0, i));
    EXPECT_FALSE(Unpack(packed, kMax, &rows).ok());
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = data;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      packed.set_data(flipped);
      Unpack(packed, kMax, &rows).IgnoreError();
    }
  }
}

}  // namespace
}  // namespace doorstep
