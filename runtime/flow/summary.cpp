// Figures of several times, repeats and trainings as one.
#include <algorithm>

#include "runtime/flow/flow.h"
#include "runtime/flow/moments.h"

namespace am::flow {

namespace {

/// The root of the mean of squares: the deviation of groups of equal size about their own means.
double root_mean_square(const std::vector<double>& values) {
  double total = 0;
  for (const double v : values) total += v * v;
  return std::sqrt(total / static_cast<double>(values.size()));
}

/// `of` taken from every item.
template <class Items, class Of>
std::vector<double> each(const Items& items, Of of) {
  std::vector<double> out;
  for (const auto& item : items) out.push_back(of(item));
  return out;
}

/// One metric at one time, of several trainings. The floor has nothing to do with the model and is the same for all.
Figure over_seeds(const std::vector<Figure>& figures) {
  Figure out = figures.front();
  out.by_repeat.clear();
  out.by_seed = each(figures, [](const Figure& f) { return f.value; });
  out.value = Moments{out.by_seed}.mean();
  out.seed_deviation = deviation(out.by_seed);
  out.deviation = root_mean_square(each(figures, [](const Figure& f) { return f.deviation; }));
  const auto has = [&](auto member) {
    return std::all_of(figures.begin(), figures.end(), [&](const Figure& f) { return (f.*member).has_value(); });
  };
  out.standard_error.reset(), out.bits_per_dimension.reset();
  if (has(&Figure::standard_error))
    out.standard_error = root_mean_square(each(figures, [](const Figure& f) { return *f.standard_error; }));
  if (has(&Figure::bits_per_dimension))
    out.bits_per_dimension = Moments{each(figures, [](const Figure& f) { return *f.bits_per_dimension; })}.mean();
  // As over repeats, whatever the data have in common.
  if (has(&Figure::p)) out.p = std::min(1.0, 2 * Moments{each(figures, [](const Figure& f) { return *f.p; })}.mean());
  out.impossible = 0;
  for (const Figure& f : figures) out.impossible += f.impossible;
  return out;
}

/// Metric by metric.
std::vector<Figure> over_seeds(const std::vector<std::vector<Figure>>& trainings) {
  std::vector<Figure> out;
  for (size_t i = 0; i < trainings.front().size(); ++i) {
    std::vector<Figure> figures;
    for (const auto& training : trainings) figures.push_back(training[i]);
    out.push_back(over_seeds(figures));
  }
  return out;
}

/// One metric at several times.
Figure mean(const std::vector<Figure>& figures) {
  Figure out{.metric = figures.front().metric};
  out.value = Moments{each(figures, [](const Figure& f) { return f.value; })}.mean();
  for (size_t r = 0; r < figures.front().by_repeat.size(); ++r)
    out.by_repeat.push_back(Moments{each(figures, [&](const Figure& f) { return f.by_repeat[r]; })}.mean());
  out.deviation = Moments{out.by_repeat}.deviation();
  const auto has = [&](auto member) {
    return std::all_of(figures.begin(), figures.end(), [&](const Figure& f) { return (f.*member).has_value(); });
  };
  if (has(&Figure::floor)) out.floor = Moments{each(figures, [](const Figure& f) { return *f.floor; })}.mean();
  if (has(&Figure::bits_per_dimension))
    out.bits_per_dimension = Moments{each(figures, [](const Figure& f) { return *f.bits_per_dimension; })}.mean();
  return out;
}

}  // namespace

double deviation(const std::vector<double>& by_seed) { return Moments{by_seed}.deviation(); }

std::vector<Figure> means(const std::vector<Comparison>& comparisons) {
  std::vector<Figure> out;
  for (size_t i = 0; !comparisons.empty() && i < comparisons.front().figures.size(); ++i) {
    std::vector<Figure> figures;
    for (const Comparison& c : comparisons) figures.push_back(c.figures[i]);
    out.push_back(mean(figures));
  }
  return out;
}

EvaluationResult joined(std::vector<EvaluationResult> at_times) {
  EvaluationResult out;
  for (EvaluationResult& r : at_times) {
    std::move(r.comparisons.begin(), r.comparisons.end(), std::back_inserter(out.comparisons));
    std::move(r.references.begin(), r.references.end(), std::back_inserter(out.references));
  }
  out.means = means(out.comparisons);
  return out;
}

EvaluationResult over_seeds(std::vector<EvaluationResult> trainings, bool seeded) {
  EvaluationResult out = trainings.front();
  if (!seeded) return out;
  for (size_t k = 0; k < out.comparisons.size(); ++k) {
    std::vector<std::vector<Figure>> figures;
    for (const EvaluationResult& r : trainings) figures.push_back(r.comparisons[k].figures);
    out.comparisons[k].figures = over_seeds(figures);
  }
  std::vector<std::vector<Figure>> means;
  for (const EvaluationResult& r : trainings) means.push_back(r.means);
  out.means = over_seeds(means);
  out.objective_by_seed = each(trainings, [](const EvaluationResult& r) { return r.objective; });
  out.objective = Moments{out.objective_by_seed}.mean();
  const auto estimate = [&](auto member) {
    if (!(out.*member)) return;
    (out.*member)->value = Moments{each(trainings, [&](const EvaluationResult& r) { return (r.*member)->value; })}.mean();
    (out.*member)->standard_error =
        root_mean_square(each(trainings, [&](const EvaluationResult& r) { return (r.*member)->standard_error; }));
  };
  estimate(&EvaluationResult::learned_action), estimate(&EvaluationResult::action_bound);
  if (out.gap) {
    out.gap_by_seed = each(trainings, [](const EvaluationResult& r) { return *r.gap; });
    out.gap = Moments{out.gap_by_seed}.mean();
  }
  if (out.growth_gap) {
    out.growth_gap_by_seed = each(trainings, [](const EvaluationResult& r) { return *r.growth_gap; });
    out.growth_gap = Moments{out.growth_gap_by_seed}.mean();
  }
  return out;
}

}  // namespace am::flow
