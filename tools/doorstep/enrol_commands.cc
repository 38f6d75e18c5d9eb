#include "tools/doorstep/enrol_commands.h"

#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "doorstep/enrolment.h"
#include "doorstep/json.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

int ShowIdentity(const Globals& globals) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto identity = ReadIdentity(**replica);
  if (!identity.ok()) return Fail(globals, identity.status());
  if (globals.json) {
    PrintJson(ToJson(*identity));
    return kOk;
  }
  std::cout << "device       " << identity->device << "\n";
  if (!identity->enrolled) {
    std::cout << "Not enrolled: it syncs with a server on this machine only. Enrol with a code of "
                 "your administrator's: doorstep enrol CODE\n";
    return kOk;
  }
  std::cout << "certificate  until " << WhenText(identity->until_ms)
            << " (renewed by itself when a third of its time is left)\n"
            << "key          SHA-256 " << identity->key_sha256 << "\n"
            << "server       " << identity->server << ", known as " << identity->server_name << "\n"
            << "authority    SHA-256 " << identity->authority_sha256 << "\n"
            << "enrolment    " << identity->enrolment_address << "\n";
  return kOk;
}

}  // namespace

std::string ReadCode(const std::string& code) {
  if (code != "-") return code;
  std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  return text;
}

int EnrolReplica(const Globals& globals, const std::string& code) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const absl::Status enrolled = Enrol(**replica, code);
  if (absl::IsUnavailable(enrolled)) {
    return Fail(globals, absl::UnavailableError(absl::StrCat(
                             enrolled.message(),
                             ". The code is not used up; try again: doorstep enrol CODE")));
  }
  if (!enrolled.ok()) return Fail(globals, enrolled);
  auto identity = ReadIdentity(**replica);
  if (!identity.ok()) return Fail(globals, identity.status());
  if (globals.json) {
    PrintJson(ToJson(*identity));
  } else {
    std::cout << "Enrolled with " << identity->server << ". The certificate is renewed by itself; "
              << "doorstep sync uses it.\n";
  }
  return kOk;
}

void AddEnrolCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* enrol = app.add_subcommand("enrol", "Make this device known to its server, with a code");
  auto code = std::make_shared<std::string>();
  enrol->add_option("CODE", *code, "As device invite shows it; - reads it from standard input")
      ->required();
  enrol->footer(
      "Example: doorstep enrol DOORSTEP-AHC7…   (the code is good once, and for minutes)");
  enrol->callback([=, &globals] { *exit_code = EnrolReplica(globals, ReadCode(*code)); });

  auto* identity =
      app.add_subcommand("identity", "What this device's certificate is, and until when");
  identity->footer("Example: doorstep identity --json");
  identity->callback([=, &globals] { *exit_code = ShowIdentity(globals); });
}

}  // namespace doorstep::cli
