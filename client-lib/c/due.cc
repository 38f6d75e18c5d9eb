// doorstep.h: what is due, and what everybody must know.
#include "doorstep/due.h"

#include <string>
#include <vector>

#include "client-lib/c/answer.h"
#include "client-lib/c/arguments.h"
#include "client-lib/c/handles.h"
#include "doorstep.h"
#include "doorstep/json.h"
#include "doorstep/news.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"

using doorstep::Replica;
using doorstep::c::Answer;
using doorstep::c::Given;
using doorstep::c::Run;
using nlohmann::json;

extern "C" {

int doorstep_due(doorstep_replica* replica, const char* options_json, char** out,
                 doorstep_error** error) {
  return Answer(replica, out, error,
                [&](Replica& r) -> absl::StatusOr<std::vector<doorstep::DueItem>> {
                  doorstep::DueOptions asked;
                  doorstep::c::Options options("options_json", options_json);
                  options.Text("until", &asked.until);
                  options.Bool("stopped", &asked.stopped);
                  DOORSTEP_RETURN_IF_ERROR(options.Finish());
                  return doorstep::Due(r, asked);
                });
}

int doorstep_news(doorstep_replica* replica, int all, char** out, doorstep_error** error) {
  return Answer(replica, out, error, [&](Replica& r) { return doorstep::ListNews(r, all != 0); });
}

int doorstep_news_read(doorstep_replica* replica, const char* records_json,
                       doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica));
    std::vector<std::string> records;
    if (records_json != nullptr) {
      const json list = json::parse(records_json, nullptr, /*allow_exceptions=*/false);
      bool texts = list.is_array() && !list.empty();
      for (const json& id : list) texts = texts && id.is_string();
      if (!texts) {
        return absl::InvalidArgumentError(
            "records_json: wanted NULL, or an array of one or more ids");
      }
      records = list.get<std::vector<std::string>>();
    }
    return doorstep::MarkNewsRead(*replica->replica, records);
  });
}

}  // extern "C"
