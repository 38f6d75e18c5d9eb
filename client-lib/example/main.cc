// A whole application: what somebody wants to do, written down at a visit, without a link; then
// sent.
//
//   visit_notes DIRECTORY SERVER AUTHOR WORDS...      e.g. visit_notes /tmp/tablet 127.0.0.1:7400
//   ...
//
// The first time it registers a person to write about. Exit code 5: no link, nothing is lost.
#include <iostream>
#include <memory>
#include <string>

#include "doorstep/care/v1/case_work.pb.h"
#include "doorstep/care/v1/people.pb.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/replica.h"

namespace {

namespace care = doorstep::care::v1;

int Fail(const absl::Status& status) {
  std::cerr << "visit_notes: " << status.message() << "\n";
  return absl::IsUnavailable(status) ? 5 : 1;
}

// The case study of the one person here, made with that person if there is none.
absl::StatusOr<std::string> CaseStudyHere(doorstep::Replica& replica) {
  std::string id;
  absl::Status status = replica.List("CaseStudy", "", [&](const doorstep::OpenRecord& record) {
    id = record.id();
    return absl::OkStatus();
  });
  if (!status.ok() || !id.empty()) return status.ok() ? absl::StatusOr<std::string>(id) : status;
  status = replica.Transact({}, [&](doorstep::Edits& edits) -> absl::Status {
    care::Person person;
    person.set_name("Peter Hall");
    const auto person_id = edits.Add(person, {.file = "new"});
    if (!person_id.ok()) return person_id.status();
    care::CaseStudy study;
    study.set_title("To the newsagent");
    study.add_subjects(*person_id);
    const auto study_id = edits.Add(study, {.file = *person_id});
    if (study_id.ok()) id = *study_id;
    return study_id.status();
  });
  if (!status.ok()) return status;
  return id;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) {
    std::cerr << "usage: visit_notes DIRECTORY SERVER AUTHOR WORDS...\n";
    return 2;
  }
  const std::string directory = arguments[1], server = arguments[2], author = arguments[3];
  std::string words = arguments[4];
  for (int i = 5; i < count; ++i) words += std::string(" ") + arguments[i];

  const absl::Status made = doorstep::Replica::Init(
      directory, {.site = "north", .device_name = "visit-notes", .user = author, .server = server});
  if (!made.ok() && !absl::IsAlreadyExists(made)) return Fail(made);
  auto replica = doorstep::Replica::Open(directory, {});
  if (!replica.ok()) return Fail(replica.status());

  const auto study = CaseStudyHere(**replica);
  if (!study.ok()) return Fail(study.status());
  // What was opened says what this author has seen; the change is what differs from it.
  const auto form = (*replica)->Get(*study);
  if (!form.ok()) return Fail(form.status());
  care::CaseStudy now;
  if (const absl::Status status = form->To(&now); !status.ok()) return Fail(status);
  now.set_situation(now.situation().empty() ? words : now.situation() + "\n\n" + words);
  const absl::Status saved = (*replica)->Transact(
      {.author = author}, [&](doorstep::Edits& edits) { return edits.Update(*form, now); });
  if (!saved.ok()) return Fail(saved);
  std::cout << "saved\n";

  const auto link = doorstep::MakeGrpcTransport(server);
  const auto sent = (*replica)->Sync(*link, {});
  if (!sent.ok()) return Fail(sent.status());
  std::cout << "sent " << sent->totals.changes_sent << ", up to date\n";
  return 0;
}
