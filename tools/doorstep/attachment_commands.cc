// attach, attachments, attachment get: bytes that belong to records.
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "doorstep/attachments.h"
#include "doorstep/replica.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

constexpr size_t kPieceBytes = 256 * 1024;

std::string OnScreen(const AttachmentInfo& info) {
  switch (info.state) {
    case AttachmentState::kHere:
      if (info.at_server) return "here";
      return absl::StrCat("here, ", BytesText(info.bytes_sent), " sent");
    case AttachmentState::kOnItsWay:
      return absl::StrCat("on its way, ", BytesText(info.bytes_here), " here");
    case AttachmentState::kNotAsked:
      return "not asked for";
  }
  return "";
}

int Attach(const Globals& globals, const std::string& path, AttachOptions options) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  options.author = globals.user;
  const auto id = AttachFile(**replica, path, options);
  if (!id.ok()) return Fail(globals, id.status());
  if (globals.json) {
    PrintJson({{"id", *id}});
  } else {
    std::cout << *id << "\n";
  }
  return kOk;
}

int List(const Globals& globals) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const auto all = ListAttachments(**replica);
  if (!all.ok()) return Fail(globals, all.status());
  if (globals.json) {
    json list = json::array();
    for (const AttachmentInfo& info : *all) list.push_back(ToJson(info));
    PrintJson({{"attachments", list}});
    return kOk;
  }
  std::vector<std::vector<std::string>> rows;
  for (const AttachmentInfo& info : *all) {
    rows.push_back({info.record, info.title, BytesText(info.size), OnScreen(info)});
  }
  PrintTable({"record", "title", "size", "where"}, rows);
  return kOk;
}

absl::Status Write(Replica& replica, const std::string& record, const std::string& path) {
  absl::StatusOr<std::string> piece = ReadAttachment(replica, record, 0, kPieceBytes);
  if (!piece.ok()) return piece.status();
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  for (uint64_t at = 0; piece.ok() && !piece->empty() && file;) {
    file.write(piece->data(), static_cast<std::streamsize>(piece->size()));
    at += piece->size();
    piece = ReadAttachment(replica, record, at, kPieceBytes);
  }
  file.close();
  if (!piece.ok()) return piece.status();
  return file ? absl::OkStatus() : absl::UnavailableError(absl::StrCat(path, ": not written"));
}

int Get(const Globals& globals, const std::string& record, const std::string& path) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const auto info = FindAttachment(**replica, record);
  if (!info.ok()) return Fail(globals, info.status());
  if (info->state == AttachmentState::kHere) {
    const absl::Status written = Write(**replica, record, path);
    if (!written.ok()) return Fail(globals, written);
  } else {
    const absl::Status asked = AskForAttachment(**replica, record);
    if (!asked.ok()) return Fail(globals, asked);
  }
  if (globals.json) {
    PrintJson(ToJson(*info));
  } else if (info->state == AttachmentState::kHere) {
    std::cout << path << ": " << BytesText(info->size) << "\n";
  } else {
    std::cout << "On its way: " << BytesText(info->bytes_here) << " of " << BytesText(info->size)
              << " are here, and the next sync brings the rest before all others.\n";
  }
  // It can be had later, like all that waits for a link.
  return info->state == AttachmentState::kHere ? kOk : kNoLink;
}

}  // namespace

void AddAttachmentCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* attach = app.add_subcommand("attach", "Attach a file to a record of its own");
  auto path = std::make_shared<std::string>();
  auto options = std::make_shared<AttachOptions>();
  attach->add_option("PATH", *path, "A photograph, recording or document")->required();
  attach->add_option("--record", options->json, "The record's other fields, as JSON")
      ->capture_default_str();
  attach->add_option("--kind", options->kind, "The record's kind, where several name attachments");
  attach->add_option("--file", options->place.file, "As for add");
  attach->add_option("--tier", options->place.tier, "As for add");
  attach->footer(
      "It is kept encrypted here and sent after all records.\n"
      "Example: doorstep attach kitchen.jpg --record '{\"media_type\":\"image/jpeg\","
      "\"caption\":\"The step\"}' --file $PETER");
  attach->callback([=, &globals] { *exit_code = Attach(globals, *path, *options); });

  auto* list = app.add_subcommand("attachments", "All attachments, and how far each is here");
  list->footer("Example: doorstep attachments --json   (state: HERE, ON_ITS_WAY, NOT_ASKED)");
  list->callback([=, &globals] { *exit_code = List(globals); });

  auto* attachment = app.add_subcommand("attachment", "One attachment");
  attachment->require_subcommand(1);
  auto* get = attachment->add_subcommand("get", "Write it to a file, or ask for it");
  auto record = std::make_shared<std::string>();
  auto out = std::make_shared<std::string>();
  get->add_option("ID", *record, "The record that names it")->required();
  get->add_option("--out", *out, "Where to")->required()->type_name("FILE");
  get->footer(
      "One that is not here yet comes with the next sync, before all others (exit code 5).\n"
      "Example: doorstep attachment get 0198... --out kitchen.jpg");
  get->callback([=, &globals] { *exit_code = Get(globals, *record, *out); });
}

}  // namespace doorstep::cli
