#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

#include "runtime/flow/particles.h"
#include "runtime/metrics/metrics.h"

namespace am::flow {

using elaborate::Evaluation;
using elaborate::Metric;
using elaborate::Model;

namespace {

/// Fresh draws for the objective and the gap: enough for a relative error of a fraction of a percent.
constexpr size_t kManySamples = 1 << 18;
/// Repetitions of the sampling floor, whose mean is reported.
constexpr int kFloorRepeats = 5;
constexpr size_t kDefaultCount = 1000;

/// Of the model and the samples, not of two clouds.
bool is_likelihood(const Metric& metric) { return metric.name == "nll"; }

double measure(const Metric& metric, const metrics::Cloud& a, const metrics::Cloud& b) {
  if (metric.name == "w1") return metrics::w1(a, b);
  if (metric.name == "w2") return metrics::w2(a, b);
  if (metric.name == "energy") return metrics::energy(a, b);
  if (metric.name == "spread") return metrics::spread(a, b);
  return metrics::mmd(a, b, {metric.gammas, metric.scale});
}

struct Moments {
  std::vector<double> values;
  double mean() const {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }
  double deviation() const {
    if (values.size() < 2) return 0;
    const double m = mean();
    double total = 0;
    for (double v : values) total += (v - m) * (v - m);
    return std::sqrt(total / static_cast<double>(values.size() - 1));
  }
};

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
  Moments value, floor, squared_error;  // the last of `nll` alone
  size_t impossible = 0;
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
    if (!e.likelihood) return;
    back_.emplace(e.likelihood->back, m, w, kDefaultCount, machine, sink, e.span);
    log_density_.emplace(e.likelihood->density, m, w, kDefaultCount, machine, sink, e.span);
  }

  std::optional<EvaluationResult> run();

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
  uint64_t stream(std::string_view purpose, double time, int repeat) const;
  void compare(size_t k, const Points& points, const std::vector<double>& weights, const Sample& real);
  /// The mean of −log q_t over `real`: carried back to the start, where the density is known.
  bool likelihood(double time, const Sample& real, const LogMass& mass, Tally& out);
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
  std::vector<std::vector<Tally>> tallies_;  // [comparison][metric]
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
    if (!is_likelihood(e_.metrics[i])) tallies_[k][i].value.values.push_back(measure(e_.metrics[i], a, b));
  generated_[k] = a.count();
}

bool Evaluator::likelihood(double time, const Sample& real, const LogMass& mass, Tally& out) {
  back_->place(real.points);
  if (!back_->carry(time, e_.times[0], 0, sink_)) return false;
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
    for (size_t i = 0; i < e_.metrics.size(); ++i)
      if (is_likelihood(e_.metrics[i]) &&
          !likelihood(e_.times[k + 1], real, log_mass(weights, now.weights, largest), tallies_[k][i]))
        return false;
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
        if (!is_likelihood(e_.metrics[i]))
          tallies_[k][i].floor.values.push_back(measure(e_.metrics[i], {sample.points, m_.dimension, sample.weights},
                                                         {real.points, m_.dimension, real.weights}));
    }
}

Figure Evaluator::figure(const Metric& metric, const Tally& tally) const {
  Figure out{.metric = metric.name, .value = tally.value.mean(), .deviation = tally.value.deviation()};
  if (!tally.floor.values.empty()) out.floor = tally.floor.mean(), out.floor_deviation = tally.floor.deviation();
  if (!is_likelihood(metric)) return out;
  out.impossible = tally.impossible;
  out.bits_per_dimension = out.value / (m_.moving * std::numbers::ln2);
  // An infinite value has none.
  if (std::isfinite(out.value)) out.standard_error = std::sqrt(tally.squared_error.mean());
  return out;
}

bool Evaluator::whole_path(EvaluationResult& out) {
  auto scalars = [&](const elaborate::Program& program,
                     std::string_view purpose) -> std::optional<std::vector<double>> {
    Session s(program, m_.f64, kManySamples, machine_, sink_, e_.span);
    if (!s) return {};
    s.bind_weights(w_.serving());
    s.bind_statistics(w_);
    std::vector<Buffer> outputs;
    for (size_t i = 0; i < program.outputs.size(); ++i) outputs.push_back(s.make_output(static_cast<int>(i), 1));
    s.run(kManySamples, key(e_.seed, purpose), 0);
    std::vector<double> values;
    for (const Buffer& b : outputs) values.push_back(b.get(0));
    return values;
  };
  const auto objective = scalars(m_.objective, "objective");
  if (!objective) return false;
  out.objective = (*objective)[0];
  out.objective_samples = kManySamples;
  if (!e_.has_velocity) return true;
  const auto gap = scalars(e_.gap, "gap");
  if (!gap) return false;
  out.gap = (*gap)[0], out.action = (*gap)[1];
  return true;
}

std::optional<EvaluationResult> Evaluator::run() {
  if (against_path_ && !*against_path_) return {};
  if (e_.likelihood && (!*back_ || !*log_density_)) return {};
  for (const auto& samples : {e_.against, e_.training})
    if (samples && !rows_of(*samples, sink_)) return {};
  const size_t comparisons = e_.times.size() - 1;
  tallies_.assign(comparisons, std::vector<Tally>(e_.metrics.size()));
  generated_.assign(comparisons, 0);
  for (int r = 0; r < e_.repeats; ++r)
    if (!repeat(r)) return {};
  EvaluationResult out;
  for (size_t k = 0; k < comparisons; ++k) {
    Comparison& c = out.comparisons.emplace_back();
    c.time = e_.times[k + 1];
    c.generated = generated_[k], c.reference = real_[k].size() / m_.dimension;
  }
  floors(out.comparisons);
  for (size_t k = 0; k < comparisons; ++k)
    for (size_t i = 0; i < e_.metrics.size(); ++i)
      out.comparisons[k].figures.push_back(figure(e_.metrics[i], tallies_[k][i]));
  out.particles = particles_;
  if (!whole_path(out)) return {};
  out.references = std::move(real_);
  return out;
}

}  // namespace

std::optional<EvaluationResult> evaluate(const Evaluation& evaluation, const Model& model, const Weights& weights,
                                         const Machine& machine, diagnostics::Sink& sink) {
  return Evaluator(evaluation, model, weights, machine, sink).run();
}

}  // namespace am::flow
