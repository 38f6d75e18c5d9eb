#include "tests/bench/records.h"

#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace doorstep::bench {
namespace {

constexpr int64_t kFirstMs = 1'790'000'000'000;  // 2026-09-21
constexpr int64_t kRecordsPerCase = 10;
constexpr size_t kNarrativeBytes = 300;

constexpr const char* kWords[] = {
    "about",     "accepts",   "across",     "afternoon", "afraid",     "again",      "agreed",
    "alarm",     "alone",     "always",     "angry",     "answers",    "anxious",    "appointment",
    "armchair",  "arrives",   "asked",      "asleep",    "assistance", "autumn",     "balance",
    "bathroom",  "bedroom",   "bedtime",    "before",    "believes",   "bench",      "better",
    "bicycle",   "bread",     "breakfast",  "breath",    "brother",    "brought",    "bruise",
    "burn",      "bus",       "calls",      "calm",      "careful",    "carer",      "carpet",
    "carries",   "changes",   "chemist",    "choir",     "church",     "cigarette",  "clear",
    "closes",    "clothes",   "cold",       "comes",     "community",  "company",    "confused",
    "cooker",    "corner",    "corridor",   "cough",     "counts",     "cousin",     "crossing",
    "cup",       "curtains",  "daily",      "dark",      "daughter",   "dentist",    "describes",
    "different", "dinner",    "distance",   "distress",  "dizzy",      "doctor",     "dog",
    "door",      "doorway",   "drinks",     "drops",     "during",     "early",      "eats",
    "edge",      "electric",  "enjoys",     "enough",    "evening",    "every",      "expects",
    "eyesight",  "falls",     "family",     "feels",     "fence",      "fetch",      "finds",
    "fire",      "floor",     "follows",    "food",      "forgets",    "frame",      "fridge",
    "friend",    "from",      "garden",     "gas",       "gate",       "gently",     "glasses",
    "goes",      "grandson",  "grip",       "ground",    "group",      "habit",      "hallway",
    "hands",     "handrail",  "happens",    "happy",     "hearing",    "heating",    "heavy",
    "help",      "hip",       "holds",      "home",      "hospital",   "hot",        "hour",
    "house",     "hurry",     "husband",    "ice",       "icy",        "injury",     "inside",
    "instead",   "iron",      "issue",      "jacket",    "jar",        "jumper",     "keeps",
    "kettle",    "keys",      "kitchen",    "knee",      "knife",      "knows",      "lamp",
    "landing",   "laughs",    "leaves",     "left",      "letter",     "library",    "lifts",
    "light",     "listens",   "locked",     "lonely",    "looks",      "loses",      "lunch",
    "manages",   "market",    "meal",       "medicine",  "memory",     "midnight",   "milk",
    "minutes",   "mirror",    "missed",     "mobile",    "money",      "month",      "morning",
    "mother",    "moves",     "music",      "nearby",    "needs",      "neighbour",  "nephew",
    "nervous",   "never",     "newspaper",  "night",     "noise",      "nurse",      "offers",
    "often",     "opens",     "outside",    "oven",      "own",        "pain",       "painting",
    "park",      "parcel",    "pavement",   "pension",   "phone",      "photograph", "pills",
    "place",     "plans",     "plate",      "pond",      "porch",      "prefers",    "pressure",
    "promised",  "proud",     "puts",       "quickly",   "quiet",      "radio",      "railings",
    "rain",      "reaches",   "reads",      "recent",    "refuses",    "remembers",  "reminder",
    "repeats",   "rests",     "returns",    "right",     "ring",       "road",       "roof",
    "room",      "rug",       "runs",       "safe",      "Saturday",   "saucepan",   "says",
    "school",    "seat",      "second",     "shed",      "shelf",      "shoes",      "shop",
    "shoulder",  "shouts",    "shower",     "sings",     "sister",     "sits",       "sleeps",
    "slips",     "slowly",    "smoke",      "snow",      "sofa",       "some",       "sometimes",
    "son",       "soup",      "speaks",     "spring",    "stairs",     "stands",     "stays",
    "steps",     "stick",     "stiff",      "stops",     "stranger",   "street",     "strong",
    "stumbles",  "sugar",     "summer",     "Sunday",    "support",    "surface",    "swallow",
    "sweet",     "swimming",  "table",      "takes",     "talks",      "tap",        "taxi",
    "tea",       "telephone", "television", "thin",      "thinks",     "thirsty",    "threshold",
    "through",   "Thursday",  "ticket",     "tired",     "today",      "together",   "toilet",
    "towel",     "town",      "traffic",    "train",     "tray",       "tries",      "trips",
    "trolley",   "trusts",    "Tuesday",    "turns",     "twice",      "umbrella",   "unsteady",
    "upset",     "upstairs",  "usually",    "visits",    "voice",      "waits",      "wakes",
    "walks",     "wanders",   "wants",      "warm",      "washes",     "watches",    "water",
    "weak",      "wears",     "weather",    "Wednesday", "week",       "weekend",    "wheelchair",
    "while",     "wife",      "window",     "winter",    "without",    "worried",    "wound",
    "wrist",     "writes",    "wrong",      "yard",      "yesterday",  "young"};

constexpr const char* kJoints[] = {"and",  "but",  "when", "because", "with",  "after",
                                   "near", "then", "so",   "unless",  "until", "where"};
constexpr const char* kCategories[] = {"falls",        "fire",   "wandering", "medication",
                                       "self-neglect", "scalds", "traffic",   "abuse by others",
                                       "choking"};

template <typename T, size_t N>
const T& Pick(SeededEntropy& random, const T (&from)[N]) {
  return from[random.Below(N)];
}

}  // namespace

