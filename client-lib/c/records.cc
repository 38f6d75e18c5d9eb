// doorstep.h: a replica, its records, and edits of them.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client-lib/c/arguments.h"
#include "client-lib/c/handles.h"
#include "doorstep.h"
#include "doorstep/json.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"
#include "sync/schema/schema.h"

namespace {

using doorstep::AddOptions;
using doorstep::Decision;
using doorstep::Edits;
using doorstep::OpenRecord;
using doorstep::Replica;
using doorstep::c::Give;
using doorstep::c::GiveBytes;
using doorstep::c::GiveJson;
using doorstep::c::Given;
using doorstep::c::Line;
using doorstep::c::OrEmpty;
using doorstep::c::Run;
using doorstep::c::Stopped;
using nlohmann::json;

// For edits that make nothing.
absl::StatusOr<std::string> Nothing(const absl::Status& status) {
  if (!status.ok()) return status;
  return std::string();
}

absl::Status GivenBytes(const unsigned char* bytes, size_t size) {
  return size == 0 ? absl::OkStatus() : Given("bytes", bytes);
}

void AddValues(const doorstep::ScalarSpec& scalar, json* out) {
  for (const doorstep::EnumValueSpec& value : scalar.values) {
    (*out)["values"][value.name] = value.label;
  }
}

// What screens call a kind, its fields, their parts and their values.
json WordsOf(const doorstep::KindSpec& kind) {
  json fields = json::object();
  for (const doorstep::FieldSpec& field : kind.fields) {
    json& words = fields[field.scalar.name];
    words["label"] = field.label;
    AddValues(field.scalar, &words);
    for (const doorstep::ScalarSpec& part : field.parts) {
      words["parts"][part.name]["label"] = part.label;
      AddValues(part, &words["parts"][part.name]);
    }
  }
  return {{"label", kind.label}, {"fields", std::move(fields)}};
}

std::string Copy(const unsigned char* bytes, size_t size) {
  return size == 0 ? std::string() : std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace

extern "C" {

int doorstep_init(const char* directory, const char* options_json, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("directory", directory, "options_json", options_json));
    doorstep::InitOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadInit(options_json, &options));
    return Replica::Init(directory, options);
  });
}

int doorstep_open(const char* directory, const char* options_json, doorstep_replica** replica,
                  doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("directory", directory, "replica", replica));
    doorstep::OpenOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadOpen(options_json, &options));
    DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Replica> opened, Replica::Open(directory, options));
    *replica = new doorstep_replica{std::move(opened)};
    return absl::OkStatus();
  });
}

int doorstep_get(doorstep_replica* replica, const char* id, doorstep_record** record,
                 doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "id", id, "record", record));
    DOORSTEP_ASSIGN_OR_RETURN(OpenRecord opened, replica->replica->Get(id));
    *record = new doorstep_record{std::make_shared<const OpenRecord>(std::move(opened))};
    return absl::OkStatus();
  });
}

const char* doorstep_record_id(const doorstep_record* record) {
  return record == nullptr ? "" : record->record->id().c_str();
}

const char* doorstep_record_kind(const doorstep_record* record) {
  return record == nullptr ? "" : record->record->kind().c_str();
}

const char* doorstep_record_full_name(const doorstep_record* record) {
  return record == nullptr ? "" : record->record->full_name().c_str();
}

int doorstep_record_json(const doorstep_record* record, char** out, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("record", record, "json", out));
    DOORSTEP_ASSIGN_OR_RETURN(const std::string text, record->record->ToJson());
    return Give(text, out);
  });
}

int doorstep_record_info(const doorstep_record* record, char** out, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("record", record, "json", out));
    return GiveJson(doorstep::ToJson(record->record->Info()), out);
  });
}

int doorstep_record_bytes(const doorstep_record* record, unsigned char** bytes, size_t* size,
                          doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("record", record, "bytes", bytes, "size", size));
    return GiveBytes(record->record->bytes(), bytes, size);
  });
}

int doorstep_list(doorstep_replica* replica, const char* kind, const char* where,
                  doorstep_visit visit, void* context, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "kind", kind, "visit", visit));
    return replica->replica->List(
        kind, OrEmpty(where), [&](const OpenRecord& record) -> absl::Status {
          DOORSTEP_ASSIGN_OR_RETURN(const std::string values, record.ToJson());
          const std::string line =
              absl::StrCat("{\"id\":\"", record.id(), "\",\"record\":", values, "}");
          return visit(context, line.c_str()) == 0 ? absl::OkStatus() : Stopped();
        });
  });
}

int doorstep_query(doorstep_replica* replica, const char* sql, doorstep_visit visit, void* context,
                   doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "sql", sql, "visit", visit));
    return replica->replica->Query(
        sql, [&](const std::vector<std::string>& columns, const std::vector<std::string>& cells) {
          json values = json::array();
          for (const std::string& cell : cells) values.push_back(doorstep::Parsed(cell));
          const std::string line = Line({{"columns", columns}, {"cells", values}});
          return visit(context, line.c_str()) == 0 ? absl::OkStatus() : Stopped();
        });
  });
}

int doorstep_search(doorstep_replica* replica, const char* words, const char* options_json,
                    char** out, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "words", words, "json", out));
    doorstep::SearchOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadSearch(options_json, &options));
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<doorstep::SearchHit> hits,
                              replica->replica->Search(words, options));
    json list = json::array();
    for (const doorstep::SearchHit& hit : hits) list.push_back(doorstep::ToJson(hit));
    return GiveJson(list, out);
  });
}

