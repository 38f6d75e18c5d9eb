// doorstep.h as a test uses it: a replica behind handles, and what a call that failed said.
#ifndef TESTS_CLIENT_C_INTERFACE_H_
#define TESTS_CLIENT_C_INTERFACE_H_

#include <string>

#include "doorstep.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/client/device.h"

namespace doorstep {

inline constexpr const char* kInit = R"({"site":"north","device_name":"tablet","user":"A Khan"})";

// The code and message of one call, and the case that it named.
struct Failure {
  int code = 0;
  std::string message;
  std::string case_id;
};

template <typename Call>
Failure Fails(Call call) {
  doorstep_error* error = nullptr;
  Failure out{call(&error), "", ""};
  EXPECT_EQ(out.code == DOORSTEP_OK, error == nullptr);
  EXPECT_EQ(out.code, doorstep_error_code(error));
  out.message = doorstep_error_message(error);
  out.case_id = doorstep_error_case(error);
  doorstep_error_free(error);
  return out;
}

inline std::string Taken(char* text) {
  std::string out = text == nullptr ? "(null)" : text;
  doorstep_free(text);
  return out;
}

class CInterfaceTest : public ::testing::Test {
 protected:
  CInterfaceTest() {
    doorstep_error* error = nullptr;
    EXPECT_EQ(doorstep_init(directory_.path().c_str(), kInit, &error), DOORSTEP_OK)
        << doorstep_error_message(error);
    EXPECT_EQ(doorstep_open(directory_.path().c_str(), nullptr, &replica_, &error), DOORSTEP_OK)
        << doorstep_error_message(error);
  }
  ~CInterfaceTest() override {
    doorstep_edits_free(edits_);
    doorstep_close(replica_);
  }

  // The commit of what edits_ holds: its ids.
  nlohmann::json Commit() {
    char* ids = nullptr;
    doorstep_error* error = nullptr;
    EXPECT_EQ(doorstep_commit(replica_, edits_, &ids, &error), DOORSTEP_OK)
        << doorstep_error_message(error);
    return nlohmann::json::parse(Taken(ids));
  }
  std::string Add(const char* kind, const char* values) {
    EXPECT_EQ(doorstep_edits_add_json(edits_, kind, values, R"({"file":"new"})", nullptr), 0);
    return Commit()[0].get<std::string>();
  }
  doorstep_record* Get(const std::string& id) {
    doorstep_record* record = nullptr;
    EXPECT_EQ(doorstep_get(replica_, id.c_str(), &record, nullptr), DOORSTEP_OK);
    return record;
  }
  nlohmann::json Status() {
    char* text = nullptr;
    EXPECT_EQ(doorstep_status(replica_, &text, nullptr), DOORSTEP_OK);
    return nlohmann::json::parse(Taken(text));
  }

  TestDirectory directory_;
  doorstep_replica* replica_ = nullptr;
  doorstep_edits* edits_ = doorstep_edits_new(nullptr);
};

}  // namespace doorstep

#endif  // TESTS_CLIENT_C_INTERFACE_H_
