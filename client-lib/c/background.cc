// doorstep.h: what calls from threads of its own: observers, and the loop that syncs.
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "client-lib/c/arguments.h"
#include "client-lib/c/handles.h"
#include "doorstep.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/json.h"
#include "doorstep/observer.h"
#include "doorstep/sync_loop.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"

namespace {

using doorstep::c::Given;
using doorstep::c::Line;
using doorstep::c::Run;
using nlohmann::json;

// Calls `tell`, where there is one, with what `make` makes of the news. Here is the end of the
// thread's stack: nothing is thrown past it.
template <typename Make>
void Tell(doorstep_tell tell, void* context, Make make) {
  if (tell == nullptr) return;
  std::string line;
  try {
    line = Line(make());
  } catch (const std::exception&) {
    line = R"({"error":{"code":8,"message":"out of memory"}})";
  }
  tell(context, line.c_str());
}

json ToJson(const absl::StatusOr<doorstep::Answer>& answer) {
  if (!answer.ok()) return {{"error", doorstep::ErrorJson(answer.status())}};
  json rows = json::array();
  for (const std::vector<std::string>& cells : answer->cells) {
    json row = json::array();
    for (const std::string& cell : cells) row.push_back(doorstep::Parsed(cell));
    rows.push_back(std::move(row));
  }
  return {{"columns", answer->columns}, {"rows", std::move(rows)}};
}

}  // namespace

extern "C" {

int doorstep_observer_start(const char* directory, const char* sql, doorstep_tell tell,
                            void* context, doorstep_observer** observer, doorstep_error** error) {
  return doorstep_observer_start_with(directory, sql, nullptr, tell, context, observer, error);
}

int doorstep_observer_start_with(const char* directory, const char* sql, const char* options_json,
                                 doorstep_tell tell, void* context, doorstep_observer** observer,
                                 doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(
        Given("directory", directory, "sql", sql, "tell", tell, "observer", observer));
    doorstep::Environment environment;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadUnlock(options_json, &environment.unlock));
    DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<doorstep::Observer> started,
                              doorstep::Observer::Start(
                                  directory, sql,
                                  [tell, context](const absl::StatusOr<doorstep::Answer>& answer) {
                                    Tell(tell, context, [&] { return ToJson(answer); });
                                  },
                                  environment));
    *observer = new doorstep_observer{std::move(started)};
    return absl::OkStatus();
  });
}

int doorstep_loop_start(const char* directory, const char* address, const char* options_json,
                        doorstep_tell attempt, doorstep_tell progress, void* context,
                        doorstep_loop** loop, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("directory", directory, "address", address, "loop", loop));
    doorstep::GrpcOptions link;
    doorstep::SyncLoopOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadLoop(options_json, &link, &options));
    options.on_attempt = [attempt, context](const doorstep::SyncAttempt& now) {
      Tell(attempt, context, [&] { return doorstep::ToJson(now); });
    };
    options.on_progress = [progress, context](const doorstep::SyncProgress& now) {
      Tell(progress, context, [&] { return doorstep::ToJson(now); });
    };
    DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<doorstep::SyncLoop> started,
                              doorstep::SyncLoop::Start(
                                  directory,
                                  [server = std::string(address), link] {
                                    return doorstep::MakeGrpcTransport(server, link);
                                  },
                                  std::move(options)));
    *loop = new doorstep_loop{std::move(started)};
    return absl::OkStatus();
  });
}

void doorstep_loop_wake(doorstep_loop* loop) {
  if (loop != nullptr) loop->loop->Wake();
}

int doorstep_loop_hints(doorstep_loop* loop, const char* hints_json, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("loop", loop, "hints_json", hints_json));
    doorstep::SyncHints hints;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadHints(hints_json, &hints));
    loop->loop->SetHints(hints);
    return absl::OkStatus();
  });
}

void doorstep_loop_cancel(doorstep_loop* loop) {
  if (loop != nullptr) loop->loop->Cancel();
}

int doorstep_loop_wait(doorstep_loop* loop, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("loop", loop));
    return loop->loop->Wait();
  });
}

}  // extern "C"
