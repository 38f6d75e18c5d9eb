// What plants derive from: a Transport, and a server's Store with its views and transactions, that
// pass everything on.
#ifndef TESTS_SIM_FORWARDING_H_
#define TESTS_SIM_FORWARDING_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "doorstep/transport.h"
#include "doorstep/v1/sync.pb.h"
#include "server/store.h"

namespace doorstep::sim {

class ForwardingTransport : public Transport {
 public:
  explicit ForwardingTransport(Transport* next) : next_(*next) {}

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request) override {
    return next_.Hello(request);
  }
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    return next_.Push(request);
  }
  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override {
    return next_.Pull(request);
  }
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest& request) override {
    return next_.History(request);
  }
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(uint64_t)>& on_notice) override {
    return next_.Watch(request, on_notice);
  }
  void Cancel() override { next_.Cancel(); }

 protected:
  Transport& next_;
};

// All of ReadView, over another one. `Base` is ReadView or WriteTransaction.
template <typename Base>
class ForwardingReading : public Base {
 public:
  explicit ForwardingReading(std::unique_ptr<Base> inner) : inner_(std::move(inner)) {}

  absl::StatusOr<uint64_t> Head() override { return inner_->Head(); }
  absl::StatusOr<uint64_t> Epoch() override { return inner_->Epoch(); }
  absl::StatusOr<std::vector<uint32_t>> ReplacedEarly(const ChangeId& change) override {
    return inner_->ReplacedEarly(change);
  }
  absl::StatusOr<std::vector<server::EpochRow>> Epochs() override { return inner_->Epochs(); }
  absl::StatusOr<std::optional<RecordState>> Load(const Uuid& record) override {
    return inner_->Load(record);
  }
  absl::StatusOr<RecordState> LoadAt(uint64_t record) override { return inner_->LoadAt(record); }
  absl::StatusOr<std::optional<server::CompartmentRef>> FindCompartment(
      const CompartmentId& id) override {
    return inner_->FindCompartment(id);
  }
  absl::StatusOr<server::CompartmentTotals> Totals(server::CompartmentRef compartment) override {
    return inner_->Totals(compartment);
  }
  absl::StatusOr<std::vector<server::FeedPlace>> Feed(server::CompartmentRef compartment,
                                                      server::FeedPlace after,
                                                      uint64_t last_sequence,
                                                      size_t limit) override {
    return inner_->Feed(compartment, after, last_sequence, limit);
  }
  absl::StatusOr<uint64_t> EstimateFeed(server::CompartmentRef compartment, server::FeedPlace after,
                                        size_t exact) override {
    return inner_->EstimateFeed(compartment, after, exact);
  }
  absl::StatusOr<std::vector<server::MembershipRow>> Memberships(absl::string_view site) override {
    return inner_->Memberships(site);
  }
  absl::StatusOr<std::vector<server::MembershipRow>> Losses(absl::string_view site,
                                                            uint64_t after) override {
    return inner_->Losses(site, after);
  }
  absl::StatusOr<std::optional<server::AccessEnd>> LastLoss(absl::string_view site,
                                                            const Uuid& file) override {
    return inner_->LastLoss(site, file);
  }
  absl::StatusOr<bool> IsMember(absl::string_view site,
                                server::CompartmentRef compartment) override {
    return inner_->IsMember(site, compartment);
  }
  absl::StatusOr<std::vector<std::string>> SitesOf(server::CompartmentRef compartment) override {
    return inner_->SitesOf(compartment);
  }
  absl::StatusOr<std::vector<server::MembershipRow>> CompartmentsOf(const Uuid& file) override {
    return inner_->CompartmentsOf(file);
  }
  absl::StatusOr<std::optional<server::UnitRow>> UnitOf(const ChangeId& change) override {
    return inner_->UnitOf(change);
  }
  absl::StatusOr<std::optional<server::UnitRow>> FirstOverlap(const Uuid& incarnation,
                                                              uint64_t counter,
                                                              uint32_t changes) override {
    return inner_->FirstOverlap(incarnation, counter, changes);
  }
  absl::StatusOr<std::vector<server::UnitRow>> Outcomes(const Uuid& device, uint64_t after,
                                                        size_t limit) override {
    return inner_->Outcomes(device, after, limit);
  }
  absl::StatusOr<bool> AnyHeld() override { return inner_->AnyHeld(); }
  absl::StatusOr<std::vector<server::HeldRow>> HeldFor(const server::Awaited& what) override {
    return inner_->HeldFor(what);
  }
  absl::StatusOr<bool> CreationRefused(const Uuid& record) override {
    return inner_->CreationRefused(record);
  }
  absl::StatusOr<std::vector<server::WithdrawalRow>> Withdrawals(absl::string_view site,
                                                                 uint64_t after) override {
    return inner_->Withdrawals(site, after);
  }
  absl::StatusOr<std::vector<server::WithdrawalRow>> WithdrawalsOf(const Uuid& record) override {
    return inner_->WithdrawalsOf(record);
  }
  absl::StatusOr<std::vector<server::AccessSpan>> AccessLog(
      server::CompartmentRef compartment) override {
    return inner_->AccessLog(compartment);
  }
  absl::StatusOr<std::vector<server::SentRow>> SentTo(const Uuid& device) override {
    return inner_->SentTo(device);
  }
  absl::StatusOr<std::vector<server::QuarantineRow>> Quarantine(uint64_t after,
                                                                size_t limit) override {
    return inner_->Quarantine(after, limit);
  }
  absl::StatusOr<std::vector<NamingRecord>> Naming(const Uuid& file,
                                                   absl::string_view sha256) override {
    return inner_->Naming(file, sha256);
  }
  absl::StatusOr<std::vector<server::NoticeRow>> Notices(const Uuid& device,
                                                         server::NoticePlace after,
                                                         size_t limit) override {
    return inner_->Notices(device, after, limit);
  }
  absl::StatusOr<std::optional<server::HistoryRow>> History(uint64_t sequence) override {
    return inner_->History(sequence);
  }
  absl::StatusOr<std::vector<server::HistoryRow>> HistoryAfter(uint64_t sequence,
                                                               size_t limit) override {
    return inner_->HistoryAfter(sequence, limit);
  }
  absl::StatusOr<server::HistoryRow> HistoryEnd() override { return inner_->HistoryEnd(); }
  absl::StatusOr<std::vector<server::HistoryPlace>> HistoryOf(const Uuid& record, uint64_t after,
                                                              size_t limit) override {
    return inner_->HistoryOf(record, after, limit);
  }
  absl::StatusOr<std::optional<std::string>> FileKey(const Uuid& file) override {
    return inner_->FileKey(file);
  }
  absl::StatusOr<bool> FileKnown(const Uuid& file) override { return inner_->FileKnown(file); }
  absl::StatusOr<std::optional<server::SiteRow>> FindSite(absl::string_view id) override {
    return inner_->FindSite(id);
  }
  absl::StatusOr<std::vector<server::SiteRow>> Sites() override { return inner_->Sites(); }
  absl::StatusOr<std::vector<server::PersonRow>> People() override { return inner_->People(); }
  absl::StatusOr<std::optional<server::DeviceRow>> FindDevice(const Uuid& id) override {
    return inner_->FindDevice(id);
  }
  absl::StatusOr<std::vector<server::DeviceRow>> Devices() override { return inner_->Devices(); }
  absl::StatusOr<std::optional<Uuid>> DeviceOf(const Uuid& incarnation) override {
    return inner_->DeviceOf(incarnation);
  }
  absl::StatusOr<std::optional<server::InviteRow>> FindInvite(absl::string_view id) override {
    return inner_->FindInvite(id);
  }
  absl::StatusOr<std::optional<server::EnrolmentRow>> FindEnrolment(const Uuid& device) override {
    return inner_->FindEnrolment(device);
  }
  absl::StatusOr<std::vector<server::AuditRow>> AuditAfter(uint64_t sequence,
                                                           size_t limit) override {
    return inner_->AuditAfter(sequence, limit);
  }
  absl::StatusOr<server::AuditRow> AuditEnd() override { return inner_->AuditEnd(); }
  absl::StatusOr<std::vector<server::EnrolmentRow>> Enrolments() override {
    return inner_->Enrolments();
  }
  absl::StatusOr<std::vector<Uuid>> RevokedDevices() override { return inner_->RevokedDevices(); }

