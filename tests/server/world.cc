#include "tests/server/world.h"

#include <stdlib.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/admin.h"
#include "server/withdrawal.h"
#include "sync/base/limits.h"
#include "sync/change/digest.h"
#include "sync/change/pack.h"
#include "sync/change/record_json.h"
#include "sync/change/row_codec.h"
#include "sync/change/unit_codec.h"
#include "sync/change/wire.h"
#include "sync/merge/marks.h"
#include "sync/sqlite/database.h"

namespace doorstep::server {
namespace {

const KindSpec& Kind(absl::string_view kind) { return *Schema::BuiltIn()->FindByName(kind); }

ChangeData Change(absl::string_view kind, const Uuid& record, absl::string_view json) {
  ChangeData change;
  change.record = record;
  change.kind = Kind(kind).number;
  for (FieldValues& field : Must(ParseValues(Kind(kind), Values(kind, json), Unknown::kRefuse))) {
    FieldEdit edit;
    edit.field = field.field;
    if (Kind(kind).Find(field.field)->is_set()) {
      edit.adds = std::move(field.values);
    } else {
      edit.value = std::move(field.values.front());
    }
    change.edits.push_back(std::move(edit));
  }
  return change;
}

}  // namespace

TestDirectory::TestDirectory() {
  const char* base = ::getenv("TMPDIR");
  path_ = absl::StrCat(base == nullptr ? "/tmp" : base, "/doorstep-server-test-XXXXXX");
  if (::mkdtemp(path_.data()) == nullptr) abort();
}

TestDirectory::~TestDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Uuid Id(uint64_t n) {
  Uuid id;
  for (int i = 0; i < 8; ++i) id.b[15 - i] = static_cast<uint8_t>(n >> (8 * i));
  id.b[6] = 0x70;
  id.b[8] |= 0x80;
  return id;
}

std::string Values(absl::string_view kind, absl::string_view json) {
  return Must(JsonToValues(*Schema::BuiltIn(), Kind(kind), json));
}

uint32_t KindNumber(absl::string_view kind) { return Kind(kind).number; }

uint32_t FieldNumber(absl::string_view kind, absl::string_view field) {
  return Kind(kind).FindByName(field)->number();
}

ChangeData Create(absl::string_view kind, const Uuid& record, absl::string_view json) {
  ChangeData change = Change(kind, record, json);
  change.create = true;
  return change;
}

ChangeData Edit(absl::string_view kind, const Uuid& record, absl::string_view json,
                const std::vector<ChangeId>& base) {
  ChangeData change = Change(kind, record, json);
  for (FieldEdit& edit : change.edits) {
    const FieldSpec& field = *Kind(kind).Find(edit.field);
    if (!field.is_set()) edit.base = base;
    if (field.carries_agreed()) edit.agreed = Agreed{};
  }
  return change;
}

ChangeData Remove(absl::string_view kind, const Uuid& record, absl::string_view field,
                  absl::string_view json, const std::vector<ChangeId>& adds) {
  ChangeData change;
  change.record = record;
  change.kind = KindNumber(kind);
  FieldEdit edit;
  edit.field = FieldNumber(kind, field);
  edit.removals.push_back({Values(kind, json), adds});
  change.edits.push_back(std::move(edit));
  return change;
}

ChangeData Settled(ChangeData change, SettleMode mode, absl::string_view reason) {
  change.settle = Settle{mode, std::string(reason)};
  return change;
}

TestDevice::TestDevice(World* world, const Uuid& id, std::string site)
    : incarnation(NewUuidV4(world->entropy())), world_(*world), id_(id), site_(std::move(site)) {}

v1::Sender TestDevice::Sender() const {
  v1::Sender sender;
  sender.set_tenant("default");
  sender.set_device(std::string(id_.AsBytes()));
  sender.set_incarnation(std::string(incarnation.AsBytes()));
  sender.set_site(site_);
  return sender;
}

absl::StatusOr<v1::HelloResponse> TestDevice::Hello() {
  v1::HelloRequest request;
  *request.mutable_sender() = Sender();
  request.set_protocol_min(1);
  request.set_protocol_max(1);
  request.set_device_name("tablet");
  request.set_client("test");
  absl::StatusOr<v1::HelloResponse> response = world_.core().Hello(request);
  if (response.ok()) hello = *response;
  return response;
}

void TestDevice::Declare(const std::string& name, uint64_t first, uint64_t next, uint64_t pending) {
  v1::HelloRequest request;
  *request.mutable_sender() = Sender();
  request.set_protocol_min(1);
  request.set_protocol_max(1);
  request.set_device_name(name);
  request.set_pending(pending);
  request.set_first_waiting(first);
  request.set_next_counter(next);
  Must(world_.core().Hello(request).status());
}

Unit TestDevice::Prepare(const Uuid& file, std::vector<ChangeData> changes, uint8_t tier) {
  Unit unit;
  unit.incarnation = incarnation;
  unit.counter = counter;
  unit.compartment = {file, tier};
  if (sees_clock) {
    const ClockReading now = world_.clock().Read();
    stamp.wall_ms = now.wall_ms;
    stamp.boot = now.boot;
    stamp.mono_ms = now.mono_ms;
  }
  unit.stamp = stamp;
  unit.changes = std::move(changes);
  for (ChangeData& change : unit.changes) change.id = {incarnation, counter++};
  return unit;
}

absl::StatusOr<std::vector<v1::Receipt>> TestDevice::Push(const std::vector<Unit>& units) {
  v1::PushRequest request;
  *request.mutable_sender() = Sender();
  const ClockReading now = world_.clock().Read();
  request.mutable_now()->set_wall_ms(now.wall_ms);
  request.mutable_now()->set_boot(now.boot);
  request.mutable_now()->set_mono_ms(now.mono_ms);
  v1::PushUnits body;
  body.add_authors(author);
  for (const Unit& unit : units) {
    v1::Envelope* envelope = body.add_units();
    envelope->set_counter(unit.counter);
    envelope->set_changes(static_cast<uint32_t>(unit.changes.size()));
    envelope->set_schema_hash(Schema::BuiltIn()->hash());
    envelope->set_epoch(hello.epoch());
    envelope->set_checkpoint(cursor_);
    envelope->set_payload(Must(EncodeUnit(unit)));
  }
  request.set_earlier_waits(earlier_waits);
  Pack(body, zstd, request.mutable_units());
  absl::StatusOr<v1::PushResponse> response = world_.core().Push(request);
  if (!response.ok()) return response.status();
  return std::vector<v1::Receipt>(response->receipts().begin(), response->receipts().end());
}

absl::StatusOr<std::vector<v1::Receipt>> TestDevice::PushPayload(uint64_t at, uint32_t changes,
                                                                 const std::string& payload) {
  v1::PushRequest request;
  *request.mutable_sender() = Sender();
  v1::PushUnits body;
  body.add_authors(author);
  v1::Envelope* envelope = body.add_units();
  envelope->set_counter(at);
  envelope->set_changes(changes);
  envelope->set_payload(payload);
  Pack(body, zstd, request.mutable_units());
  absl::StatusOr<v1::PushResponse> response = world_.core().Push(request);
  if (!response.ok()) return response.status();
  return std::vector<v1::Receipt>(response->receipts().begin(), response->receipts().end());
}

Unit TestDevice::Do(const Uuid& file, std::vector<ChangeData> changes, uint8_t tier) {
  Unit unit = Prepare(file, std::move(changes), tier);
  const std::vector<v1::Receipt> receipts = Must(Push({unit}));
  if (receipts.size() != 1 || receipts[0].status() != v1::Receipt::STORED) {
    ADD_FAILURE() << "wanted STORED, got " << receipts[0].ShortDebugString();
    abort();
  }
  return unit;
}

v1::PullRequest TestDevice::NextPull() const {
  v1::PullRequest request;
  *request.mutable_sender() = Sender();
  request.set_epoch(hello.epoch());
  request.set_cursor(cursor_);
  request.set_first(first_);
  request.set_first_from(first_from_);
  request.set_accept_zstd(zstd);
  request.set_with_compartment_digests(true);
  if (position_) *request.mutable_position() = *position_;
  return request;
}

absl::StatusOr<v1::PullBatch> TestDevice::PullBatch() {
  absl::StatusOr<v1::PullBatch> batch = world_.core().Pull(NextPull());
  if (batch.ok()) Take(*batch);
  return batch;
}

void TestDevice::Take(const v1::PullBatch& batch) {
  v1::PullRows rows;
  Must(Unpack(batch.rows(), kMaxGrpcMessageBytes, &rows));
  for (const v1::Membership& membership : rows.memberships()) {
    if (!membership.taken()) continue;
    const auto& ref = rows.compartments(static_cast<int>(membership.compartment()));
    std::erase_if(rows_, [&](const auto& row) {
      return row.second.compartment.file.AsBytes() == absl::string_view(ref.file()) &&
             row.second.compartment.tier == ref.tier();
    });
  }
  for (const v1::Withdrawal& withdrawal : rows.withdrawals()) {
    rows_.erase(Must(Uuid::FromBytes(withdrawal.record())));
  }
  for (int i = 0; i < rows.records_size(); ++i) {
    RecordState delta = Must(ReadRow(rows, i));
    ++received_;
    const auto it = rows_.find(delta.id);
    if (it == rows_.end()) {
      rows_.emplace(delta.id, std::move(delta));
    } else {
      ApplyDelta(std::move(delta), &it->second);
    }
  }
  for (const v1::Outcome& outcome : rows.outcomes()) outcomes_[outcome.counter()] = outcome;
  position_ = batch.next();
  if (first_) first_from_ = batch.first_from();
  if (batch.first_done()) {
    first_ = false;
    cursor_ = first_from_;
    position_.reset();
  }
  if (batch.complete()) {
    cursor_ = batch.checkpoint();
    position_.reset();
    CheckDigest(batch);
  }
}

void TestDevice::CheckDigest(const v1::PullBatch& batch) const {
  std::map<CompartmentId, Digest> digests;
  for (const auto& [id, state] : rows_) digests[state.compartment].Add(DigestOf(state));
  Digest sum;
  for (const auto& [id, digest] : digests) sum.Add(DigestOf(id, digest));
  EXPECT_EQ(sum.ToBytes(), batch.digest()) << "rows differ at checkpoint " << batch.checkpoint();
  uint64_t records = 0;
  for (const auto& digest : batch.compartment_digests()) records += digest.records();
  EXPECT_EQ(records, rows_.size());
}

int TestDevice::Pull() {
  for (int batches = 1;; ++batches) {
    if (Must(PullBatch()).complete()) return batches;
  }
}

void TestDevice::Reset() {
  cursor_ = 0;
  first_ = true;
  first_from_ = 0;
  position_.reset();
  rows_.clear();
  outcomes_.clear();
}

World::World() {
  Restart();
  Must(AddSite(*tenant_, {"north", "North Team", ""}, entropy_));
  Must(AddSite(*tenant_, {"south", "South Team", ""}, entropy_));
}

TenantsOptions World::Options() {
  TenantsOptions options;
  options.data_dir = directory_.path();
  options.clock = &clock_;
  options.entropy = &entropy_;
  options.sqlite.sync = DatabaseOptions::Sync::kOff;
  return options;
}

void World::Tamper(const std::string& sql) {
  auto db = Must(Database::Open(path() + "/tenants/default.db", {}));
  Must(db->Exec(sql));
  ASSERT_GT(db->Changes(), 0) << sql;
}

void World::Restart() {
  core_.reset();
  core_ = std::make_unique<SyncCore>(Options());
  tenant_ = Must(core_->tenants().Ensure("default"));
}

std::unique_ptr<TestDevice> World::NewDevice(const std::string& site) {
  auto device = std::make_unique<TestDevice>(this, Id(next_device_++), site);
  Must(device->Hello());
  return device;
}

Unit World::Hide(const Uuid& record, TestDevice& device, absl::string_view reason) {
  const RecordState state = *Load(record);
  ChangeData hide;
  hide.record = record;
  hide.kind = state.kind;
  hide.seen = HeadsToHide(state);
  FieldEdit& mark = hide.edits.emplace_back();
  mark.field = kHiddenField;
  mark.value = MarkValue(kHiddenField, reason);
  return device.Do(state.compartment.file, {hide});
}

void World::Withdraw(const Uuid& record, TestDevice& device) {
  Hide(record, device);
  auto write = Must(tenant_->store().Write());
  Must(WithdrawRecord(record, {clock_.Read().wall_ms, "L Ward", "about Gwen"}, *write).status());
  Must(write->Commit());
}

std::optional<RecordState> World::Load(const Uuid& record) {
  return Must(Must(tenant_->store().Read())->Load(record));
}

uint64_t World::Head() { return Must(Must(tenant_->store().Read())->Head()); }

}  // namespace doorstep::server
