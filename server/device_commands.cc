#include "server/device_commands.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "server/exposure.h"
#include "server/identity/invites.h"
#include "server/identity/public_face.h"
#include "server/identity/register.h"
#include "server/output.h"
#include "server/qr.h"
#include "server/work.h"
#include "sync/base/status.h"
#include "sync/identity/enrolment_code.h"
#include "sync/identity/limits.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

constexpr int64_t kInviteMinutes = 30;

// A device as it called, and as it enrolled; either may be missing.
struct Known {
  DeviceRow seen;
  EnrolmentRow enrolled;
};

std::string StandingOf(const EnrolmentRow& row, int64_t now_ms) {
  if (row.device.IsNil()) return "not enrolled";
  if (row.revoked_ms != 0) return "revoked";
  return row.until_ms <= now_ms ? "expired" : "enrolled";
}

Json ToJson(const Uuid& id, const Known& device, int64_t now_ms) {
  const bool seen = !device.seen.id.IsNil();
  Json json = {{"id", id.ToString()},
               {"name", seen ? device.seen.name : device.enrolled.name},
               {"site", seen ? device.seen.site : device.enrolled.site},
               {"client", device.seen.client},
               {"first_seen", TimeText(device.seen.first_contact_ms)},
               {"last_seen", TimeText(device.seen.last_contact_ms)},
               {"pending", device.seen.pending},
               {"standing", StandingOf(device.enrolled, now_ms)}};
  if (!device.enrolled.device.IsNil()) {
    json["enrolled_at"] = TimeText(device.enrolled.enrolled_ms);
    json["certificate_until"] = TimeText(device.enrolled.until_ms);
  }
  if (device.enrolled.revoked_ms != 0) {
    json["revoked_at"] = TimeText(device.enrolled.revoked_ms);
    json["revoked_reason"] = device.enrolled.revoked_reason;
  }
  return json;
}

absl::StatusOr<int> DeviceList(const GlobalOptions& options) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, work.Read());
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<DeviceRow> seen, view->Devices());
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<EnrolmentRow> enrolled, view->Enrolments());
  std::map<Uuid, Known> devices;
  for (DeviceRow& row : seen) devices[row.id].seen = std::move(row);
  for (EnrolmentRow& row : enrolled) devices[row.device].enrolled = std::move(row);
  const int64_t now_ms = work.tenants().clock().Read().wall_ms;
  Json list = Json::array();
  for (const auto& [id, device] : devices) {
    Json json = ToJson(id, device, now_ms);
    if (!options.json) {
      std::string standing = json["standing"];
      if (standing == "enrolled" || standing == "expired") {
        absl::StrAppend(&standing, " until ", TimeText(device.enrolled.until_ms).substr(0, 10));
      } else if (standing == "revoked") {
        absl::StrAppend(&standing, " ", TimeText(device.enrolled.revoked_ms));
      }
      Print(absl::StrFormat("%s  %-24s %-20s last seen %s, %d pending, %s", id.ToString(),
                            json["name"].get<std::string>(), json["site"].get<std::string>(),
                            TimeText(device.seen.last_contact_ms), device.seen.pending, standing));
    }
    list.push_back(std::move(json));
  }
  if (options.json) PrintJson({{"devices", std::move(list)}});
  return kExitOk;
}

struct InviteOptions {
  std::string site;
  std::string name;
  int64_t valid = kInviteMinutes;
};

absl::StatusOr<int> DeviceInvite(const GlobalOptions& options, const InviteOptions& invite) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const PublicFace face, ReadPublicFace(options.data_dir));
  DOORSTEP_ASSIGN_OR_RETURN(
      const Invitation made,
      Invite(*tenant, invite.site, invite.name, invite.valid, work.tenants().clock().Read().wall_ms,
             work.tenants().entropy()));
  const std::string code =
      FormatEnrolmentCode({made.id, made.secret, face.fingerprint, face.enrolment_address,
                           face.server_name, tenant->name(), invite.site, invite.name});
  const std::string expires = TimeText(made.expires_ms);
  if (options.json) {
    PrintJson({{"code", code},
               {"site", invite.site},
               {"name", invite.name},
               {"address", face.enrolment_address},
               {"expires", expires}});
    return kExitOk;
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::string picture, QrText(code));
  Print(code);
  Print(picture);
  Print(absl::StrCat("For one device, ", invite.name, " of ", invite.site, ", once, until ",
                     expires, ". Enrols at ", face.enrolment_address,
                     ".\nOn the device: doorstep init --enrol CODE --user NAME"));
  return kExitOk;
}

