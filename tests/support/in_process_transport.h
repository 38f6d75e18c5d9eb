// A link that fails where a test says: between a replica and any other transport, usually the
// server in the same process (core_transport.h).
//
//   FaultyTransport link(core_transport);
//   link.Script({Fault::kNone, Fault::kDropReply});   // the second call loses its reply
//
// Calls are counted over Hello, Push, every batch of a Pull and the calls about attachments; what
// is not scripted goes well.
#ifndef TESTS_SUPPORT_IN_PROCESS_TRANSPORT_H_
#define TESTS_SUPPORT_IN_PROCESS_TRANSPORT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "doorstep/transport.h"
#include "doorstep/v1/sync.pb.h"

namespace doorstep::testing {

enum class Fault {
  kNone,
  kDropRequest,  // the server never hears of it
  kDropReply,    // the server has done it, the device does not know
  kTwice,        // the request arrives twice; the second answer is what the device sees
};

class FaultyTransport : public Transport {
 public:
  // Borrows the other end.
  explicit FaultyTransport(Transport* next) : next_(next) {}

  // What happens to the calls to come, in order.
  void Script(std::vector<Fault> faults) { script_.assign(faults.begin(), faults.end()); }
  // Asked for every call beyond the script.
  void Decide(std::function<Fault()> decide) { decide_ = std::move(decide); }
  // Every pull ends after this many batches; 0: none is cut.
  void CutPullsAfter(int batches) { cut_after_ = batches; }

  // Seen so far.
  int hellos() const { return hellos_; }
  int pushes() const { return pushes_; }
  int batches() const { return batches_; }
  const v1::PushRequest& last_push() const { return last_push_; }
  const v1::PullRequest& last_pull() const { return last_pull_; }
  uint64_t records() const { return records_; }
  // Bytes of attachments that left the device, and how often one was sent or asked for.
  uint64_t chunk_bytes() const { return chunk_bytes_; }
  int puts() const { return puts_; }
  int gets() const { return gets_; }

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request) override;
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override;
  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override;
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest& request) override;
  absl::StatusOr<v1::AskAttachmentsResponse> AskAttachments(
      const v1::AskAttachmentsRequest& request) override;
  absl::StatusOr<v1::PutChunkResponse> PutChunk(const v1::PutChunkRequest& request) override;
  absl::StatusOr<v1::GetChunkResponse> GetChunk(const v1::GetChunkRequest& request) override;
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(uint64_t)>& on_notice) override;
  void Cancel() override;

 private:
  class Stream;
  Fault NextFault();
  template <typename Response>
  absl::StatusOr<Response> Call(const std::function<absl::StatusOr<Response>()>& call);

  Transport* next_;
  std::deque<Fault> script_;
  std::function<Fault()> decide_;
  int cut_after_ = 0;
  bool cancelled_ = false;
  int hellos_ = 0;
  int pushes_ = 0;
  int batches_ = 0;
  uint64_t records_ = 0;
  uint64_t chunk_bytes_ = 0;
  int puts_ = 0;
  int gets_ = 0;
  v1::PushRequest last_push_;
  v1::PullRequest last_pull_;
};

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_IN_PROCESS_TRANSPORT_H_
