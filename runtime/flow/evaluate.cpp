#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

#include "runtime/flow/moments.h"
#include "runtime/flow/particles.h"
#include "runtime/flow/weak_form.h"
#include "runtime/metrics/metrics.h"

namespace am::flow {

using elaborate::Evaluation;
using elaborate::Metric;
using elaborate::Model;
using metrics::Of;

namespace {

/// Fresh draws for the objective and the gap: enough for a relative error of a fraction of a percent.
constexpr size_t kManySamples = 1 << 18;
/// Parts of them, whose means tell the error of the whole.
constexpr size_t kParts = 16;
/// Repetitions of the sampling floor, whose mean is reported.
constexpr int kFloorRepeats = 5;
constexpr size_t kDefaultCount = 1000;


/// A mean over samples and its squared standard error; with weights u, Σu²(v − mean)²/(Σu)² (that of a ratio).
struct Weighed {
  double mean = 0, squared_error = 0;
};

Weighed weighed(const Moments& m, const std::vector<double>& weights) {
  const double deviation = m.deviation();
  if (weights.empty()) return {m.mean(), deviation * deviation / static_cast<double>(m.values.size())};
  Weighed out;
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (size_t i = 0; i < weights.size(); ++i)
    if (weights[i] > 0) out.mean += weights[i] / total * m.values[i];
  for (size_t i = 0; i < weights.size(); ++i)
    if (weights[i] > 0) out.squared_error += std::pow(weights[i] / total * (m.values[i] - out.mean), 2);
  return out;
}

/// Mean and squared standard error of the logarithm of the mean weight, which is the mass that particles have grown to.
struct LogMass {
  double value = 0, squared_error = 0;
};

/// `weights` are exp(log w − largest), times `before`, the weights at the start, where these are not all alike. Without
/// growth the mass stays.
LogMass log_mass(const std::vector<double>& weights, const std::vector<double>& before, double largest) {
  if (weights.empty() || weights == before) return {};
  Moments growth{weights};
  for (size_t i = 0; i < before.size(); ++i) growth.values[i] = before[i] > 0 ? weights[i] / before[i] : 0;
  const Weighed m = weighed(growth, before);
  return {largest + std::log(m.mean), m.squared_error / (m.mean * m.mean)};
}

/// What the repeats gave for one metric at one time of comparison.
struct Tally {
  Moments value, floor, squared_error;  // the last of `nll` and `mass` alone
  size_t impossible = 0;
  Moments p, real_mass;  // of `fit`; of `mass`
  std::string worst;
};

/// Points with their weights, or without any where all weigh alike.
struct Sample {
  std::vector<double> points;   // [count, dimension]
  std::vector<double> weights;  // [count], or empty
};

/// `count` rows of snapshot `k` with their weights, without repetition as far as its rows go, then once more from the
/// beginning. The choice does not depend on the weights, so they stay those of the rows.
Sample rows_by_lot(const elaborate::Samples& samples, size_t k, size_t count, uint64_t seed) {
  const data::Snapshots& s = *samples.samples;
  const std::vector<double>& all = samples.rows->get();
  const size_t first = s.offsets[k], rows = s.offsets[k + 1] - first;
  std::vector<size_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(seed);
  Sample out;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = i % rows;
    std::swap(order[at], order[at + random() % (rows - at)]);
    const auto row = all.begin() + static_cast<ptrdiff_t>((first + order[at]) * s.dimension);
    out.points.insert(out.points.end(), row, row + s.dimension);
    if (!s.weights.empty()) out.weights.push_back(s.weights[first + order[at]]);
  }
  return out;
}

class Evaluator {
 public:
  Evaluator(const Evaluation& e, const Model& m, const Weights& w, const Machine& machine, diagnostics::Sink& sink)
      : e_(e), m_(m), w_(w), machine_(machine), sink_(sink) {
    if (e.against_path) against_path_.emplace(e.against_draw, m.dimension, m.f64, kDefaultCount, machine, sink);
    if (e.weak_form) weak_form_.emplace(e, m, w, e.count ? e.count : kDefaultCount, machine, sink);
    if (!e.likelihood) return;
    back_.emplace(e.likelihood->back, m, w, kDefaultCount, machine, sink, e.span);
    log_density_.emplace(e.likelihood->density, m, w, kDefaultCount, machine, sink, e.span);
  }

