#include "server/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <istream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "server/output.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

// "" is what stands before or after any command.
constexpr absl::string_view kSections[] = {"", "serve", "backup.create"};
// Those say what one call is about, and a file does not.
constexpr absl::string_view kNotInAFile[] = {"help", "config", "tenant", "json"};

// Null: there is none.
CLI::App* SectionOf(CLI::App* app, absl::string_view section) {
  for (const absl::string_view name : absl::StrSplit(section, '.', absl::SkipEmpty())) {
    const std::vector<CLI::App*> found = app->get_subcommands(
        [name](const CLI::App* each) { return each->get_name() == std::string(name); });
    if (found.empty()) return nullptr;
    app = found[0];
  }
  return app;
}

bool MayStandInAFile(const CLI::Option& option) {
  return option.nonpositional() && std::find(std::begin(kNotInAFile), std::end(kNotInAFile),
                                             option.get_single_name()) == std::end(kNotInAFile);
}

bool IsFlag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }
bool IsList(const CLI::Option& option) {
  return option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
}

// What a value of it must be: "INT in [1 - 825]", "TEXT".
std::string WantedOf(const CLI::Option& option) {
  if (IsFlag(option)) return "true or false";
  const std::string type = option.get_type_name();
  const size_t colon = type.find(':');
  return colon == std::string::npos ? type : type.substr(colon + 1);
}

absl::Status Wrong(const std::string& file, const CLI::ConfigItem& item, absl::string_view got,
                   absl::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": ", item.fullname(), ": got ", got, ", wanted ", wanted));
}

// Names that the section has, for whoever misspelt one.
std::string NamesIn(CLI::App* section) {
  std::vector<std::string> names;
  for (const CLI::Option* option : section->get_options()) {
    if (MayStandInAFile(*option)) names.push_back(option->get_single_name());
  }
  return absl::StrJoin(names, ", ");
}

// An empty list, and an empty text where that is what there is without it.
bool SaysNothing(const CLI::ConfigItem& item, const CLI::Option& option) {
  return item.inputs.empty() ||
         (item.inputs.size() == 1 && item.inputs[0].empty() && option.get_default_str().empty() &&
          absl::StartsWith(option.get_type_name(), "TEXT"));
}