int doorstep_kinds(doorstep_replica* replica, char** out, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "json", out));
    json words = json::object();
    for (const doorstep::KindSpec& kind : replica->replica->schema().kinds()) {
      words[kind.name] = WordsOf(kind);
    }
    return GiveJson(json{{"kinds", replica->replica->Kinds()}, {"words", std::move(words)}}, out);
  });
}

doorstep_edits* doorstep_edits_new(const char* author) {
  return new (std::nothrow) doorstep_edits{std::string(OrEmpty(author)), {}};
}

int doorstep_edits_add_json(doorstep_edits* edits, const char* kind, const char* text,
                            const char* options_json, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("edits", edits, "kind", kind, "json", text));
    AddOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadAdd(options_json, &options));
    edits->list.emplace_back([kind = std::string(kind), text = std::string(text),
                              options](Edits& all) { return all.AddJson(kind, text, options); });
    return absl::OkStatus();
  });
}

int doorstep_edits_add_bytes(doorstep_edits* edits, const char* kind, const unsigned char* bytes,
                             size_t size, const char* options_json, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("edits", edits, "kind", kind));
    DOORSTEP_RETURN_IF_ERROR(GivenBytes(bytes, size));
    AddOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadAdd(options_json, &options));
    edits->list.emplace_back([kind = std::string(kind), values = Copy(bytes, size),
                              options](Edits& all) { return all.AddBytes(kind, values, options); });
    return absl::OkStatus();
  });
}

int doorstep_edits_update_json(doorstep_edits* edits, const doorstep_record* record,
                               const char* text, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("edits", edits, "record", record, "json", text));
    edits->list.emplace_back([opened = record->record, text = std::string(text)](Edits& all) {
      return Nothing(all.UpdateJson(*opened, text));
    });
    return absl::OkStatus();
  });
}

int doorstep_edits_update_bytes(doorstep_edits* edits, const doorstep_record* record,
                                const unsigned char* bytes, size_t size, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("edits", edits, "record", record));
    DOORSTEP_RETURN_IF_ERROR(GivenBytes(bytes, size));
    edits->list.emplace_back([opened = record->record, values = Copy(bytes, size)](Edits& all) {
      return Nothing(all.UpdateBytes(*opened, values));
    });
    return absl::OkStatus();
  });
}

int doorstep_edits_settle(doorstep_edits* edits, const char* case_id, const char* decision_json,
                          doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(
        Given("edits", edits, "case_id", case_id, "decision_json", decision_json));
    Decision decision;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadDecision(decision_json, &decision));
    edits->list.emplace_back([id = std::string(case_id), decision](Edits& all) {
      return Nothing(all.Settle(id, decision));
    });
    return absl::OkStatus();
  });
}

int doorstep_edits_add_version(doorstep_edits* edits, const char* case_id, const char* text,
                               doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("edits", edits, "case_id", case_id, "json", text));
    edits->list.emplace_back([id = std::string(case_id), value = std::string(text)](Edits& all) {
      return Nothing(all.AddVersion(id, value));
    });
    return absl::OkStatus();
  });
}

int doorstep_edits_same(doorstep_edits* edits, const char* first, const char* second, int same,
                        const char* reason, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(
        Given("edits", edits, "first", first, "second", second, "reason", reason));
    edits->list.emplace_back([one = std::string(first), other = std::string(second), same,
                              why = std::string(reason)](Edits& all) {
      return Nothing(all.SayWhetherSame(one, other, same != 0, why));
    });
    return absl::OkStatus();
  });
}

int doorstep_edits_hide(doorstep_edits* edits, const doorstep_record* record, const char* reason,
                        doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("edits", edits, "record", record, "reason", reason));
    edits->list.emplace_back([opened = record->record, why = std::string(reason)](Edits& all) {
      return Nothing(all.Hide(*opened, why));
    });
    return absl::OkStatus();
  });
}

int doorstep_edits_unhide(doorstep_edits* edits, const doorstep_record* record,
                          doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("edits", edits, "record", record));
    edits->list.emplace_back(
        [opened = record->record](Edits& all) { return Nothing(all.Unhide(*opened)); });
    return absl::OkStatus();
  });
}

int doorstep_edits_sign(doorstep_edits* edits, const doorstep_record* record,
                        doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("edits", edits, "record", record));
    edits->list.emplace_back([opened = record->record](Edits& all) { return all.Sign(*opened); });
    return absl::OkStatus();
  });
}

int doorstep_commit(doorstep_replica* replica, doorstep_edits* edits, char** ids_json,
                    doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "edits", edits));
    json ids = json::array();
    DOORSTEP_RETURN_IF_ERROR(
        replica->replica->Transact({.author = edits->author}, [&](Edits& all) -> absl::Status {
          for (const doorstep_edits::Edit& edit : edits->list) {
            DOORSTEP_ASSIGN_OR_RETURN(const std::string id, edit(all));
            ids.push_back(id.empty() ? json(nullptr) : json(id));
          }
          return absl::OkStatus();
        }));
    edits->list.clear();
    return ids_json == nullptr ? absl::OkStatus() : GiveJson(ids, ids_json);
  });
}

}  // extern "C"