  std::optional<EvaluationResult> run(bool with_floors);

 private:
  using Points = std::vector<double>;

  /// Real samples at a time: fresh draws of a path, or the rows of a snapshot (`count` of them by lot, if it is set).
  Sample reference(double time, int repeat, std::string_view purpose);
  /// Two independent real samples at the time of a comparison, whose distance is the floor: fresh draws of a path;
  /// rows of the training data against rows of other data; or else disjoint rows of one snapshot, half of them on each
  /// side where there are too few (docs/metrics.md). Never draws of the model's path: between snapshots it is a guess,
  /// and at them it repeats the very rows that it would be compared with.
  std::pair<Sample, Sample> independent(const Comparison& c, int repeat);
  bool repeat(int r);
  double measure(const Metric& metric, const metrics::Cloud& particles, const metrics::Cloud& real) const {
    return metric.kind->measure(particles, real, metric.arguments, key(e_.seed, metric.label));
  }
  uint64_t stream(std::string_view purpose, double time, int repeat) const;
  void compare(size_t k, const Points& points, const std::vector<double>& weights, const Sample& real);
  /// The mean of −log q_t over `real`: carried back to the start, where the density is known.
  bool likelihood(double time, int repeat, const Sample& real, const LogMass& mass, Tally& out);
  /// What is not a distance of clouds. The weights of `particles` are up to a factor; `mass` is the mean of what they have
  /// grown by.
  bool of_model(size_t k, int repeat, const Sample& particles, const LogMass& mass, const Sample& real);
  /// Of what the model is compared with, at one time relative to another. A path is a law, and so are snapshots that state
  /// no masses: both have mass 1 at every time.
  double real_mass(double from, double to) const;
  Fit fit(const Metric& metric, size_t k, int repeat, const Sample& particles, const Sample& real);
  void floors(const std::vector<Comparison>& comparisons);
  Figure figure(const Metric& metric, const Tally& tally) const;
  bool whole_path(EvaluationResult& out);

