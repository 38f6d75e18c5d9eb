#include "server/measure_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/measures/measures.h"
#include "server/measures/publish.h"
#include "server/measures/show.h"
#include "server/work.h"
#include "sync/base/clock.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

struct MeasureArguments {
  std::string day;
  std::string programme;
  bool csv = false;
  bool publish = false;
};

absl::StatusOr<int> ShowMeasures(const GlobalOptions& options, const MeasureArguments& asked) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(Tenant * tenant, work.Open(/*create=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db,
                            work.tenants().OpenDatabase(options.tenant, /*read_only=*/true));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> history, tenant->store().Read());
  MeasureOptions what;
  what.now_ms = work.tenants().clock().Read().wall_ms;
  what.day = asked.day;
  what.programme = asked.programme;
  std::shared_ptr<const Schema> schema = tenant->store().schema();
  if (schema == nullptr) schema = Schema::BuiltIn();
  DOORSTEP_ASSIGN_OR_RETURN(Measures measures, Measure(*db, schema, *history, what));
  if (asked.publish) measures = ForPublication(std::move(measures));
  const std::string text = options.json ? absl::StrCat(ToJson(measures), "\n")
                           : asked.csv  ? ToCsv(measures)
                                        : ToText(measures);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return kExitOk;
}

}  // namespace

void AddMeasureCommand(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* measure = app->add_subcommand("measure", "What coordinators count, of what");
  auto asked = std::make_shared<MeasureArguments>();
  measure->add_option("--as-of", asked->day, "The day up to which something is due; default: today")
      ->type_name("YYYY-MM-DD");
  measure->add_option("--programme", asked->programme,
                      "Only what belongs to the programme with this code");
  measure->add_flag("--csv", asked->csv, "One figure a line, for a spreadsheet");
  measure->add_flag("--publish", asked->publish,
                    "For people outside the direct-care team: small counts are not shown, others "
                    "are rounded");
  measure->footer(
      "Example: doorstep-server measure --as-of 2026-12-01 --csv > measures.csv\n"
      "--as-of moves days (reviews, outcomes, feedback); records are counted as they stand now.");
  measure->callback([=] { *chosen = [=] { return ShowMeasures(*options, *asked); }; });
}

}  // namespace doorstep::server
