// people, rekey, keys: who opens this replica.
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "doorstep/people.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"
#include "tools/doorstep/pin.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

constexpr int64_t kMsPerMinute = 60'000;

// Of somebody who chooses one.
absl::StatusOr<std::string> NewPin(const std::string& file, const std::string& person) {
  if (!file.empty()) return ReadPin(file);
  return AskPin(absl::StrCat("New PIN or passphrase of ", person), /*twice=*/true);
}

int ListPeople(const Globals& globals) {
  const absl::Status named = globals.CheckReplica();
  if (!named.ok()) return Fail(globals, named);
  const auto openers = WhoOpens(globals.replica);
  if (!openers.ok()) return Fail(globals, openers.status());
  if (globals.json) {
    json people = json::array();
    for (const PersonWhoOpens& each : openers->people) {
      people.push_back(
          {{"person", each.person}, {"failures", each.failures}, {"wait_ms", each.wait_ms}});
    }
    PrintJson({{"people", people},
               {"device_alone", openers->device_alone},
               {"recovery", openers->recovery}});
    return kOk;
  }
  if (openers->device_alone) {
    std::cout
        << "This device alone: whoever has it opens the replica. Ask for a PIN with: doorstep "
           "people add NAME\n";
  }
  for (const PersonWhoOpens& each : openers->people) {
    std::cout << each.person;
    if (each.failures > 0) std::cout << ", " << each.failures << " wrong PINs";
    if (each.wait_ms > 0) {
      std::cout << ", waits " << (each.wait_ms + kMsPerMinute - 1) / kMsPerMinute << " minutes";
    }
    std::cout << "\n";
  }
  std::cout << (openers->recovery
                    ? "When nobody can open it, the operator can help: doorstep keys "
                      "sealed\n"
                    : "When nobody can open it, nobody can help: it knows no recovery "
                      "key\n");
  return kOk;
}

// Runs a change of the keyring and says what it did.
template <typename Change>
int Do(const Globals& globals, const std::string& done, Change change) {
  const auto environment = globals.Opening();
  if (!environment.ok()) return Fail(globals, environment.status());
  const absl::Status status = change(*environment);
  if (!status.ok()) return Fail(globals, status);
  if (globals.json) {
    PrintJson({{"done", true}});
  } else {
    std::cout << done << "\n";
  }
  return kOk;
}

int Add(const Globals& globals, const std::string& person, const std::string& pin_file) {
  return Do(globals, person + " opens this replica now.", [&](const Environment& environment) {
    absl::StatusOr<std::string> pin = NewPin(pin_file, person);
    if (!pin.ok()) return pin.status();
    return AddPerson(globals.replica, environment, {person, *std::move(pin)});
  });
}

int Change(const Globals& globals, const std::string& pin_file) {
  return Do(globals, "Changed.", [&](const Environment& environment) {
    const absl::StatusOr<std::string> pin =
        NewPin(pin_file, environment.unlock.person.empty() ? "yours" : environment.unlock.person);
    if (!pin.ok()) return pin.status();
    return ChangeSecret(globals.replica, environment, *pin);
  });
}

int Remove(const Globals& globals, const std::string& person) {
  return Do(globals, person + " does not open this replica any more.",
            [&](const Environment& environment) {
              return RemovePerson(globals.replica, environment, person);
            });
}

int Sealed(const Globals& globals) {
  const absl::Status named = globals.CheckReplica();
  if (!named.ok()) return Fail(globals, named);
  const auto request = RecoveryRequestFor(globals.replica, {});
  if (!request.ok()) return Fail(globals, request.status());
  if (globals.json) {
    PrintJson({{"request", *request}});
  } else {
    std::cout << *request << "\n";
    std::cerr << "Give this line to your operator, who makes sure that it is you and answers with "
                 "another. Then: doorstep keys recover\n";
  }
  return kOk;
}

