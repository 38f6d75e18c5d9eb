#include "sync/cases/case.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "sync/cases/deadlines.h"
#include "sync/cases/settling.h"
#include "sync/cases/words.h"

namespace doorstep {
namespace {

// One place in the order of those who are asked.
struct Turn {
  int level = 0;
  CaseRole role = CaseRole::kNobody;
  std::string name;
};

struct Posts {
  Turn reviewer;
  Turn deputy;
  Turn duty;
};

Posts PostsOf(const Responsible& people) {
  Posts posts;
  const bool has_worker = !people.worker.empty();
  posts.reviewer = has_worker ? Turn{0, CaseRole::kWorker, people.worker}
                              : Turn{0, CaseRole::kLead, people.lead};
  posts.deputy = {1, CaseRole::kDeputy, has_worker ? people.worker_deputy : people.lead_deputy};
  if (has_worker && posts.deputy.name.empty()) posts.deputy.name = people.lead_deputy;
  if (has_worker && posts.deputy.name.empty()) posts.deputy = {1, CaseRole::kLead, people.lead};
  posts.duty = {2, CaseRole::kDuty, people.duty};
  return posts;
}

std::vector<Turn> TurnsOf(const Posts& posts, const Responsible& people, bool paused,
                          int64_t now_ms) {
  std::vector<Turn> turns = {posts.reviewer};
  if (paused) {
    Turn deputy = posts.deputy;
    const bool lead_reviews = posts.reviewer.role == CaseRole::kLead;
    deputy.level = lead_reviews ? 1 : 0;
    if (!lead_reviews && deputy.role == CaseRole::kDeputy) turns.push_back(deputy);
    if (!InOfficeHours(now_ms)) turns.push_back({1, CaseRole::kDuty, people.duty});
    if (!lead_reviews) {
      turns.push_back({1, CaseRole::kLead, people.lead});
      deputy = {1, CaseRole::kDeputy, people.lead_deputy};
    }
    turns.push_back(deputy);
  } else {
    turns.push_back(posts.deputy);
  }
  turns.push_back(posts.duty);
  std::erase_if(turns, [](const Turn& turn) { return turn.name.empty(); });
  return turns;
}

int64_t Add(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

}  // namespace

absl::string_view CaseRoleName(CaseRole role) {
  switch (role) {
    case CaseRole::kNobody:
      return "";
    case CaseRole::kWorker:
      return "worker";
    case CaseRole::kLead:
      return "lead";
    case CaseRole::kDeputy:
      return "deputy";
    case CaseRole::kDuty:
      return "duty contact";
  }
  return "";
}

CaseView ViewCase(const FieldSpec& field, const FieldState& state, const Responsible& people,
                  int64_t now_ms) {
  CaseView view;
  // Of a pause there may be one version.
  if (!state.heads.empty()) view.opened_ms = state.heads[state.heads.size() > 1 ? 1 : 0].time_ms;
  const int64_t step = field.safety ? kSafetyDueMs : kOtherDueMs;
  // Canonical order is by time.
  view.due_ms = Add(state.heads.empty() ? 0 : state.heads.back().time_ms, step);
  view.paused = IsPaused(field, state);
  const int64_t last_ms = Add(view.due_ms, step);
  if (now_ms >= last_ms) {
    view.level = kEscalationLevels - 1;
  } else if (now_ms >= view.due_ms) {
    view.level = 1;
  }
  if (view.level == 0) view.next_ms = view.due_ms;
  if (view.level == 1) view.next_ms = last_ms;

  const Posts posts = PostsOf(people);
  view.reviewer = posts.reviewer.name;
  view.reviewer_role = view.reviewer.empty() ? CaseRole::kNobody : posts.reviewer.role;
  view.deputy = posts.deputy.name;
  view.duty = posts.duty.name;

  const std::vector<SeenVersion> seen = SeenVersions(state);
  const std::vector<Turn> turns = TurnsOf(posts, people, view.paused, now_ms);
  const auto may = [&](const Turn& turn) {
    return !people.IsAway(turn.name) && MaySettle(field, seen, turn.name);
  };
  const auto pass = [&](const Turn& turn) {
    const PassedOver::Why why =
        people.IsAway(turn.name) ? PassedOver::Why::kAway : PassedOver::Why::kOwnVersion;
    const PassedOver over{turn.name, why};
    if (std::find(view.passed_over.begin(), view.passed_over.end(), over) ==
        view.passed_over.end()) {
      view.passed_over.push_back(over);
    }
  };
  const Turn* with = nullptr;
  for (const Turn& turn : turns) {
    if (turn.level < view.level) continue;
    if (may(turn)) {
      with = &turn;
      break;
    }
    pass(turn);
  }
  for (auto turn = turns.rbegin(); with == nullptr && turn != turns.rend(); ++turn) {
    if (turn->level < view.level && may(*turn)) with = &*turn;
    if (turn->level < view.level && with == nullptr) pass(*turn);
  }
  if (with != nullptr) {
    view.with = with->name;
    view.with_role = with->role;
  } else if (turns.empty()) {
    view.nobody = "Nobody is named to decide: the site's lead must be named.";
  } else {
    view.nobody = "Nobody who is named can decide now: name a deputy or a duty contact.";
  }
  return view;
}

}  // namespace doorstep
