// doorstep.h: wrong arguments. Each is refused by its name, and nothing is changed.
#include <functional>
#include <string>
#include <vector>

#include "doorstep.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/c_interface.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(CInterfaceTest, OptionsAreReadStrictly) {
  const auto open = [&](const char* options) {
    doorstep_replica* other = nullptr;
    Failure failure = Fails([&](auto** error) {
      return doorstep_open(directory_.path().c_str(), options, &other, error);
    });
    EXPECT_EQ(other != nullptr, failure.code == DOORSTEP_OK) << options;
    doorstep_close(other);
    return failure.message;
  };
  EXPECT_THAT(open(R"({"read_only":true,"durability":"normal"})"), IsEmpty());
  EXPECT_EQ(open("[1]"), "options_json: got [1], wanted a JSON object");
  EXPECT_EQ(open("{"), "options_json: got text that is not JSON, wanted a JSON object");
  EXPECT_EQ(open(R"({"readonly":true})"),
            "options_json.readonly: got a key that is not known here");
  EXPECT_EQ(open(R"({"read_only":"yes"})"),
            "options_json.read_only: got \"yes\", wanted true or false");
  EXPECT_EQ(open(R"({"durability":"some"})"),
            "options_json.durability: got \"some\", wanted \"full\" or \"normal\"");
  EXPECT_EQ(open(R"({"check":true,"check":false})"),
            "options_json.check: got the key twice, wanted it once");
  doorstep_link* link = nullptr;
  EXPECT_EQ(Fails([&](auto** error) {
              return doorstep_link_new("127.0.0.1:1", R"({"call_timeout_ms":18446744073709551615})",
                                       &link, error);
            }).message,
            "options_json.call_timeout_ms: got 18446744073709551615, wanted a whole number from 1 "
            "to 86400000");
  for (const char* decision : {R"({"reason":"x"})", R"({"keep":1,"both":true,"reason":"x"})",
                               R"({"both":false,"reason":"x"})"}) {
    EXPECT_THAT(Fails([&](auto** error) {
                  return doorstep_edits_settle(edits_, "1234", decision, error);
                }).message,
                HasSubstr("exactly one of"))
        << decision;
  }
}

