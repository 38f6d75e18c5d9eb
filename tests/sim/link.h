// The network between one device and the server. It loses, delays, repeats and cuts as the step
// says, by the number of the exchange within the step, and looks at everything that passes.
#ifndef TESTS_SIM_LINK_H_
#define TESTS_SIM_LINK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "doorstep/transport.h"
#include "doorstep/v1/sync.pb.h"

namespace doorstep::sim {

class World;
struct SimDevice;

// What happens to an exchange:
//   lost      the request never arrives
//   noreply   the server has done it, the device does not know
//   twice     the request arrives twice
//   late      the device gives up; a push arrives later, by a `deliver` step
//   slow      it takes 20 seconds each way
//   droprow   a batch arrives without one of its records (a fault of this software, that digests
//             must find)
inline constexpr const char* kLinkFaults[] = {"lost", "noreply", "twice",
                                              "late", "slow",    "droprow"};

class Link : public Transport {
 public:
  Link(World* world, SimDevice* device) : world_(*world), device_(*device) {}

  // For the step that begins: faults by exchange, from 1.
  void Plan(std::map<int, std::string> faults);
  // A session begins: what disturbed the one before is over. What disturbs it in one step may end
  // it in a later one, when a repair is found to lack a row.
  void BeginSession() { disturbed_ = false; }
  // Whether any fault of the session has happened, or the server was not there.
  bool disturbed() const { return disturbed_; }

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request) override;
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override;
  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override;
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest& request) override;
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(uint64_t)>& on_notice) override;
  void Cancel() override {}

  // A push that was late arrives.
  void Arrive(const v1::PushRequest& push);

 private:
  class Stream;
  std::string NextFault();
  // The server's part of an exchange: reached, alive afterwards, seen by the model.
  template <typename Response>
  absl::StatusOr<Response> Reach(const std::function<absl::StatusOr<Response>()>& call);
  template <typename Response>
  absl::StatusOr<Response> Exchange(const std::string& fault,
                                    const std::function<absl::StatusOr<Response>()>& call);
  void LookAtBatch(const v1::PullBatch& batch);
  void DropRow(v1::PullBatch* batch);

  World& world_;
  SimDevice& device_;
  std::map<int, std::string> faults_;
  int exchange_ = 0;
  bool disturbed_ = false;
};

}  // namespace doorstep::sim

#endif  // TESTS_SIM_LINK_H_
