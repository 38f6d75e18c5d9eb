#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "sync/base/entropy.h"
#include "sync/change/pack.h"
#include "sync/schema/schema.h"
#include "tests/fuzz/stage.h"
#include "tests/fuzz/target.h"

namespace doorstep::fuzz {
namespace {

constexpr size_t kMaxRows = 4u << 20;

std::string RowsOf(const v1::PullBatch& batch) {
  v1::PullRows rows;
  Must(Unpack(batch.rows(), kMaxRows, &rows));
  return rows.SerializeAsString();
}

void UnitSeeds(std::vector<std::string>* seeds) {
  for (const v1::PushUnits& units : Stage::Get().pushes()) {
    for (const v1::Envelope& unit : units.units()) {
      seeds->push_back(static_cast<char>(unit.changes()) + unit.payload());
    }
  }
}

void RowSeeds(std::vector<std::string>* seeds) {
  for (const v1::PullBatch& batch : Stage::Get().batches()) seeds->push_back(RowsOf(batch));
}

void PlanSeeds(std::vector<std::string>* seeds) {
  SeededEntropy random(1);
  for (int i = 0; i < 24; ++i) {
    std::string bytes(64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Below(256));
    bytes[0] = static_cast<char>(i * 5);
    bytes[1] = 0;
    seeds->push_back(bytes);
  }
}

void PushSeeds(std::vector<std::string>* seeds) {
  for (const v1::PushUnits& units : Stage::Get().pushes()) {
    seeds->push_back('\0' + units.SerializeAsString());
    // Each unit alone, so that bases wait.
    for (const v1::Envelope& unit : units.units()) {
      v1::PushUnits alone;
      *alone.mutable_authors() = units.authors();
      *alone.add_units() = unit;
      seeds->push_back('\0' + alone.SerializeAsString());
    }
  }
}

void PullSeeds(std::vector<std::string>* seeds) {
  std::string all;
  for (const v1::PullBatch& batch : Stage::Get().batches()) {
    const char flags = static_cast<char>((batch.complete() ? 1 : 0) | (batch.first_done() ? 2 : 0));
    seeds->push_back(flags + Piece(RowsOf(batch)));
    all += seeds->back();
  }
  seeds->push_back(all);
}

void SchemaSeeds(std::vector<std::string>* seeds) {
  for (const char* name : {"doorstep/care/v1/handover.proto", "doorstep/care/v1/people.proto",
                           "doorstep/care/v1/risk.proto", "doorstep/care/v1/case_work.proto",
                           "doorstep/care/v1/programme.proto", "doorstep/care/v1/common.proto"}) {
    const auto* file = doorstep::Schema::BuiltIn()->pool()->FindFileByName(name);
    if (file == nullptr) continue;
    google::protobuf::FileDescriptorProto proto;
    file->CopyTo(&proto);
    seeds->push_back('\0' + proto.SerializeAsString());
  }
}

}  // namespace

const std::vector<Target>& Targets() {
  static const auto& targets = *new std::vector<Target>{
      {"unit", Unit}, {"row", Row},       {"plan", Plan},
      {"push", Push}, {"schema", Schema}, {"pull", Pull},
  };
  return targets;
}

std::vector<std::string> Seeds(absl::string_view target) {
  std::vector<std::string> seeds;
  if (target == "unit") UnitSeeds(&seeds);
  if (target == "row") RowSeeds(&seeds);
  if (target == "plan") PlanSeeds(&seeds);
  if (target == "push") PushSeeds(&seeds);
  if (target == "pull") PullSeeds(&seeds);
  if (target == "schema") SchemaSeeds(&seeds);
  return seeds;
}

std::string Piece(absl::string_view bytes) {
  std::string piece = {static_cast<char>(bytes.size() & 0xff),
                       static_cast<char>(bytes.size() >> 8)};
  return piece.append(bytes.data(), bytes.size());
}

}  // namespace doorstep::fuzz