TEST_F(CInterfaceTest, OptionsOfEachFunctionAreReadStrictly) {
  const doorstep_sink sink = [](void*, const char*, size_t) { return 0; };
  const doorstep_source source = [](void*, char*, size_t) { return 0; };
  char* text = nullptr;
  doorstep_loop* loop = nullptr;
  doorstep_link* link = nullptr;
  ASSERT_EQ(doorstep_link_new("127.0.0.1:1", nullptr, &link, nullptr), DOORSTEP_OK);
  const std::string directory = directory_.path();
  struct Wrong {
    const char* message;
    std::function<int(doorstep_error**)> call;
  };
  const std::vector<Wrong> wrongs = {
      {"options_json.sit: got a key that is not known here",
       [&](auto** error) { return doorstep_init("/nowhere", R"({"sit":"north"})", error); }},
      {"options_json.tier: got 3, wanted text",
       [&](auto** error) {
         return doorstep_edits_add_json(edits_, "Person", "{}", R"({"tier":3})", error);
       }},
      {"options_json.limit: got -1, wanted a whole number from 0 to 1000000",
       [&](auto** error) {
         return doorstep_search(replica_, "peter", R"({"limit":-1})", &text, error);
       }},
      {"options_json.kind: got [\"Person\"], wanted text",
       [&](auto** error) {
         return doorstep_search(replica_, "peter", R"({"kind":["Person"]})", &text, error);
       }},
      {"options_json.format: got \"xml\", wanted \"jsonl\" or \"csv\"",
       [&](auto** error) {
         return doorstep_export(replica_, R"({"format":"xml"})", sink, nullptr, &text, error);
       }},
      {"options_json.dry_run: got 1, wanted true or false",
       [&](auto** error) {
         return doorstep_import(replica_, R"({"dry_run":1})", source, nullptr, &text, error);
       }},
      {"options_json.max_errors: got \"20\", wanted a whole number from 0 to 1000000",
       [&](auto** error) {
         return doorstep_import(replica_, R"({"max_errors":"20"})", source, nullptr, &text, error);
       }},
      {"options_json.battery: got a key that is not known here",
       [&](auto** error) {
         return doorstep_loop_start(directory.c_str(), "127.0.0.1:1", R"({"battery":"low"})",
                                    nullptr, nullptr, nullptr, &loop, error);
       }},
      {"options_json.attachments: got true, wanted \"all\" or \"asked\" or \"none\"",
       [&](auto** error) {
         return doorstep_sync_with(replica_, link, R"({"attachments":true})", nullptr, nullptr,
                                   nullptr, error);
       }},
      {"options_json.unasked_bytes: got -1, wanted a whole number from 0 to 9007199254740992",
       [&](auto** error) {
         return doorstep_sync_with(replica_, link, R"({"unasked_bytes":-1})", nullptr, nullptr,
                                   nullptr, error);
       }},
      {"options_json.metered: got a key that is not known here",
       [&](auto** error) {
         return doorstep_sync_with(replica_, link, R"({"metered":true})", nullptr, nullptr, nullptr,
                                   error);
       }},
      {"options_json.budget_bytes: got \"5MB\", wanted a whole number from 0 to 9007199254740992",
       [&](auto** error) {
         return doorstep_loop_start(directory.c_str(), "127.0.0.1:1", R"({"budget_bytes":"5MB"})",
                                    nullptr, nullptr, nullptr, &loop, error);
       }},
      // What may be a PIN is not shown.
      {"options_json.secret: got \"number\", wanted text",
       [&](auto** error) {
         return doorstep_open(directory.c_str(), R"({"secret":123456})", &replica_, error);
       }},
      {"options_json.secret: got \"number\", wanted text",
       [&](auto** error) {
         return doorstep_loop_start(directory.c_str(), "127.0.0.1:1", R"({"secret":123456})",
                                    nullptr, nullptr, nullptr, &loop, error);
       }},
      {"options_json.author: got null, wanted text",
       [&](auto** error) {
         return doorstep_parked_fix(replica_, "1", nullptr, R"({"author":null})", nullptr, error);
       }},
      {"notices_json: wanted NULL, or an array of one or more numbers",
       [&](auto** error) { return doorstep_notices_read(replica_, R"(["1"])", error); }},
      {"decision_json.keep: got 0, wanted a whole number from 1 to 2147483647",
       [&](auto** error) {
         return doorstep_edits_settle(edits_, "1", R"({"keep":0,"reason":"x"})", error);
       }},
  };
  for (const Wrong& wrong : wrongs) {
    const Failure failure = Fails(wrong.call);
    EXPECT_EQ(failure.code, DOORSTEP_INVALID_ARGUMENT);
    EXPECT_EQ(failure.message, wrong.message);
  }
  EXPECT_EQ(text, nullptr);
  EXPECT_EQ(loop, nullptr);
  doorstep_link_free(link);
}

