// A server and a device as every input of `push` and `pull` finds them: made once, always the same,
// and put back for each input.
//
// The server has the site "north" with a few records, over one of which two people differ. The
// device has pulled them; it has sent one more record, whose outcome it does not know yet, and
// holds further changes that it has not sent.
#ifndef TESTS_FUZZ_STAGE_H_
#define TESTS_FUZZ_STAGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "doorstep/v1/sync.pb.h"
#include "server/sync_core.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "tests/client/device.h"

namespace doorstep::fuzz {

class Stage {
 public:
  static Stage& Get();

  // A server as above, until the next call.
  server::SyncCore& FreshServer();
  // A device as above, until the next call.
  Device& FreshDevice();

  const v1::Sender& sender() const { return sender_; }
  uint64_t epoch() const { return epoch_; }
  uint64_t head() const { return head_; }
  // The record that the device has not sent.
  const std::string& unsent() const { return unsent_; }

  // The databases that both sides begin with.
  std::string replica_file() const { return directory_.path() + "/tablet.db"; }
  std::string server_file() const { return directory_.path() + "/server.db"; }

  // What an honest device would send now, and receive then.
  const std::vector<v1::PushUnits>& pushes() const { return pushes_; }
  const std::vector<v1::PullBatch>& batches() const { return batches_; }

 private:
  Stage();
  void Put(const std::string& from, const std::string& to) const;

  TestDirectory directory_;
  ManualClock clock_{kNine};
  std::optional<SeededEntropy> entropy_;  // the server's, from the same seed each time
  v1::Sender sender_;
  uint64_t epoch_ = 0, head_ = 0;
  std::string unsent_;
  std::vector<v1::PushUnits> pushes_;
  std::vector<v1::PullBatch> batches_;
  std::unique_ptr<server::SyncCore> core_;
  std::unique_ptr<Device> device_;
};

}  // namespace doorstep::fuzz

#endif  // TESTS_FUZZ_STAGE_H_
