// doorstep.h: sync, and what a replica says of itself.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client-lib/c/answer.h"
#include "client-lib/c/arguments.h"
#include "client-lib/c/handles.h"
#include "doorstep.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/json.h"
#include "doorstep/why.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"

namespace {

using doorstep::Replica;
using doorstep::SyncProgress;
using doorstep::c::Answer;
using doorstep::c::Give;
using doorstep::c::GiveJson;
using doorstep::c::Given;
using doorstep::c::Line;
using doorstep::c::OrEmpty;
using doorstep::c::Run;
using nlohmann::json;

doorstep::Transport* TransportOf(doorstep_link* link) {
  return link == nullptr ? nullptr : link->transport.get();
}

}  // namespace

extern "C" {

int doorstep_link_new(const char* address, const char* options_json, doorstep_link** link,
                      doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("address", address, "link", link));
    doorstep::GrpcOptions grpc;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadLink(options_json, &grpc));
    *link = new doorstep_link{doorstep::MakeGrpcTransport(address, grpc)};
    return absl::OkStatus();
  });
}

void doorstep_link_cancel(doorstep_link* link) {
  if (link != nullptr) link->transport->Cancel();
}

int doorstep_sync(doorstep_replica* replica, doorstep_link* link, doorstep_visit progress,
                  void* context, char** result_json, doorstep_error** error) {
  return doorstep_sync_with(replica, link, nullptr, progress, context, result_json, error);
}

int doorstep_sync_with(doorstep_replica* replica, doorstep_link* link, const char* options_json,
                       doorstep_visit progress, void* context, char** result_json,
                       doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "link", link));
    doorstep::SyncOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadSync(options_json, &options.attachments));
    if (progress != nullptr) {
      options.progress = [&](const SyncProgress& now) {
        return progress(context, Line(doorstep::ToJson(now)).c_str()) == 0;
      };
    }
    DOORSTEP_ASSIGN_OR_RETURN(const doorstep::SyncResult result,
                              replica->replica->Sync(*link->transport, options));
    return result_json == nullptr ? absl::OkStatus()
                                  : GiveJson(doorstep::ToJson(result), result_json);
  });
}

int doorstep_watch(doorstep_replica* replica, doorstep_link* link, doorstep_visit notice,
                   void* context, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "link", link, "notice", notice));
    return replica->replica->Watch(*link->transport, [&](uint64_t head) {
      return notice(context, Line(json{{"head", head}}).c_str()) == 0;
    });
  });
}

int doorstep_status(doorstep_replica* replica, char** out, doorstep_error** error) {
  return Answer(replica, out, error, [](Replica& r) { return r.Status(); });
}

int doorstep_digest(doorstep_replica* replica, int recompute, char** out, doorstep_error** error) {
  return Answer(replica, out, error, [&](Replica& r) { return r.Digest(recompute != 0); });
}

int doorstep_outbox(doorstep_replica* replica, char** out, doorstep_error** error) {
  return Answer(replica, out, error, [](Replica& r) { return r.Outbox(); });
}

int doorstep_outcomes(doorstep_replica* replica, size_t limit, char** out, doorstep_error** error) {
  return Answer(replica, out, error, [&](Replica& r) { return r.Outcomes(limit); });
}

int doorstep_conflicts(doorstep_replica* replica, char** out, doorstep_error** error) {
  return Answer(replica, out, error, [](Replica& r) { return r.Conflicts(); });
}

int doorstep_conflict(doorstep_replica* replica, const char* case_id, doorstep_link* link,
                      char** out, doorstep_error** error) {
  return Answer(
      replica, out, error, [&](Replica& r) { return r.FindConflict(case_id, TransportOf(link)); },
      "case_id", case_id);
}

int doorstep_sign_offs(doorstep_replica* replica, const char* id, char** out,
                       doorstep_error** error) {
  return Answer(
      replica, out, error, [&](Replica& r) { return r.SignOffs(id); }, "id", id);
}