RowMaker::RowMaker(uint64_t seed) : random_(seed), wall_ms_(kFirstMs) {
  wall_ms_ += static_cast<int64_t>(seed % 1000) * 3'600'000;
}

std::string RowMaker::Words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : " ", Pick(random_, kWords));
  }
  if (!text.empty()) text[0] = absl::ascii_toupper(text[0]);
  return text;
}

std::string RowMaker::Narrative(size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    absl::StrAppend(&text, text.empty() ? "" : " ", Words(3 + static_cast<int>(random_.Below(4))),
                    " ", Pick(random_, kJoints), " ",
                    absl::AsciiStrToLower(Words(2 + static_cast<int>(random_.Below(5)))), ".");
  }
  return text;
}

Row RowMaker::Next() {
  if (made_ % kRecordsPerFile == 0) file_ = NewUuidV7(wall_ms_, random_);
  if (made_ % kRecordsPerCase == 0) case_study_ = NewUuidV7(wall_ms_, random_);
  ++made_;
  wall_ms_ += 1 + static_cast<int64_t>(random_.Below(20));
  Row row;
  row.id = NewUuidV7(wall_ms_, random_);
  row.file = file_;
  row.case_study = case_study_.ToString();
  row.activity = Words(6);
  row.hazard = Narrative(kNarrativeBytes - 30 + random_.Below(30));
  row.harm_of_not_doing = Words(12);
  row.category = Pick(random_, kCategories);
  row.location = Words(3);
  row.value_to_person = 1 + static_cast<int64_t>(random_.Below(5));
  row.likelihood = 1 + static_cast<int64_t>(random_.Below(5));
  row.severity = 1 + static_cast<int64_t>(random_.Below(5));
  row.rationale = Words(10);
  row.review_due = absl::StrFormat("%d-%02d-%02d", 2027 + random_.Below(2), 1 + random_.Below(12),
                                   1 + random_.Below(28));
  row.status = care::v1::AssessmentStatus::DRAFT;
  return row;
}

std::vector<Row> RowMaker::Take(int64_t n) {
  std::vector<Row> rows;
  rows.reserve(n);
  for (int64_t i = 0; i < n; ++i) rows.push_back(Next());
  return rows;
}

std::string RowMaker::Edited() { return absl::StrCat(Words(2), " ", random_.Below(1'000'000)); }

care::v1::RiskAssessment ToMessage(const Row& row) {
  care::v1::RiskAssessment message;
  message.set_case_study(row.case_study);
  message.set_activity(row.activity);
  message.set_hazard(row.hazard);
  message.set_harm_of_not_doing(row.harm_of_not_doing);
  message.set_category(row.category);
  message.set_location(row.location);
  message.set_value_to_person(static_cast<int32_t>(row.value_to_person));
  care::v1::Rating& rating = *message.mutable_residual_rating();
  rating.set_likelihood(static_cast<int32_t>(row.likelihood));
  rating.set_severity(static_cast<int32_t>(row.severity));
  rating.set_rationale(row.rationale);
  message.set_review_due(row.review_due);
  message.set_status(static_cast<care::v1::AssessmentStatus::Value>(row.status));
  return message;
}

size_t BytesOf(const Row& row) {
  return row.id.b.size() + row.case_study.size() + row.activity.size() + row.hazard.size() +
         row.harm_of_not_doing.size() + row.category.size() + row.location.size() +
         row.rationale.size() + row.review_due.size() + 4;
}

}  // namespace doorstep::bench
