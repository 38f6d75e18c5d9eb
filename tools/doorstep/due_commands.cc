// due, news: what has to be done by a day, and what everybody must know once.
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "doorstep/due.h"
#include "doorstep/news.h"
#include "doorstep/replica.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

int PrintDue(const Globals& globals, const DueOptions& options) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const auto due = Due(**replica, options);
  if (!due.ok()) return Fail(globals, due.status());
  if (globals.json) {
    json list = json::array();
    for (const DueItem& item : *due) list.push_back(ToJson(item));
    PrintJson({{"due", list}});
    return kOk;
  }
  if (due->empty()) std::cout << "Nothing is due.\n";
  for (const DueItem& item : *due) {
    std::cout << (item.at_ms ? WhenText(*item.at_ms) : item.day)
              << (item.stopped   ? "  stopped  "
                  : item.overdue ? "  overdue  "
                                 : "           ")
              << item.title << ": " << item.label << "   (" << (*replica)->Label(item.kind) << " "
              << item.record << ")\n";
  }
  return kOk;
}

int PrintNews(const Globals& globals, bool all) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const auto news = ListNews(**replica, all);
  if (!news.ok()) return Fail(globals, news.status());
  if (globals.json) {
    json list = json::array();
    for (const News& each : *news) list.push_back(ToJson(each));
    PrintJson({{"news", list}});
    return kOk;
  }
  if (news->empty()) std::cout << "There is no news.\n";
  for (const News& each : *news) {
    std::cout << each.words << "\n    Recorded by " << each.author << ", "
              << WhenText(each.time_ms);
    if (!each.read) std::cout << ". When you have read it: doorstep news --read " << each.record;
    std::cout << "\n";
  }
  return kOk;
}

int MarkRead(const Globals& globals, const std::vector<std::string>& records) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const absl::Status marked = MarkNewsRead(**replica, records);
  if (!marked.ok()) return Fail(globals, marked);
  if (globals.json) {
    PrintJson({{"read", records}});
  } else {
    std::cout << "Marked as read: nobody is told again on this device.\n";
  }
  return kOk;
}

}  // namespace

void AddDueCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* due = app.add_subcommand("due", "Reviews, tasks and answers that are due");
  auto options = std::make_shared<DueOptions>();
  due->add_option("--until", options->until, "The last day; default: today")
      ->type_name("YYYY-MM-DD");
  due->add_flag("--stopped", options->stopped,
                "Also what has stopped, because those whom it is about have died");
  due->footer("Example: doorstep due --until 2026-12-31");
  due->callback([=, &globals] { *exit_code = PrintDue(globals, *options); });

  auto* news = app.add_subcommand("news", "What everybody must know, once: that somebody has died");
  auto all = std::make_shared<bool>(false);
  auto read_all = std::make_shared<bool>(false);
  auto read = std::make_shared<std::vector<std::string>>();
  news->add_flag("--all", *all, "Also what was read");
  news->add_option("--read", *read, "Mark as read, by record")->type_name("ID");
  news->add_flag("--read-all", *read_all, "Mark all as read");
  news->footer("Example: doorstep news --read-all");
  news->callback([=, &globals] {
    *exit_code = *read_all || !read->empty()
                     ? MarkRead(globals, *read_all ? std::vector<std::string>() : *read)
                     : PrintNews(globals, *all);
  });
}

}  // namespace doorstep::cli