int doorstep_history(doorstep_replica* replica, const char* id, doorstep_link* link, char** out,
                     doorstep_error** error) {
  return Answer(
      replica, out, error, [&](Replica& r) { return r.History(id, TransportOf(link)); }, "id", id);
}

int doorstep_why(doorstep_replica* replica, const char* id, char** out, doorstep_error** error) {
  return Answer(
      replica, out, error, [&](Replica& r) { return doorstep::Why(r, id); }, "id", id);
}

int doorstep_notices(doorstep_replica* replica, int all, char** out, doorstep_error** error) {
  return Answer(replica, out, error, [&](Replica& r) { return r.Notices(all != 0); });
}

int doorstep_notices_read(doorstep_replica* replica, const char* notices_json,
                          doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica));
    std::vector<int64_t> ids;
    if (notices_json != nullptr) {
      const json list = json::parse(notices_json, nullptr, /*allow_exceptions=*/false);
      bool numbers = list.is_array() && !list.empty();
      for (const json& id : list) numbers = numbers && id.is_number_integer();
      if (!numbers) {
        return absl::InvalidArgumentError(
            "notices_json: wanted NULL, or an array of one or more numbers");
      }
      ids = list.get<std::vector<int64_t>>();
    }
    return replica->replica->MarkNoticesRead(ids);
  });
}

int doorstep_duplicates(doorstep_replica* replica, const char* id, char** out,
                        doorstep_error** error) {
  return Answer(replica, out, error, [&](Replica& r) { return r.Duplicates(OrEmpty(id)); });
}

int doorstep_rescued(doorstep_replica* replica, char** out, doorstep_error** error) {
  return Answer(replica, out, error, [](Replica& r) { return r.RescuedChanges(); });
}

int doorstep_rescued_dismiss(doorstep_replica* replica, const char* change,
                             doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "change", change));
    return replica->replica->DismissRescued(change);
  });
}

int doorstep_parked_values(doorstep_replica* replica, const char* change, char** out,
                           doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "change", change, "json", out));
    DOORSTEP_ASSIGN_OR_RETURN(const std::string values, replica->replica->ParkedValues(change));
    return Give(values, out);
  });
}

int doorstep_parked_fix(doorstep_replica* replica, const char* change, const char* text,
                        const char* options_json, char** new_change, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "change", change));
    doorstep::TransactOptions who;
    doorstep::AddOptions place;
    doorstep::c::Options options("options_json", options_json);
    options.Text("author", &who.author);
    options.Text("file", &place.file);
    options.Text("tier", &place.tier);
    DOORSTEP_RETURN_IF_ERROR(options.Finish());
    DOORSTEP_ASSIGN_OR_RETURN(const std::string id,
                              replica->replica->FixParked(change, OrEmpty(text), place, who));
    return new_change == nullptr ? absl::OkStatus() : Give(id, new_change);
  });
}

int doorstep_parked_withdraw(doorstep_replica* replica, const char* change, const char* reason,
                             const char* author, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "change", change, "reason", reason));
    return replica->replica
        ->WithdrawParked(change, reason, {.author = std::string(OrEmpty(author))})
        .status();
  });
}

int doorstep_parked_export(doorstep_replica* replica, const char* change, char** out,
                           doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "json", out));
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                              replica->replica->ExportParked(OrEmpty(change)));
    json list = json::array();
    for (const std::string& line : lines) list.push_back(doorstep::Parsed(line));
    return GiveJson(list, out);
  });
}

int doorstep_restore(doorstep_replica* replica, const char* id, const char* field,
                     const char* version, const char* author, doorstep_link* link,
                     char** reason_used, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(
        Given("replica", replica, "id", id, "field", field, "version", version));
    DOORSTEP_ASSIGN_OR_RETURN(
        const std::string reason,
        replica->replica->Restore(id, field, version, {.author = std::string(OrEmpty(author))},
                                  TransportOf(link)));
    return reason_used == nullptr ? absl::OkStatus() : Give(reason, reason_used);
  });
}

}  // extern "C"