 protected:
  std::unique_ptr<Base> inner_;
};

using ForwardingView = ForwardingReading<server::ReadView>;

class ForwardingWrite : public ForwardingReading<server::WriteTransaction> {
 public:
  using ForwardingReading::ForwardingReading;

  absl::StatusOr<uint64_t> NextSequence() override { return inner_->NextSequence(); }
  absl::Status AddEpoch(uint64_t epoch, uint64_t from_sequence) override {
    return inner_->AddEpoch(epoch, from_sequence);
  }
  absl::Status AddReplacedEarly(const ChangeId& change, uint32_t field) override {
    return inner_->AddReplacedEarly(change, field);
  }
  absl::Status Save(const RecordState* before, const RecordState& after) override {
    return inner_->Save(before, after);
  }
  absl::StatusOr<server::CompartmentRef> RefOf(const CompartmentId& id) override {
    return inner_->RefOf(id);
  }
  absl::StatusOr<uint64_t> Grant(absl::string_view site,
                                 server::CompartmentRef compartment) override {
    return inner_->Grant(site, compartment);
  }
  absl::StatusOr<uint64_t> Revoke(absl::string_view site, server::CompartmentRef compartment,
                                  int64_t now_ms) override {
    return inner_->Revoke(site, compartment, now_ms);
  }
  absl::Status AddUnit(const server::UnitRow& unit) override { return inner_->AddUnit(unit); }
  absl::Status AddHeld(const server::HeldRow& held,
                       const std::vector<server::Awaited>& awaited) override {
    return inner_->AddHeld(held, awaited);
  }
  absl::Status EndHeld(uint64_t sequence) override { return inner_->EndHeld(sequence); }
  absl::Status AddRefusedCreation(const Uuid& record) override {
    return inner_->AddRefusedCreation(record);
  }
  absl::Status PutWithdrawal(const server::WithdrawalRow& row) override {
    return inner_->PutWithdrawal(row);
  }
  absl::Status AddSent(const server::SentRow& row) override { return inner_->AddSent(row); }
  absl::Status PutQuarantine(const server::QuarantineRow& row) override {
    return inner_->PutQuarantine(row);
  }
  absl::Status AddNotice(const server::NoticeRow& notice) override {
    return inner_->AddNotice(notice);
  }
  absl::Status AddHistory(const server::HistoryRow& row) override {
    return inner_->AddHistory(row);
  }
  absl::Status AddHistoryOf(const Uuid& record, server::HistoryPlace place) override {
    return inner_->AddHistoryOf(record, place);
  }
  absl::Status AddAudit(const server::AuditRow& row) override { return inner_->AddAudit(row); }
  absl::Status AddFileKey(const Uuid& file, absl::string_view key) override {
    return inner_->AddFileKey(file, key);
  }
  absl::Status AddSite(const server::SiteRow& site) override { return inner_->AddSite(site); }
  absl::Status AddPerson(const server::PersonRow& person) override {
    return inner_->AddPerson(person);
  }
  absl::Status PutDevice(const server::DeviceRow& device) override {
    return inner_->PutDevice(device);
  }
  absl::Status AddIncarnation(const Uuid& incarnation, const Uuid& device) override {
    return inner_->AddIncarnation(incarnation, device);
  }
  absl::Status PutInvite(const server::InviteRow& invite) override {
    return inner_->PutInvite(invite);
  }
  absl::Status PutEnrolment(const server::EnrolmentRow& enrolment) override {
    return inner_->PutEnrolment(enrolment);
  }
  absl::Status Commit() override { return inner_->Commit(); }
};

// Views and transactions of the given classes, each made from the one beneath.
class ForwardingStore : public server::Store {
 public:
  using Views = std::function<std::unique_ptr<server::ReadView>(std::unique_ptr<server::ReadView>)>;
  using Writes = std::function<std::unique_ptr<server::WriteTransaction>(
      std::unique_ptr<server::WriteTransaction>, server::Store*)>;

  ForwardingStore(std::unique_ptr<server::Store> inner, Views views, Writes writes)
      : inner_(std::move(inner)), views_(std::move(views)), writes_(std::move(writes)) {}

  absl::StatusOr<std::unique_ptr<server::ReadView>> Read() override {
    auto view = inner_->Read();
    if (!view.ok() || views_ == nullptr) return view;
    return views_(*std::move(view));
  }
  absl::StatusOr<std::unique_ptr<server::WriteTransaction>> Write() override {
    auto write = inner_->Write();
    if (!write.ok() || writes_ == nullptr) return write;
    return writes_(*std::move(write), inner_.get());
  }

 private:
  std::unique_ptr<server::Store> inner_;
  Views views_;
  Writes writes_;
};

}  // namespace doorstep::sim

#endif  // TESTS_SIM_FORWARDING_H_