// As the command line would take it: in an app of its own, so that one value cannot hide another.
absl::Status CheckValues(const std::string& file, const CLI::ConfigItem& item,
                         const CLI::Option& option, const AppBuilder& build) {
  if (item.inputs.size() > 1 && !IsList(option)) {
    return Wrong(file, item, absl::StrCat(item.inputs.size(), " values"), "one");
  }
  if (SaysNothing(item, option)) return absl::OkStatus();
  for (const std::string& value : item.inputs) {
    CLI::App trial;
    build(&trial);
    std::vector<std::string> words(item.parents);
    words.push_back(absl::StrCat("--", item.name, "=", value));
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
      trial.parse(words);
    } catch (const CLI::RequiredError&) {
      // The rest comes from the command line.
    } catch (const CLI::ParseError& error) {
      return Wrong(file, item, Quoted(value),
                   absl::StrCat(WantedOf(option), " (", error.what(), ")"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> CheckItems(const std::string& file, const std::vector<CLI::ConfigItem>& items,
                               const AppBuilder& build) {
  CLI::App known;
  build(&known);
  std::set<std::string> seen;
  for (const CLI::ConfigItem& item : items) {
    const std::string section = absl::StrJoin(item.parents, ".");
    CLI::App* const app = SectionOf(&known, section);
    const bool has_section =
        std::find(std::begin(kSections), std::end(kSections), section) != std::end(kSections);
    if (item.name == "++" || item.name == "--") {
      // "backup" on the way to "backup.create" is none of its own.
      const bool above = std::any_of(std::begin(kSections), std::end(kSections),
                                     [&section](absl::string_view other) {
                                       return absl::StartsWith(other, absl::StrCat(section, "."));
                                     });
      if (has_section || above) continue;
      return absl::InvalidArgumentError(absl::StrCat(file, ": got the section [", section,
                                                     "], wanted [serve] or [backup.create]"));
    }
    if (app == nullptr || !has_section) {
      return Wrong(file, item, "an unknown key",
                   absl::StrCat("one of ", NamesIn(&known),
                                ", or "
                                "those of [serve] or [backup.create]"));
    }
    const CLI::Option* const option = app->get_option_no_throw("--" + item.name);
    if (option == nullptr || !MayStandInAFile(*option)) {
      return Wrong(file, item, "an unknown key", absl::StrCat("one of ", NamesIn(app)));
    }
    if (!seen.insert(item.fullname()).second) return Wrong(file, item, "it twice", "it once");
    DOORSTEP_RETURN_IF_ERROR(CheckValues(file, item, *option, build));
  }
  return static_cast<int>(seen.size());
}

// CLI11's reading of TOML, and nothing that it would overlook.
class CheckedConfig : public CLI::ConfigTOML {
 public:
  CheckedConfig(const CLI::App* app, AppBuilder build) : app_(app), build_(std::move(build)) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> read = CLI::ConfigTOML::from_config(input);
    const absl::StatusOr<int> count =
        CheckItems(app_->get_config_ptr()->as<std::string>(), read, build_);
    // CLI11's way out; main turns it into an exit code.
    if (!count.ok()) throw CLI::ConfigError(std::string(count.status().message()));
    CLI::App known;
    build_(&known);
    read.erase(std::remove_if(read.begin(), read.end(),
                              [&known](const CLI::ConfigItem& item) {
                                CLI::App* const section =
                                    SectionOf(&known, absl::StrJoin(item.parents, "."));
                                const CLI::Option* const option =
                                    section->get_option_no_throw("--" + item.name);
                                return option != nullptr && SaysNothing(item, *option);
                              }),
               read.end());
    return read;
  }

 private:
  const CLI::App* const app_;
  const AppBuilder build_;
};

std::string DefaultText(const CLI::Option& option) {
  if (IsFlag(option)) return "false";
  if (IsList(option)) return "[]";
  const std::string value = option.get_default_str();
  const bool number = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
  return number ? value : absl::StrCat("\"", value, "\"");
}

void AddComment(absl::string_view text, std::string* out) {
  constexpr size_t kWidth = 96;
  std::string line = "#";
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    if (line.size() + 1 + word.size() > kWidth) {
      absl::StrAppend(out, line, "\n");
      line = "#";
    }
    absl::StrAppend(&line, " ", word);
  }
  absl::StrAppend(out, line, "\n");
}

absl::StatusOr<int> TryFile(const GlobalOptions& options, const std::string& file,
                            const AppBuilder& build) {
  DOORSTEP_ASSIGN_OR_RETURN(const int settings, CheckConfigFile(file, build));
  if (options.json) {
    PrintJson({{"file", file}, {"settings", settings}});
  } else {
    Print(absl::StrCat(file, ": ", settings, " settings, all of them right"));
  }
  return kExitOk;
}

}  // namespace

absl::StatusOr<int> CheckConfigFile(const std::string& file, const AppBuilder& build) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  std::istringstream input(text);
  return CheckItems(file, CLI::ConfigTOML().from_config(input), build);
}

std::string ExampleConfig(const AppBuilder& build) {
  CLI::App app;
  build(&app);
  std::string out =
      "# Configuration of doorstep-server: doorstep-server serve --config FILE\n"
      "# Every setting with its default, commented out. A flag of the command line wins over this\n"
      "# file, and this file over the environment. `doorstep-server config check FILE` tries it.\n";
  for (const absl::string_view section : kSections) {
    CLI::App* const part = SectionOf(&app, section);
    if (part == nullptr) continue;
    if (!section.empty()) {
      absl::StrAppend(&out, "\n[", section, "]\n");
      AddComment(part->get_description(), &out);
    }
    for (const CLI::Option* option : part->get_options()) {
      if (!MayStandInAFile(*option)) continue;
      out += "\n";
      AddComment(option->get_description(), &out);
      absl::StrAppend(&out, "# ", option->get_single_name(), " = ", DefaultText(*option), "\n");
    }
  }
  return out;
}

void AddConfig(CLI::App* app, const GlobalOptions* options, Command* chosen,
               const AppBuilder& build) {
  app->set_config("--config", "", "A file with what flags would say (TOML); see `config example`");
  app->config_formatter(std::make_shared<CheckedConfig>(app, build));
  CLI::App* config = app->add_subcommand("config", "The configuration file");
  config->require_subcommand(1);
  CLI::App* check = config->add_subcommand("check", "Try a file, and name what is wrong in it");
  auto file = std::make_shared<std::string>();
  check->add_option("FILE", *file, "The file")->required();
  check->footer("Example: doorstep-server config check /etc/doorstep/doorstep.toml");
  check->callback([=] { *chosen = [=] { return TryFile(*options, *file, build); }; });
  CLI::App* example = config->add_subcommand("example", "Print a file with every setting");
  example->footer("Example: doorstep-server config example > /etc/doorstep/doorstep.toml");
  example->callback([=] {
    *chosen = [=]() -> absl::StatusOr<int> {
      Print(ExampleConfig(build));
      return kExitOk;
    };
  });
}

}  // namespace doorstep::server