// Which arguments may be NULL is told in doorstep.h; here are all others, each with the rest given.
// (embed_test.mjs calls each function of the header with nothing at all.)
TEST_F(CInterfaceTest, NullIsAnErrorWhereSomethingMustBeGiven) {
  const doorstep_visit visit = [](void*, const char*) { return 0; };
  const doorstep_tell tell = [](void*, const char*) {};
  const doorstep_source source = [](void*, char*, size_t) { return 0; };
  const std::string id = Add("Person", R"({"name":"Peter Hall"})");
  doorstep_record* record = Get(id);
  doorstep_link* link = nullptr;
  ASSERT_EQ(doorstep_link_new("127.0.0.1:1", nullptr, &link, nullptr), DOORSTEP_OK);
  const std::string path = directory_.path();
  const char* directory = path.c_str();
  auto* r = replica_;
  auto* e = edits_;
  char* text = nullptr;
  unsigned char* bytes = nullptr;
  size_t size = 0;
  doorstep_replica* opened = nullptr;
  doorstep_record* got = nullptr;
  doorstep_observer* observer = nullptr;
  doorstep_loop* loop = nullptr;
  const auto* some = reinterpret_cast<const unsigned char*>("x");
  struct Missing {
    const char* name;
    std::function<int(doorstep_error**)> call;
  };
#define CALL(name, function, ...)                                                         \
  {                                                                                       \
    name, [&](doorstep_error** error) { return doorstep_##function(__VA_ARGS__, error); } \
  }
  const std::vector<Missing> all = {
      CALL("directory", init, nullptr, kInit),
      CALL("options_json", init, directory, nullptr),
      CALL("directory", open, nullptr, nullptr, &opened),
      CALL("replica", open, directory, nullptr, nullptr),
      CALL("directory", use_schema, nullptr, some, 1),
      CALL("bytes", use_schema, directory, nullptr, 1),
      CALL("bytes", use_schema_with, directory, nullptr, 1, "{}"),
      CALL("bytes", schema, r, nullptr, &size),
      CALL("size", schema, r, &bytes, nullptr),
      CALL("id", get, r, nullptr, &got),
      CALL("record", get, r, id.c_str(), nullptr),
      CALL("record", record_json, nullptr, &text),
      CALL("json", record_json, record, nullptr),
      CALL("json", record_info, record, nullptr),
      CALL("bytes", record_bytes, record, nullptr, &size),
      CALL("size", record_bytes, record, &bytes, nullptr),
      CALL("kind", list, r, nullptr, nullptr, visit, nullptr),
      CALL("visit", list, r, "Person", nullptr, nullptr, nullptr),
      CALL("sql", query, r, nullptr, visit, nullptr),
      CALL("visit", query, r, "SELECT 1", nullptr, nullptr),
      CALL("words", search, r, nullptr, nullptr, &text),
      CALL("json", search, r, "peter", nullptr, nullptr),
      CALL("json", kinds, r, nullptr),
      CALL("kind", edits_add_json, e, nullptr, "{}", nullptr),
      CALL("json", edits_add_json, e, "Person", nullptr, nullptr),
      CALL("kind", edits_add_bytes, e, nullptr, some, 1, nullptr),
      CALL("bytes", edits_add_bytes, e, "Person", nullptr, 3, nullptr),
      CALL("record", edits_update_json, e, nullptr, "{}"),
      CALL("json", edits_update_json, e, record, nullptr),
      CALL("record", edits_update_bytes, e, nullptr, some, 1),
      CALL("bytes", edits_update_bytes, e, record, nullptr, 1),
      CALL("case_id", edits_settle, e, nullptr, "{}"),
      CALL("decision_json", edits_settle, e, "1", nullptr),
      CALL("case_id", edits_add_version, e, nullptr, "1"),
      CALL("json", edits_add_version, e, "1", nullptr),
      CALL("first", edits_same, e, nullptr, "2", 1, "x"),
      CALL("second", edits_same, e, "1", nullptr, 1, "x"),
      CALL("reason", edits_same, e, "1", "2", 1, nullptr),
      CALL("record", edits_hide, e, nullptr, "x"),
      CALL("reason", edits_hide, e, record, nullptr),
      CALL("record", edits_unhide, e, nullptr),
      CALL("record", edits_sign, e, nullptr),
      CALL("edits", commit, r, nullptr, nullptr),
      CALL("address", link_new, nullptr, nullptr, &link),
      CALL("link", link_new, "127.0.0.1:1", nullptr, nullptr),
      CALL("link", sync, r, nullptr, nullptr, nullptr, nullptr),
      CALL("link", sync_with, r, nullptr, "{}", nullptr, nullptr, nullptr),
      CALL("link", watch, r, nullptr, visit, nullptr),
      CALL("notice", watch, r, link, nullptr, nullptr),
      CALL("directory", observer_start, nullptr, "SELECT 1", tell, nullptr, &observer),
      CALL("sql", observer_start, directory, nullptr, tell, nullptr, &observer),
      CALL("tell", observer_start, directory, "SELECT 1", nullptr, nullptr, &observer),
      CALL("observer", observer_start, directory, "SELECT 1", tell, nullptr, nullptr),
      CALL("sql", observer_start_with, directory, nullptr, "{}", tell, nullptr, &observer),
      CALL("directory", loop_start, nullptr, "a:1", nullptr, tell, tell, nullptr, &loop),
      CALL("address", loop_start, directory, nullptr, nullptr, tell, tell, nullptr, &loop),
      CALL("loop", loop_start, directory, "a:1", nullptr, tell, tell, nullptr, nullptr),
      CALL("loop", loop_hints, nullptr, "{}"),
      CALL("loop", loop_wait, nullptr),
      CALL("bytes", attach_bytes, r, nullptr, 0, nullptr, nullptr),
      CALL("path", attach_file, r, nullptr, nullptr, nullptr),
      CALL("json", attachments, r, nullptr),
      CALL("record", attachment_read, r, nullptr, 0, 1, nullptr, nullptr),
      CALL("record", attachment_ask, r, nullptr),
      CALL("sink", export, r, nullptr, nullptr, nullptr, nullptr),
      CALL("source", import, r, nullptr, nullptr, nullptr, nullptr),
      CALL("progress", import_with_progress, r, nullptr, source, nullptr, nullptr, nullptr),
      CALL("replica", status, nullptr, &text),
      CALL("json", status, r, nullptr),
      CALL("case_id", conflict, r, nullptr, nullptr, &text),
      CALL("id", sign_offs, r, nullptr, &text),
      CALL("id", history, r, nullptr, nullptr, &text),
      CALL("id", why, r, nullptr, &text),
      CALL("change", rescued_dismiss, r, nullptr),
      CALL("change", parked_values, r, nullptr, &text),
      CALL("change", parked_fix, r, nullptr, nullptr, nullptr, nullptr),
      CALL("change", parked_withdraw, r, nullptr, "x", nullptr),
      CALL("reason", parked_withdraw, r, "1", nullptr, nullptr),
      CALL("id", restore, r, nullptr, "name", "1", nullptr, nullptr, nullptr),
      CALL("field", restore, r, "1", nullptr, "1", nullptr, nullptr, nullptr),
      CALL("version", restore, r, "1", "name", nullptr, nullptr, nullptr, nullptr),
  };
#undef CALL
  for (const Missing& missing : all) {
    const Failure failure = Fails(missing.call);
    EXPECT_EQ(failure.code, DOORSTEP_INVALID_ARGUMENT);
    EXPECT_EQ(failure.message, std::string(missing.name) + ": got NULL");
  }
  for (const void* output :
       {static_cast<void*>(text), static_cast<void*>(bytes), static_cast<void*>(opened),
        static_cast<void*>(got), static_cast<void*>(observer), static_cast<void*>(loop)}) {
    EXPECT_EQ(output, nullptr);
  }
  EXPECT_THAT(Commit(), IsEmpty());  // none of them left an edit
  doorstep_record_free(record);
  doorstep_link_free(link);
}

TEST_F(CInterfaceTest, NothingIsFreedClosedOrCancelledWithoutHarm) {
  EXPECT_EQ(doorstep_open(nullptr, nullptr, &replica_, nullptr), DOORSTEP_INVALID_ARGUMENT);
  EXPECT_STREQ(doorstep_record_id(nullptr), "");
  EXPECT_STREQ(doorstep_record_kind(nullptr), "");
  EXPECT_STREQ(doorstep_record_full_name(nullptr), "");
  EXPECT_EQ(doorstep_error_code(nullptr), DOORSTEP_OK);
  doorstep_free(nullptr);
  doorstep_close(nullptr);
  doorstep_record_free(nullptr);
  doorstep_edits_free(nullptr);
  doorstep_link_free(nullptr);
  doorstep_link_cancel(nullptr);
  doorstep_error_free(nullptr);
  doorstep_observer_free(nullptr);
  doorstep_loop_wake(nullptr);
  doorstep_loop_cancel(nullptr);
  doorstep_loop_free(nullptr);
  EXPECT_EQ(Status()["records"], 0);
}

}  // namespace
}  // namespace doorstep