int RecoverPerson(const Globals& globals, const std::string& file, const std::string& pin_file) {
  absl::Status status = globals.CheckReplica();
  if (status.ok() && globals.user.empty()) {
    status = absl::InvalidArgumentError("--user: got none, wanted who opens the replica then");
  }
  if (!status.ok()) return Fail(globals, status);
  const absl::StatusOr<std::string> answer = ReadPin(file);
  if (!answer.ok()) return Fail(globals, answer.status());
  absl::StatusOr<std::string> pin = NewPin(pin_file, globals.user);
  if (!pin.ok()) return Fail(globals, pin.status());
  status = Recover(globals.replica, {}, *answer, {globals.user, *std::move(pin)});
  if (!status.ok()) return Fail(globals, status);
  if (globals.json) {
    PrintJson({{"done", true}});
  } else {
    std::cout << globals.user << " opens this replica now.\n";
  }
  return kOk;
}

constexpr char kNewPinFile[] =
    "The new PIN or passphrase: the first line of FILE, - for standard "
    "input (default: asked for)";

void AddKeys(CLI::App& app, Globals& globals, int* exit_code) {
  auto* rekey = app.add_subcommand(
      "rekey", "Encrypt the replica anew; nobody else may have it open meanwhile");
  rekey->footer("Example: doorstep rekey   (needs as much free space as the replica has)");
  rekey->callback([=, &globals] {
    *exit_code = Do(globals, "Encrypted with another key.", [&](const Environment& environment) {
      return Rekey(globals.replica, environment);
    });
  });

  auto* keys = app.add_subcommand("keys", "When nobody can open the replica any more");
  keys->require_subcommand(1);
  auto* sealed = keys->add_subcommand("sealed", "A line for the operator, who can help");
  sealed->footer("Example: doorstep keys sealed > to-the-operator.txt");
  sealed->callback([=, &globals] { *exit_code = Sealed(globals); });
  auto* recover = keys->add_subcommand("recover", "Take the operator's answer, which works once");
  auto answer = std::make_shared<std::string>("-");
  auto pin = std::make_shared<std::string>();
  recover->add_option("ANSWER", *answer, "The file with the answer; - for standard input")
      ->capture_default_str();
  recover->add_option("--new-pin-file", *pin, kNewPinFile)->type_name("FILE");
  recover->footer("Example: doorstep --user 'A Khan' keys recover answer.txt");
  recover->callback([=, &globals] { *exit_code = RecoverPerson(globals, *answer, *pin); });
}

}  // namespace

void AddPeopleCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* people = app.add_subcommand("people", "Who opens this replica, with a PIN of their own");
  people->require_subcommand(1);

  auto* list = people->add_subcommand("list", "Without opening it");
  list->footer("Example: doorstep people list --json");
  list->callback([=, &globals] { *exit_code = ListPeople(globals); });

  auto* add = people->add_subcommand(
      "add",
      "Somebody more, who is here to choose a PIN; with the first the device alone does not "
      "open it any more");
  auto name = std::make_shared<std::string>();
  auto add_pin = std::make_shared<std::string>();
  add->add_option("NAME", *name, "As they are called as author")->required();
  add->add_option("--new-pin-file", *add_pin, kNewPinFile)->type_name("FILE");
  add->footer("Example: doorstep people add 'M Osei'");
  add->callback([=, &globals] { *exit_code = Add(globals, *name, *add_pin); });

  auto* change = people->add_subcommand("change", "Another PIN or passphrase of your own");
  auto change_pin = std::make_shared<std::string>();
  change->add_option("--new-pin-file", *change_pin, kNewPinFile)->type_name("FILE");
  change->footer("Example: doorstep --user 'M Osei' people change");
  change->callback([=, &globals] { *exit_code = Change(globals, *change_pin); });

  auto* remove = people->add_subcommand("remove", "Somebody who is not to open it any more");
  auto gone = std::make_shared<std::string>();
  remove->add_option("NAME", *gone, "Who")->required();
  remove->footer("Example: doorstep --user 'A Khan' people remove 'M Osei'");
  remove->callback([=, &globals] { *exit_code = Remove(globals, *gone); });

  AddKeys(app, globals, exit_code);
}

}  // namespace doorstep::cli