  const Evaluation& e_;
  const Model& m_;
  const Weights& w_;
  const Machine& machine_;
  diagnostics::Sink& sink_;
  std::optional<Drawer> against_path_;
  std::optional<Carrier> back_;  // these two for `nll`
  std::optional<PointFunction> log_density_;
  std::optional<WeakForm> weak_form_;
  std::vector<std::vector<Tally>> tallies_;  // [comparison][metric]
  std::vector<Tally> densities_;             // of −log q_t, per comparison, for all metrics of it
  std::vector<Points> real_;                 // of the first repeat, per comparison
  std::vector<size_t> generated_;
  Particles particles_;
};

uint64_t Evaluator::stream(std::string_view purpose, double time, int repeat) const {
  return key(key(e_.seed, purpose, std::bit_cast<uint64_t>(time)), purpose, repeat);
}

Sample Evaluator::reference(double time, int r, std::string_view purpose) {
  if (against_path_) return {(*against_path_)(time, e_.count ? e_.count : kDefaultCount, stream(purpose, time, r)), {}};
  const data::Snapshots& s = *e_.against->samples;
  const size_t k = *s.at(time), rows = s.offsets[k + 1] - s.offsets[k];
  return rows_by_lot(*e_.against, k, e_.count ? std::min(e_.count, rows) : rows, key(e_.seed, "rows", r));
}

std::pair<Sample, Sample> Evaluator::independent(const Comparison& c, int r) {
  if (against_path_)
    return {{(*against_path_)(c.time, c.generated, stream("floor", c.time, r)), {}},
            {(*against_path_)(c.time, c.reference, stream("floor reference", c.time, r)), {}}};
  const uint64_t seed = key(e_.seed, "floor", r);
  if (e_.training && e_.training->samples != e_.against->samples)
    if (const auto k = e_.training->samples->at(c.time))
      return {rows_by_lot(*e_.training, *k, c.generated, seed), reference(c.time, r, "floor reference")};
  const data::Snapshots& s = *e_.against->samples;
  const size_t k = *s.at(c.time), rows = s.offsets[k + 1] - s.offsets[k];
  const bool enough = c.generated + c.reference <= rows;
  const size_t a = enough ? c.generated : rows / 2, b = enough ? c.reference : rows / 2;
  Sample first = rows_by_lot(*e_.against, k, a + b, seed), second;
  const auto behind = [](Points& all, size_t at) {
    const auto cut = all.begin() + static_cast<ptrdiff_t>(std::min(at, all.size()));
    Points rest(cut, all.end());
    all.erase(cut, all.end());
    return rest;
  };
  second.points = behind(first.points, a * s.dimension);
  second.weights = behind(first.weights, a);
  return {std::move(first), std::move(second)};
}

void Evaluator::compare(size_t k, const Points& points, const std::vector<double>& weights, const Sample& real) {
  const metrics::Cloud a{points, m_.dimension, weights}, b{real.points, m_.dimension, real.weights};
  for (size_t i = 0; i < e_.metrics.size(); ++i)
    if (e_.metrics[i].kind->measure) tallies_[k][i].value.values.push_back(measure(e_.metrics[i], a, b));
  generated_[k] = a.count();
}

bool Evaluator::likelihood(double time, int r, const Sample& real, const LogMass& mass, Tally& out) {
  back_->place(real.points);
  if (!back_->carry(time, e_.times[0], stream("probes", time, r), sink_)) return false;
  Moments nll{(*log_density_)(back_->points(), e_.times[0])};
  const std::vector<double> change = back_->log_weights();
  for (size_t i = 0; i < change.size(); ++i) {
    nll.values[i] = mass.value - nll.values[i] - change[i];
    if (nll.values[i] == INFINITY) ++out.impossible;
  }
  const Weighed figure = weighed(nll, real.weights);
  out.value.values.push_back(figure.mean);
  out.squared_error.values.push_back(figure.squared_error + mass.squared_error);
  if (e_.likelihood->known)
    out.floor.values.push_back(-weighed(Moments{(*log_density_)(real.points, time)}, real.weights).mean);
  return true;
}

double Evaluator::real_mass(double from, double to) const {
  if (against_path_ || e_.against->samples->masses.empty()) return 1;
  const data::Snapshots& s = *e_.against->samples;
  return s.masses[*s.at(to)] / s.masses[*s.at(from)];
}

Fit Evaluator::fit(const Metric& metric, size_t k, int r, const Sample& particles, const Sample& real) {
  const FitSettings settings = fit_settings(metric, e_.seed);
  const double a = e_.times[k], b = e_.times[k + 1];
  const uint64_t seed = stream("fit", b, r);
  if (!against_path_ || settings.carried)
    return carried_fit({particles.points, m_.dimension, particles.weights}, {real.points, m_.dimension, real.weights}, m_,
                       settings, seed);
  const size_t count = e_.count ? e_.count : kDefaultCount;
  const Points start = (*against_path_)(a, count, stream("fit start", b, r)),
               end = (*against_path_)(b, count, stream("fit end", b, r));
  return (*weak_form_)(a, b, start, end, settings, seed);
}

bool Evaluator::of_model(size_t k, int r, const Sample& particles, const LogMass& mass, const Sample& real) {
  for (size_t i = 0; i < e_.metrics.size(); ++i) {
    const Metric& metric = e_.metrics[i];
    Tally& tally = tallies_[k][i];
    switch (metric.kind->of) {
      case Of::Clouds:
      case Of::Likelihood:  // of all metrics of it at once
      case Of::Path: break;
      case Of::Mass:
        tally.value.values.push_back(std::exp(mass.value));
        tally.squared_error.values.push_back(std::exp(2 * mass.value) * mass.squared_error);
        tally.real_mass.values.push_back(real_mass(e_.one_step ? e_.times[k] : e_.times[0], e_.times[k + 1]));
        break;
      case Of::WeakForm: {
        const Fit found = fit(metric, k, r, particles, real);
        tally.value.values.push_back(found.residual.value);
        tally.floor.values.push_back(found.residual.floor);
        tally.p.values.push_back(found.residual.p);
        if (r == 0) tally.worst = found.worst;
        break;
      }
    }
  }
  return true;
}

bool Evaluator::repeat(int r) {
  Sample now = reference(e_.times[0], r, "start");
  Carrier carrier(e_.stepper, m_, w_, now.points.size() / m_.dimension, machine_, sink_, e_.span);
  if (!carrier) return false;
  carrier.place(now.points);
  particles_ = {.dimension = m_.dimension, .times = {e_.times[0]}, .points = {now.points}, .weights = {}, .mass = {}};
  for (size_t k = 0; k + 1 < e_.times.size(); ++k) {
    if (e_.one_step && k > 0) carrier.place(now.points);
    if (!carrier.carry(e_.times[k], e_.times[k + 1], key(e_.seed, "noise", r), sink_)) return false;
    const Sample real = reference(e_.times[k + 1], r, "reference");
    const Points points = carrier.points();
    // Particles weigh what the samples that they start from do, times what they have grown.
    std::vector<double> weights = now.weights;
    double largest = 0;
    if (m_.has_growth) {
      weights = carrier.log_weights();
      largest = *std::max_element(weights.begin(), weights.end());
      for (double& w : weights) w = std::exp(w - largest);
      for (size_t i = 0; i < now.weights.size(); ++i) weights[i] *= now.weights[i];
    }
    compare(k, points, weights, real);
    const LogMass mass = log_mass(weights, now.weights, largest);
    if (e_.likelihood && !likelihood(e_.times[k + 1], r, real, mass, densities_[k])) return false;
    if (!of_model(k, r, {points, weights}, mass, real)) return false;
    particles_.times.push_back(e_.times[k + 1]);
    particles_.points.push_back(points);
    if (r == 0) real_.push_back(real.points);
    if (e_.one_step) now = real;
  }
  return true;
}

void Evaluator::floors(const std::vector<Comparison>& comparisons) {
  for (size_t k = 0; k < comparisons.size(); ++k)
    for (int r = 0; r < kFloorRepeats; ++r) {
      const auto [sample, real] = independent(comparisons[k], r);
      if (sample.points.empty() || real.points.empty()) return;
      for (size_t i = 0; i < e_.metrics.size(); ++i)
        if (e_.metrics[i].kind->measure)
          tallies_[k][i].floor.values.push_back(measure(e_.metrics[i], {sample.points, m_.dimension, sample.weights},
                                                         {real.points, m_.dimension, real.weights}));
    }
}

Figure Evaluator::figure(const Metric& metric, const Tally& tally) const {
  Figure out{.metric = metric.label, .value = tally.value.mean(), .deviation = tally.value.deviation(),
             .by_repeat = tally.value.values};
  if (!tally.floor.values.empty()) out.floor = tally.floor.mean(), out.floor_deviation = tally.floor.deviation();
  out.worst = tally.worst;
  if (!tally.p.values.empty()) out.p = e_.repeats == 1 ? tally.p.mean() : std::min(1.0, 2 * tally.p.mean());
  if (!tally.real_mass.values.empty()) out.real_mass = tally.real_mass.mean();
  // An infinite value has none.
  if (!tally.squared_error.values.empty() && std::isfinite(out.value))
    out.standard_error = std::sqrt(tally.squared_error.mean());
  if (metric.kind->of != Of::Likelihood) return out;
  out.of_density = true;
  out.impossible = tally.impossible;
  const double bit = m_.moving * std::numbers::ln2;
  if (metric.kind->name == "nll") {
    out.bits_per_dimension = out.value / bit;
    return out;
  }
  // A cell of edge `width` around the sample has the probability exp(−nll)·width^d.
  const double grain = std::log2(metrics::argument(metric.arguments, "width").numbers[0]);
  out.value = out.value / bit - grain;
  out.deviation /= bit;
  for (double& v : out.by_repeat) v = v / bit - grain;
  if (out.floor) *out.floor = *out.floor / bit - grain, *out.floor_deviation /= bit;
  if (out.standard_error) *out.standard_error /= bit;
  return out;
}

bool Evaluator::whole_path(EvaluationResult& out) {
  auto scalars = [&](const elaborate::Program& program,
                     std::string_view purpose) -> std::optional<std::vector<Moments>> {
    Session s(program, m_.f64, kManySamples, machine_, sink_, e_.span);
    if (!s) return {};
    s.bind_weights(w_.serving());
    s.bind_statistics(w_);
    std::vector<Buffer> outputs;
    for (size_t i = 0; i < program.outputs.size(); ++i) outputs.push_back(s.make_output(static_cast<int>(i), 1));
    std::vector<Moments> values(outputs.size());
    for (size_t part = 0; part < kParts; ++part) {
      s.run(kManySamples / kParts, key(e_.seed, purpose), 0, static_cast<uint32_t>(part * (kManySamples / kParts)));
      for (size_t i = 0; i < outputs.size(); ++i) values[i].values.push_back(outputs[i].get(0));
    }
    return values;
  };
  const auto estimate = [](const Moments& m) { return Estimate{m.mean(), m.deviation() / std::sqrt(double{kParts})}; };
  out.objective_samples = kManySamples;
  if (e_.action) {
    const auto action = scalars(*e_.action, "action");
    if (!action) return false;
    out.learned_action = estimate((*action)[0]);
    if (action->size() > 1) out.action_bound = estimate((*action)[1]);
  }
  // Of the same draws, so that no two values stand beside each other.
  if (out.action_bound) {
    out.objective = -out.action_bound->value;
  } else {
    const auto objective = scalars(m_.objective, "objective");
    if (!objective) return false;
    out.objective = (*objective)[0].mean();
  }
  if (!e_.has_velocity && !e_.has_growth) return true;
  const auto gaps = scalars(e_.gap, "gap");
  if (!gaps) return false;
  auto next = gaps->begin();
  if (e_.has_velocity) out.gap = next++->mean(), out.action = next++->mean();
  if (e_.has_growth) out.growth_gap = next++->mean(), out.growth_square = next++->mean();
  return true;
}

std::optional<EvaluationResult> Evaluator::run(bool with_floors) {
  if (against_path_ && !*against_path_) return {};
  if (weak_form_ && !*weak_form_) return {};
  if (e_.likelihood && (!*back_ || !*log_density_)) return {};
  for (const auto& samples : {e_.against, e_.training})
    if (samples && !rows_of(*samples, sink_)) return {};
  const size_t comparisons = e_.times.size() - 1;
  tallies_.assign(comparisons, std::vector<Tally>(e_.metrics.size()));
  densities_.assign(comparisons, {});
  generated_.assign(comparisons, 0);
  for (int r = 0; r < e_.repeats; ++r)
    if (!repeat(r)) return {};
  EvaluationResult out;
  for (size_t k = 0; k < comparisons; ++k) {
    Comparison& c = out.comparisons.emplace_back();
    c.time = e_.times[k + 1];
    c.generated = generated_[k], c.reference = real_[k].size() / m_.dimension;
  }
  if (with_floors) floors(out.comparisons);
  for (size_t k = 0; k < comparisons; ++k)
    for (size_t i = 0; i < e_.metrics.size(); ++i)
      out.comparisons[k].figures.push_back(
          figure(e_.metrics[i], e_.metrics[i].kind->of == Of::Likelihood ? densities_[k] : tallies_[k][i]));
  out.particles = particles_;
  out.means = means(out.comparisons);
  if (e_.over_path && !whole_path(out)) return {};
  out.references = std::move(real_);
  return out;
}

}  // namespace

std::optional<EvaluationResult> evaluate(const Evaluation& evaluation, const Model& model, const Weights& weights,
                                         const Machine& machine, diagnostics::Sink& sink,
                                         bool floors) {
  return Evaluator(evaluation, model, weights, machine, sink).run(floors);
}

}  // namespace am::flow
