// Stages of the shared work.
//
// Note [stages]. What large loops do is done in pieces, which threads share out; the rest is not worth waking them. So a
// shared section becomes stages, whole ones and ones in pieces in turn. A step in pieces cannot use what another one in
// pieces has made before all pieces of that are done: it goes to a later stage. A sum over all elements is summed piece
// by piece and put together in the whole stage behind. Pieces are as many whoever runs them, and are added in order.
#include <algorithm>

#include "compiler/lower/program.h"

namespace am::lower {
namespace {

/// What fewer elements take is too little to share.
constexpr int kWorthSharing = 1 << 14;

/// Pieces of a stage: the threads that it can keep busy.
constexpr int kPieces = 16;

bool can_split(const Program& p, const Member& member) {
  switch (member.kind) {
    case Member::Kind::Compute:
    case Member::Kind::Finish:
    case Member::Kind::Output: return true;
    case Member::Kind::Sum: return p.graph[member.node].shape.count() == 1;
    case Member::Kind::Copy:
    case Member::Kind::MeanSum: return false;
  }
  return false;
}

bool is_split(const Program& p, const Step& step) {
  if (step.kind == Step::Kind::Panels)
    return size_t{1} * p.panels[step.index].rows() * p.panels[step.index].depth() >= kWorthSharing;
  return step.kind == Step::Kind::Loop && step.shape.count() >= kWorthSharing &&
         std::all_of(step.members.begin(), step.members.end(), [&](const Member& m) { return can_split(p, m); });
}

/// The sections of one section's stages: even ones whole, odd ones in pieces.
std::vector<Section> stages_of(const Program& p, const Section& section) {
  std::vector<Section> stages;
  std::map<NodeId, int> made;  // the stage that a value comes from
  const auto stage = [&](int number) -> Section& {
    while (static_cast<int>(stages.size()) <= number)
      stages.push_back({.phase = section.phase, .pieces = stages.size() % 2 ? kPieces : 1});
    return stages[number];
  };
  for (const Step& step : section.steps) {
    const bool split = is_split(p, step);
    int number = split;
    for (NodeId id : reads(p, step)) {
      const auto known = made.find(id);
      if (known == made.end()) continue;
      const int from = known->second;
      number = std::max(number, from % 2 && split ? from + 2 : from % 2 != split ? from + 1 : from);
    }
    stage(number).steps.push_back(step);
    for (NodeId id : writes(step)) made[id] = std::max(made[id], number);
    if (!split) continue;
    for (const Member& member : step.members)
      if (member.kind == Member::Kind::Sum) {
        stage(number + 1).steps.push_back({Step::Kind::Combine, member.node, kPieces, {}, {}});
        made[member.node] = number + 1;
      }
  }
  std::erase_if(stages, [](const Section& s) { return s.steps.empty(); });
  return stages;
}

}  // namespace

void split_stages(Program& p) {
  std::vector<Section> sections;
  for (Section& section : p.sections) {
    if (section.tile) {
      sections.push_back(std::move(section));
      continue;
    }
    for (Section& stage : stages_of(p, section)) {
      stage.stage = static_cast<int>(p.plan.stages.size());
      p.plan.stages.push_back({stage.phase, stage.pieces});
      sections.push_back(std::move(stage));
    }
  }
  p.sections = std::move(sections);
}

}  // namespace am::lower
