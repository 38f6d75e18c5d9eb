#include "tests/sim/generator.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sync/schema/schema.h"
#include "tests/sim/draw.h"
#include "tests/sim/link.h"

namespace doorstep::sim {
namespace {

constexpr const char* kUsers[] = {"A", "B", "C"};
constexpr const char* kAbsences[] = {"90d", "200d", "30d", "7d"};
constexpr const char* kClockErrors[] = {"-7y", "3y", "1h", "-2d", "20d", "0", "-30y"};
constexpr const char* kSurvivors[] = {"none", "torn", "all"};

// What a seed is like.
struct Character {
  size_t devices;
  size_t records;
  size_t steps;
  bool two_sites;
  bool long_forms;  // forms stay open while others write
  uint64_t link;    // of 100 exchanges, how many go wrong
  std::vector<std::string> link_faults;
  bool partial;  // syncs that stop half-way and go on later
  bool absences;
  bool clocks;
  bool device_power;
  bool server_power;
  bool disks;   // full and failing
  bool copies;  // clones and restored backups
  bool sharing;
  bool normal;        // devices with less durability
  bool twins;         // one id, two registrations
  bool old_programs;  // with an older schema
  bool old_server;
  bool restored;  // the server, from a backup
};

class Generator : private Draw {
 public:
  explicit Generator(uint64_t seed) : Draw(seed * 2 + 1), seed_(seed) {}
  Script Run();

 private:
  void Say(const std::string& line) { script_.push_back(*ParseStep(line)); }

  void DrawCharacter();
  void Begin();
  void Event();
  void Create(const std::string& device);
  void Backup(const std::string& device);
  void Edit();
  void Bulk();
  void Settle();
  void Prose();
  void Mark();
  void Sign();
  void Answer(const std::string& device);
  void Refused();
  void Link();
  void Meet();
  void RestoreServer();
  void Lose(const std::string& device, const std::string& other);
  void Sync();
  void Fault();
  void DeviceFault(const std::string& device);
  void ServerFault();
  std::string AnyDevice();
  std::vector<std::string> Colleagues(const std::string& device);
  std::string AnyRecord();
  std::string Who(const std::string& device);