absl::StatusOr<int> DeviceRevoke(const GlobalOptions& options, const std::string& device,
                                 const std::string& reason) {
  absl::StatusOr<Uuid> id = Uuid::Parse(device);
  if (!id.ok()) return Annotate(id.status(), "DEVICE");
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_RETURN_IF_ERROR(Revoke(*tenant, *id, reason, work.tenants().clock().Read().wall_ms));
  if (options.json) {
    PrintJson({{"device", id->ToString()}, {"standing", "revoked"}});
  } else {
    Print(
        "Revoked. A running server refuses its next call, and ends what it has open within "
        "seconds.");
  }
  return kExitOk;
}

absl::StatusOr<int> DeviceReinstate(const GlobalOptions& options, const std::string& device) {
  absl::StatusOr<Uuid> id = Uuid::Parse(device);
  if (!id.ok()) return Annotate(id.status(), "DEVICE");
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_RETURN_IF_ERROR(Reinstate(*tenant, *id));
  if (options.json) PrintJson({{"device", id->ToString()}, {"standing", "enrolled"}});
  return kExitOk;
}

absl::StatusOr<int> DeviceExposure(const GlobalOptions& options, const std::string& device) {
  absl::StatusOr<Uuid> id = Uuid::Parse(device);
  if (!id.ok()) return Annotate(id.status(), "DEVICE");
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant->store().Read());
  DOORSTEP_ASSIGN_OR_RETURN(
      const Exposure exposure, ReadExposure(*id, tenant->schema(), *view, [](size_t looked_at) {
        std::fprintf(stderr, "%s\n", absl::StrCat(looked_at, " records looked at").c_str());
      }));
  Print(options.json ? exposure.ToJson() : exposure.ToText());
  return kExitOk;
}

}  // namespace

void AddDeviceCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* device = app->add_subcommand("device", "Tablets and phones");
  device->require_subcommand(1);
  CLI::App* list = device->add_subcommand(
      "list", "Last seen, what they declared pending, whether they may call and until when");
  list->footer("Example: doorstep-server device list --json");
  list->callback([=] { *chosen = [=] { return DeviceList(*options); }; });

  CLI::App* invite =
      device->add_subcommand("invite", "A code that lets one device in, once, and soon expires");
  auto asked = std::make_shared<InviteOptions>();
  invite->add_option("--site", asked->site, "The site that the device will belong to")->required();
  invite->add_option("--name", asked->name, "What managers will call the device")->required();
  invite->add_option("--valid", asked->valid, "Minutes until the code expires")
      ->check(CLI::Range(int64_t{1}, kMaxInviteMinutes))
      ->capture_default_str();
  invite->footer(
      "Example: doorstep-server device invite --site rose-court --name \"Rose Court 2\"\n"
      "The code is a secret: show it to the person who holds the device, and to nobody else.");
  invite->callback([=] { *chosen = [=] { return DeviceInvite(*options, *asked); }; });

  CLI::App* revoke = device->add_subcommand(
      "revoke", "Take a device out of use, as after a loss: refused from its next call on");
  auto id = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  revoke->add_option("DEVICE", *id, "Its id, as in device list")->required();
  revoke->add_option("--reason", *reason, "For the operator; the device is not told");
  revoke->footer(
      "Example: doorstep-server device revoke 01997f30-0000-7000-8000-000000000001 --reason \"left "
      "on a bus\"");
  revoke->callback([=] { *chosen = [=] { return DeviceRevoke(*options, *id, *reason); }; });

  CLI::App* exposure = device->add_subcommand(
      "exposure", "What a lost device had: whose records, in which version, and what is missing");
  auto lost = std::make_shared<std::string>();
  exposure->add_option("DEVICE", *lost, "Its id, as in device list")->required();
  exposure->footer(
      "Example: doorstep-server device exposure 01997f30-0000-7000-8000-000000000001 --json\n"
      "A record counts once a batch with it was made for the device, whether it arrived or not.");
  exposure->callback([=] { *chosen = [=] { return DeviceExposure(*options, *lost); }; });

  CLI::App* reinstate =
      device->add_subcommand("reinstate", "Put a device that was revoked back into use");
  auto back = std::make_shared<std::string>();
  reinstate->add_option("DEVICE", *back, "Its id, as in device list")->required();
  reinstate->footer(
      "Example: doorstep-server device reinstate 01997f30-0000-7000-8000-000000000001\nOnly one "
      "that "
      "was never out of your people's hands: who had it may have copied its key.");
  reinstate->callback([=] { *chosen = [=] { return DeviceReinstate(*options, *back); }; });
}

}  // namespace doorstep::server