  const uint64_t seed_;
  Character is_{};
  Script script_;
  std::vector<std::string> devices_;
  std::map<std::string, std::string> sites_;            // by device
  std::set<std::pair<std::string, std::string>> open_;  // "d1 A" and "r1"
  std::vector<std::string> hidden_;                     // records that somebody was asked to hide
  int clones_ = 0;
  std::vector<std::string> backed_up_;
};

void Generator::DrawCharacter() {
  is_.devices = 2 + Below(3);
  is_.records = 3 + Below(6);
  is_.steps = 45 + Below(40);
  is_.two_sites = OneIn(2);
  is_.long_forms = !OneIn(3);
  is_.link = OneIn(4) ? 0 : 3 + Below(20);
  for (const char* fault : kLinkFaults) {
    if (OneIn(2)) is_.link_faults.emplace_back(fault);
  }
  if (is_.link_faults.empty()) is_.link_faults.emplace_back("noreply");
  is_.partial = OneIn(2);
  is_.absences = OneIn(3);
  is_.clocks = OneIn(3);
  is_.device_power = OneIn(2);
  is_.server_power = OneIn(2);
  is_.disks = OneIn(4);
  is_.copies = OneIn(3);
  is_.sharing = is_.two_sites && !OneIn(3);
  is_.normal = OneIn(4);
  is_.twins = OneIn(3);
  is_.old_programs = OneIn(4);
  is_.old_server = OneIn(8);
  is_.restored = OneIn(4);
}

void Generator::Begin() {
  std::string world = absl::StrCat("world seed=", seed_, " batch=", OneIn(3) ? 4096 : 1 + Below(6));
  if (OneIn(2)) absl::StrAppend(&world, " push=", 200 + Below(1000));
  if (is_.old_server) absl::StrAppend(&world, " server=old");
  Say(world);
  Say("site north");
  if (is_.two_sites) Say("site south");
  for (size_t i = 1; i <= is_.devices; ++i) {
    const bool south = is_.two_sites && (i == is_.devices || OneIn(3));
    devices_.push_back(absl::StrCat("d", i));
    sites_[devices_.back()] = south ? "south" : "north";
    Say(absl::StrCat("device d", i, south ? " south" : " north", " users=A,B,C",
                     is_.normal && OneIn(2) ? " durability=normal" : "",
                     is_.old_programs && OneIn(2) ? " schema=old" : ""));
  }
  if (OneIn(5)) return;  // everybody starts from nothing
  // Else from records that they share.
  for (int i = 0; i < 2; ++i) Create("d1");
  Say("sync d1");
  if (is_.two_sites) Say("share r1 south");
  for (const std::string& device : devices_) {
    if (device != "d1") Say(absl::StrCat("sync ", device));
    if (is_.copies && OneIn(2)) Backup(device);
  }
}

void Generator::Backup(const std::string& device) {
  Say(absl::StrCat("backup ", device));
  backed_up_.push_back(device);
}

std::string Generator::AnyDevice() { return devices_[Below(devices_.size())]; }
// Most work is about few records, so that people meet.
std::string Generator::AnyRecord() {
  const uint64_t n = OneIn(4) ? kinds_.size() : std::min<uint64_t>(kinds_.size(), 2);
  return absl::StrCat("r", 1 + Below(n));
}
std::string Generator::Who(const std::string& device) {
  return absl::StrCat(device, " ", Any(kUsers));
}

void Generator::Create(const std::string& device) {
  if (is_.twins && !kinds_.empty() && OneIn(3)) {
    const size_t which = Below(kinds_.size());
    Say(absl::StrCat("create ", Who(device), " r", which + 1, " ", kinds_[which], " ",
                     EditJson(kinds_[which], true)));
    return;
  }
  const std::string kind = AnyKind();
  std::string where;
  if (OneIn(2)) where = " file=new";
  if (!kinds_.empty() && OneIn(4)) where = absl::StrCat(" file=", AnyRecord());
  if (OneIn(6)) absl::StrAppend(&where, " tier=", OneIn(2) ? "RESTRICTED" : "SEALED");
  kinds_.push_back(kind);
  Say(absl::StrCat("create ", Who(device), " r", kinds_.size(), " ", kind, where, " ",
                   EditJson(kind, true)));
  if (is_.twins && OneIn(2)) {
    // Registered again elsewhere, before the two have met.
    Say(absl::StrCat("create ", Who(AnyDevice()), " r", kinds_.size(), " ", kind, " ",
                     EditJson(kind, true)));
  }
}

void Generator::Edit() {
  const std::string who = Who(AnyDevice());
  const std::string record = AnyRecord();
  const std::string& kind = KindOf(record).name;
  if (is_.long_forms && OneIn(3)) {
    Say(absl::StrCat("open ", who, " ", record));
    open_.insert({who, record});
    return;
  }
  if (!open_.empty() && OneIn(2)) {
    auto it = open_.begin();
    std::advance(it, Below(open_.size()));
    const std::string& opened = KindOf(it->second).name;
    Say(absl::StrCat("save ", it->first, " ", it->second, " ", EditJson(opened, false)));
    open_.erase(it);
    return;
  }
  Say(absl::StrCat("edit ", who, " ", record, " ", EditJson(kind, false)));
}

void Generator::Bulk() {
  std::string line = absl::StrCat("bulk ", Who(AnyDevice()));
  std::vector<std::string> edits;
  for (size_t i = 0; i < kinds_.size() && edits.size() < 4; ++i) {
    if (OneIn(2)) edits.push_back(absl::StrCat("r", i + 1, " ", EditJson(kinds_[i], false)));
  }
  if (!edits.empty()) Say(absl::StrCat(line, " ", absl::StrJoin(edits, " ; ")));
}

void Generator::Settle() {
  std::string line = absl::StrCat("settle ", Who(AnyDevice()), " pick=", Below(10));
  if (OneIn(3)) {
    Say(absl::StrCat(line, " mode=both"));
  } else if (OneIn(2)) {
    Say(absl::StrCat(line, " mode=keep"));
  } else {
    std::map<std::string, std::string> values;
    for (const std::string& kind : kinds_) {
      for (const FieldSpec& field : Schema::BuiltIn()->FindByName(kind)->fields) {
        const bool decided = field.needs_person() && field.reference.empty();
        if (decided) values[field.scalar.name] = Value(field);
      }
    }
    std::vector<std::string> parts;
    for (const auto& [name, value] : values) {
      parts.push_back(absl::StrCat("\"", name, "\":", value));
    }
    Say(absl::StrCat(line, " mode=", OneIn(4) ? "add" : "new", " {", absl::StrJoin(parts, ","),
                     "}"));
  }
}

// Of a record that has prose.
void Generator::Prose() {
  constexpr const char* kDo[] = {"add", "add", "swap", "drop"};
  const std::string record = AnyRecord();
  std::vector<std::string> names;
  for (const FieldSpec& field : KindOf(record).fields) {
    if (field.merge == MergeClass::kText) names.push_back(field.scalar.name);
  }
  if (names.empty()) return Edit();
  // Most people write about the same thing.
  const std::string name = names[OneIn(3) ? Below(names.size()) : 0];
  const std::string who = Who(AnyDevice());
  open_.erase({who, record});
  Say(absl::StrCat("prose ", who, " ", record, " ", name, " ", Any(kDo), " at=", Below(5),
                   OneIn(3) ? " break=yes" : "", " {\"text\":\"Likes the ", Any(kWords), " ", Tag(),
                   ".\"}"));
}

void Generator::Mark() {
  const std::string who = Who(AnyDevice());
  if (!hidden_.empty() && OneIn(3)) {
    open_.erase({who, hidden_.back()});
    return Say(absl::StrCat("unhide ", who, " ", hidden_.back()));
  }
  const std::string record = AnyRecord();
  if (is_.long_forms && OneIn(2)) {
    Say(absl::StrCat("open ", who, " ", record));
    for (uint64_t i = Below(4); i > 0; --i) Event();
  }
  open_.erase({who, record});
  Say(absl::StrCat("hide ", who, " ", record));
  hidden_.push_back(record);
}

void Generator::Sign() {
  std::vector<std::string> fit;
  for (size_t i = 0; i < kinds_.size(); ++i) {
    if (KindOf(absl::StrCat("r", i + 1)).sign_off) fit.push_back(absl::StrCat("r", i + 1));
  }
  if (fit.empty()) return Edit();
  const std::string record = fit[Below(fit.size())];
  const std::string who = Who(AnyDevice());
  if (OneIn(2)) {
    std::vector<std::string> demanded;
    for (const FieldSpec& field : KindOf(record).fields) {
      if (!field.sign_off_requires) continue;
      demanded.push_back(absl::StrCat("\"", field.scalar.name, "\":", Value(field)));
    }
    Say(absl::StrCat("edit ", who, " ", record, " {", absl::StrJoin(demanded, ","), "}"));
  }
  if (is_.long_forms && OneIn(2)) {
    Say(absl::StrCat("open ", who, " ", record));
    for (uint64_t i = Below(4); i > 0; --i) Event();
  }
  open_.erase({who, record});
  Say(absl::StrCat("sign ", who, " ", record));
}

// What was refused, or is held, is sent again or taken back; most of the time there is nothing.
void Generator::Answer(const std::string& device) {
  if (OneIn(3)) return Say(absl::StrCat("withdraw ", Who(device), " pick=", Below(4)));
  Say(absl::StrCat("fix ", Who(device), " pick=", Below(4), OneIn(4) ? " file=new" : ""));
}

// A record in a file that the device's site may not hold, and work on it, which is refused; then
// the file is given to the site, or the record made elsewhere, or it is taken back.
void Generator::Refused() {
  const std::string device = AnyDevice();
  if (!is_.two_sites) return Answer(device);
  const std::string in = AnyRecord();
  const std::string kind = AnyKind();
  kinds_.push_back(kind);
  const std::string record = absl::StrCat("r", kinds_.size());
  Say(absl::StrCat("create ", Who(device), " ", record, " ", kind, " file=", in, " ",
                   EditJson(kind, true)));
  for (uint64_t i = Below(3); i > 0; --i) {
    Say(OneIn(3) ? absl::StrCat("hide ", Who(device), " ", record)
                 : absl::StrCat("edit ", Who(device), " ", record, " ", EditJson(kind, false)));
  }
  Say(absl::StrCat("sync ", device));
  if (!OneIn(3)) {
    Say(absl::StrCat("share ", in, " ", sites_[device]));
    Say(absl::StrCat("sync ", device));
  }
  for (uint64_t i = 1 + Below(3); i > 0; --i) Answer(device);
  Say(absl::StrCat("sync ", device));
}

// Somebody is registered twice, and people say whether they are one.
void Generator::Link() {
  std::vector<std::string> people;
  for (size_t i = 0; i < kinds_.size(); ++i) {
    if (kinds_[i] == "Person") people.push_back(absl::StrCat("r", i + 1));
  }
  if (people.size() < 2) {
    kinds_.emplace_back("Person");
    return Say(absl::StrCat("create ", Who(AnyDevice()), " r", kinds_.size(), " Person",
                            OneIn(2) ? " file=new" : "", " {\"name\":\"", Any(kWords),
                            "\",\"nhs_number\":\"", 1000 + Below(2), "\"}"));
  }
  const size_t first = Below(people.size());
  const size_t second = (first + 1 + Below(people.size() - 1)) % people.size();
  for (uint64_t i = 1 + Below(2); i > 0; --i) {
    Say(absl::StrCat(OneIn(3) ? "unlink " : "link ", Who(AnyDevice()), " ", people[first], " ",
                     people[second]));
  }
}

void Generator::Sync() {
  std::string line = absl::StrCat("sync ", AnyDevice());
  if (is_.partial && OneIn(2)) absl::StrAppend(&line, " steps=", 1 + Below(6));
  for (int exchange = 1; exchange <= 12; ++exchange) {
    if (Below(100) >= is_.link) continue;
    absl::StrAppend(&line, " ", exchange, "=", is_.link_faults[Below(is_.link_faults.size())]);
  }
  Say(line);
  if (OneIn(3)) Say(absl::StrCat("deliver ", Below(4)));
}

void Generator::DeviceFault(const std::string& device) {
  switch (is_.copies && OneIn(3) ? 6 : Below(8)) {
    case 0:
    case 1:
      if (is_.device_power) {
        Say(absl::StrCat("cut ", device, " at=", 1 + Below(60), " survivors=", Any(kSurvivors)));
      }
      break;
    case 2:
      if (is_.device_power) Say(absl::StrCat("crash ", device, " survivors=", Any(kSurvivors)));
      break;
    case 3:
      if (!is_.disks) break;
      if (OneIn(2)) {
        Say(absl::StrCat("full ", device, " bytes=", Below(20'000)));
      } else {
        Say(absl::StrCat("io-error ", device, " at=", 1 + Below(80), " count=", 1 + Below(3)));
      }
      for (uint64_t i = 1 + Below(3); i > 0; --i) Event();
      Say(absl::StrCat("free ", device));
      break;
    case 4:
      if (is_.clocks) Say(absl::StrCat("clock ", device, " ", Any(kClockErrors)));
      break;
    case 5:
      if (is_.old_programs && OneIn(2)) {
        Say(absl::StrCat("upgrade ", device));
        break;
      }
      Say(absl::StrCat(OneIn(2) ? "reboot " : "restart ", device));
      break;
    case 6:
      if (!is_.copies) break;
      if (clones_ < 2 && OneIn(3)) {
        const std::string clone = absl::StrCat("d", devices_.size() + 1);
        Say(absl::StrCat("clone ", device, " ", clone));
        devices_.push_back(clone);
        sites_[clone] = sites_[device];
        ++clones_;
      } else if (backed_up_.empty() || OneIn(3)) {
        Backup(device);
      } else {
        Say(absl::StrCat("restore ", backed_up_[Below(backed_up_.size())]));
      }
      break;
    default:
      if (!kinds_.empty()) Say(absl::StrCat("history ", device, " ", AnyRecord()));
  }
}

// Devices that hold what the device creates.
std::vector<std::string> Generator::Colleagues(const std::string& device) {
  std::vector<std::string> others;
  for (const auto& [name, site] : sites_) {
    if (name != device && site == sites_[device]) others.push_back(name);
  }
  return others;
}

void Generator::RestoreServer() {
  is_.restored = false;  // once
  Say("backup server");
  const std::string device = AnyDevice();
  const std::vector<std::string> others = Colleagues(device);
  if (!others.empty() && !OneIn(4)) return Lose(device, others[Below(others.size())]);
  for (uint64_t i = Below(6); i > 0; --i) Event();
  Say(OneIn(3) ? "restore server announced=no" : "restore server");
}

// The backup lacks a record, and somebody else's work on it comes back first: that is held.
void Generator::Lose(const std::string& device, const std::string& other) {
  const std::string kind = AnyKind();
  kinds_.push_back(kind);
  const std::string record = absl::StrCat("r", kinds_.size());
  Say(absl::StrCat("create ", Who(device), " ", record, " ", kind, OneIn(2) ? " file=new " : " ",
                   EditJson(kind, true)));
  const auto edit = [&] {
    Say(absl::StrCat("edit ", Who(other), " ", record, " ", EditJson(kind, false)));
  };
  Say(absl::StrCat("sync ", device));
  Say(absl::StrCat("sync ", other));
  edit();
  Say(absl::StrCat("sync ", other));
  Say("restore server");
  if (OneIn(2)) edit();
  Say(absl::StrCat("sync ", other));
  // Perhaps nobody waits for what it stands on.
  if (!OneIn(3)) {
    Answer(other);
    Say(absl::StrCat("sync ", other));
  }
  if (OneIn(2)) Say(absl::StrCat("sync ", device));
}

// Two people on one field that keeps what both did, before either has heard of the other.
void Generator::Meet() {
  const std::string device = AnyDevice();
  const std::vector<std::string> others = Colleagues(device);
  if (others.empty()) return Edit();
  const std::string& other = others[Below(others.size())];
  const auto say = [&](const std::string& who, const std::string& record, const FieldSpec& field,
                       const std::string& value) {
    Say(absl::StrCat("edit ", Who(who), " ", record, " {\"", field.scalar.name, "\":", value, "}"));
  };
  const std::string record = AnyRecord();
  std::vector<const FieldSpec*> fit;
  for (const FieldSpec& field : KindOf(record).fields) {
    const bool step = field.merge == MergeClass::kState && !field.transitions.empty();
    if (step || (field.is_set() && field.reference.empty())) fit.push_back(&field);
  }
  if (fit.empty()) return Edit();
  const FieldSpec& field = *fit[Below(fit.size())];
  if (field.is_set()) {
    // Both add the same; one takes it out again, not knowing that the other had added it too.
    std::string value = Value(field);
    while (value == "[]") value = Value(field);
    say(device, record, field, value);
    say(other, record, field, value);
    Say(absl::StrCat("sync ", device));
    say(device, record, field, "[]");
    Say(absl::StrCat("sync ", other));
  } else {
    // Steps from one state.
    const auto& [from, to] = field.transitions[Below(field.transitions.size())];
    const auto step = [&](int64_t state) {
      for (const EnumValueSpec& value : field.scalar.values) {
        if (value.number == state) return absl::StrCat("\"", value.name, "\"");
      }
      return std::string("null");
    };
    std::vector<int64_t> next;
    for (const auto& [before, after] : field.transitions) {
      if (before == from) next.push_back(after);
    }
    say(device, record, field, step(from));
    Say(absl::StrCat("sync ", device));
    Say(absl::StrCat("sync ", other));
    say(device, record, field, step(to));
    say(other, record, field, step(next[Below(next.size())]));
    Say(absl::StrCat("sync ", other));
  }
  Say(absl::StrCat("sync ", device));
}

void Generator::ServerFault() {
  if (is_.restored) return RestoreServer();
  if (is_.old_server && OneIn(2)) return Say("upgrade server");
  if (is_.server_power && !OneIn(3)) {
    if (OneIn(3)) {
      Say(absl::StrCat("crash server survivors=", Any(kSurvivors)));
    } else {
      Say(absl::StrCat("cut server at=", 1 + Below(60), " survivors=", Any(kSurvivors)));
    }
  } else if (is_.disks) {
    Say(OneIn(2) ? absl::StrCat("full server bytes=", Below(20'000))
                 : absl::StrCat("io-error server at=", 1 + Below(80), " count=", 1 + Below(3)));
    for (uint64_t i = 1 + Below(3); i > 0; --i) Event();
    Say("free server");
  } else if (OneIn(4)) {
    Say("restart server");
  }
}

void Generator::Fault() {
  const uint64_t dice = Below(10);
  if (dice < 5) return DeviceFault(AnyDevice());
  if (dice < 7) return ServerFault();
  if (dice == 7 && is_.absences) return Say(absl::StrCat("wait ", Any(kAbsences)));
  if (dice == 8 && is_.sharing && !kinds_.empty()) {
    return Say(absl::StrCat(OneIn(2) ? "unshare " : "share ", AnyRecord(),
                            OneIn(2) ? " north" : " south"));
  }
  Say(absl::StrCat("wait ", 1 + Below(120), OneIn(2) ? "m" : "s"));
}

void Generator::Event() {
  const uint64_t dice = Below(100);
  if (kinds_.empty() || (dice < 9 && kinds_.size() < is_.records)) return Create(AnyDevice());
  if (dice < 33) return Edit();
  if (dice < 37) return Bulk();
  if (dice < 46) return Settle();
  if (dice < 52) return Prose();
  if (dice < 55) return Mark();
  if (dice < 58) return Sign();
  if (dice < 60) return Answer(AnyDevice());
  if (dice < 62) return Link();
  if (dice < 64) return Refused();
  if (dice < 66) return Meet();
  if (dice < 88) return Sync();
  Fault();
}

Script Generator::Run() {
  DrawCharacter();
  Begin();
  while (script_.size() < is_.steps) Event();
  Say("quiet");
  if (OneIn(4)) {
    for (int i = 0; i < 15; ++i) Event();
    Say("quiet");
  }
  return std::move(script_);
}

}  // namespace

Script Generate(uint64_t seed) { return Generator(seed).Run(); }

}  // namespace doorstep::sim
