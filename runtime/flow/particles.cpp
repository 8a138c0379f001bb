#include "runtime/flow/particles.h"

#include <algorithm>
#include <cmath>

namespace am::flow {

using diagnostics::Kind;
using elaborate::Role;

Carrier::Carrier(const elaborate::Stepper& stepper, const elaborate::Model& model, const Weights& weights, size_t count,
                 const Machine& machine, diagnostics::Sink& sink, source::Span span)
    : stepper_(stepper),
      model_(model.name),
      span_(span),
      dimension_(model.dimension),
      session_(stepper.step, model.f64, count, machine, sink, span) {
  if (!session_) return;
  session_.bind_weights(weights.serving());
}

void Carrier::place(std::span<const double> points) {
  count_ = points.size() / dimension_;
  const size_t stride = stride_of(count_);
  const lower::Precision p = session_.precision();
  x_ = Buffer(p, dimension_ * stride), next_x_ = Buffer(p, dimension_ * stride);
  w_ = Buffer(p, stride), next_w_ = Buffer(p, stride);
  if (const int e = session_.output("error"); e >= 0) error_ = session_.make_output(e, count_);
  for (size_t i = 0; i < count_; ++i) {
    for (int d = 0; d < dimension_; ++d) x_.set(d * stride + i, points[i * dimension_ + d]);
    w_.set(i, 0);
  }
}

std::vector<double> Carrier::points() const {
  const size_t stride = stride_of(count_);
  std::vector<double> out(count_ * dimension_);
  for (size_t i = 0; i < count_; ++i)
    for (int d = 0; d < dimension_; ++d) out[i * dimension_ + d] = x_.get(d * stride + i);
  return out;
}

std::vector<double> Carrier::log_weights() const {
  std::vector<double> out(count_);
  for (size_t i = 0; i < count_; ++i) out[i] = w_.get(i);
  return out;
}

void Carrier::advance(std::vector<double> times, double h, uint64_t seed) {
  const auto steps = static_cast<uint32_t>(times.size());
  const Session::State states[] = {{Role::Point, 0, &x_, &next_x_}, {Role::LogWeight, 1, &w_, &next_w_}};
  const std::vector<double> widths(steps, h);
  session_.run(states, {{Role::Time, std::move(times)}, {Role::TimeStep, widths}}, count_, seed, steps_);
  steps_ += steps;
}

bool Carrier::finite() const {
  const size_t stride = stride_of(count_);
  for (int d = 0; d < dimension_; ++d)
    for (size_t i = 0; i < count_; ++i)
      if (!std::isfinite(x_.get(d * stride + i)) || !std::isfinite(w_.get(i))) return false;
  return true;
}

bool Carrier::carry(double from, double to, uint64_t seed, diagnostics::Sink& sink) {
  if (to == from) return true;
  if (stepper_.steps_per_unit > 0) {
    const double length = to - from;
    const int n = std::max(1, static_cast<int>(std::ceil(std::fabs(length) * stepper_.steps_per_unit - 1e-9)));
    std::vector<double> times;
    for (int i = 0; i < n; ++i) times.push_back(from + length * i / n);
    advance(std::move(times), length / n, seed);
  } else if (!adaptive(from, to, seed, sink)) {
    return false;
  }
  if (finite()) return true;
  sink.report<Kind::NonFiniteSample>(span_, model_, fmt::format("{:g}", to)).suggestion =
      "more steps, or a better trained model";
  return false;
}

/// One step size for all particles, chosen so that the largest error estimate stays below the tolerance (Hairer,
/// Nørsett, Wanner, Solving Ordinary Differential Equations I, II.4).
bool Carrier::adaptive(double from, double to, uint64_t seed, diagnostics::Sink& sink) {
  // How far it has come along the length, in either direction.
  const double length = std::fabs(to - from), sign = to < from ? -1 : 1, least = length * 1e-7;
  double gone = 0, h = length / 10;
  while (gone < length * (1 - 1e-12)) {
    h = std::min(h, length - gone);
    advance({from + sign * gone}, sign * h, seed);
    double error = 0;
    // A drift that is the same everywhere has one error for all.
    const size_t estimates = session_.plan().outputs[session_.output("error")].sampled ? count_ : 1;
    for (size_t i = 0; i < estimates; ++i) {
      const double e = error_.get(i);
      error = std::isfinite(e) ? std::max(error, e) : INFINITY;
      if (!std::isfinite(error)) break;
    }
    error <= stepper_.tolerance ? void(gone += h) : retract();
    const double factor = error > 0 ? 0.9 * std::pow(stepper_.tolerance / error, 1.0 / stepper_.order) : 5;
    h *= std::clamp(factor, 0.2, 5.0);
    if (h < least && gone < length - least) {
      sink.report<Kind::SolverStuck>(span_, fmt::format("{:g}", stepper_.tolerance),
                                     fmt::format("{:g}", from + sign * gone), fmt::format("{:g}", least))
          .suggestion = "a larger `tol`, or a solver with fixed steps such as `rk4(steps = 50)`";
      return false;
    }
  }
  return true;
}

Drawer::Drawer(const elaborate::Program& program, int dimension, bool f64, size_t count, const Machine& machine,
               diagnostics::Sink& sink)
    : dimension_(dimension), session_(program, f64, count, machine, sink, {}) {}

std::vector<double> Drawer::operator()(double time, size_t count, uint64_t seed) {
  const bool sampled = session_.plan().outputs[0].sampled;
  const Buffer x = session_.make_output(0, count);
  session_.set(Role::Time, time);
  session_.run(count, seed, 0);
  const size_t stride = stride_of(count);
  std::vector<double> out(count * dimension_);
  for (size_t i = 0; i < count; ++i)
    for (int d = 0; d < dimension_; ++d) out[i * dimension_ + d] = sampled ? x.get(d * stride + i) : x.get(d);
  return out;
}

PointFunction::PointFunction(const elaborate::Program& program, const elaborate::Model& model, const Weights& weights,
                             size_t count, const Machine& machine, diagnostics::Sink& sink, source::Span span)
    : dimension_(model.dimension), session_(program, model.f64, count, machine, sink, span) {
  if (session_) session_.bind_weights(weights.serving());
}

std::vector<double> PointFunction::operator()(std::span<const double> points, double time) {
  const size_t count = points.size() / dimension_, stride = stride_of(count);
  Buffer x(session_.precision(), dimension_ * stride);
  for (size_t i = 0; i < count; ++i)
    for (int d = 0; d < dimension_; ++d) x.set(d * stride + i, points[i * dimension_ + d]);
  session_.bind(Role::Point, x.data());
  session_.set(Role::Time, time);
  const Buffer y = session_.make_output(0, count);
  session_.run(count, 0, 0);
  const bool sampled = session_.plan().outputs[0].sampled;
  std::vector<double> out(count);
  for (size_t i = 0; i < count; ++i) out[i] = y.get(sampled ? i : 0);
  return out;
}

std::optional<std::vector<double>> draw(const elaborate::Program& program, int dimension, double time, size_t count,
                                        uint64_t seed, bool f64, const Machine& machine, diagnostics::Sink& sink) {
  Drawer drawer(program, dimension, f64, count, machine, sink);
  if (!drawer) return {};
  return drawer(time, count, seed);
}

namespace {

/// Weights from log-weights and the weights at the start (none: all 1), normalised to sum to one; `mass` is the sum of
/// the unnormalised ones relative to that at the start.
std::vector<double> normalised(std::vector<double> log_weights, const std::vector<double>& start, double& mass) {
  const double largest = *std::max_element(log_weights.begin(), log_weights.end());
  double total = 0, before = 0;
  for (size_t i = 0; i < log_weights.size(); ++i) {
    const double at_start = start.empty() ? 1 : start[i];
    total += log_weights[i] = at_start * std::exp(log_weights[i] - largest);
    before += at_start;
  }
  mass = total / before * std::exp(largest);
  for (double& w : log_weights) w /= total;
  return log_weights;
}

}  // namespace

std::optional<Particles> sample(const elaborate::Sampling& s, const elaborate::Model& model, const Weights& weights,
                                const Machine& machine, diagnostics::Sink& sink) {
  std::vector<double> start, start_weights;
  if (s.start.snapshots) {
    const std::vector<double>* rows = rows_of(*s.start.snapshots, sink);
    if (!rows) return {};
    const size_t first = s.start.snapshots->samples->offsets[s.start.group] * model.dimension;
    start.assign(rows->begin() + static_cast<ptrdiff_t>(first),
                 rows->begin() + static_cast<ptrdiff_t>(first + s.count * model.dimension));
    if (const std::vector<double>& all = s.start.snapshots->samples->weights; !all.empty()) {
      const auto from = all.begin() + static_cast<ptrdiff_t>(s.start.snapshots->samples->offsets[s.start.group]);
      start_weights.assign(from, from + static_cast<ptrdiff_t>(s.count));
    }
  } else {
    auto drawn =
        draw(s.start.draw, model.dimension, s.times[0], s.count, key(s.seed, "start"), model.f64, machine, sink);
    if (!drawn) return {};
    start = std::move(*drawn);
  }
  Carrier carrier(s.stepper, model, weights, s.count, machine, sink, s.span);
  if (!carrier) return {};
  carrier.place(start);
  Particles out;
  out.dimension = model.dimension;
  for (size_t k = 0; k < s.times.size(); ++k) {
    if (k > 0 && !carrier.carry(s.times[k - 1], s.times[k], key(s.seed, "noise"), sink)) return {};
    out.times.push_back(s.times[k]);
    out.points.push_back(carrier.points());
    if (!model.has_growth && start_weights.empty()) continue;
    double mass = 1;
    const std::vector<double> grown =
        model.has_growth ? carrier.log_weights() : std::vector<double>(start_weights.size(), 0);
    out.weights.push_back(normalised(grown, start_weights, mass));
    if (model.has_growth) out.mass.push_back(mass);
  }
  return out;
}

std::optional<FunctionValues> functions_at(const elaborate::Model& model, const Weights& weights,
                                           std::span<const double> points, std::span<const double> times,
                                           const Machine& machine, diagnostics::Sink& sink) {
  const size_t count = times.size(), stride = stride_of(count);
  Session session(model.functions, model.f64, count, machine, sink, model.span);
  if (!session) return {};
  session.bind_weights(weights.serving());
  Buffer x(session.precision(), model.dimension * stride), t(session.precision(), stride);
  for (size_t i = 0; i < count; ++i) {
    t.set(i, times[i]);
    for (int d = 0; d < model.dimension; ++d) x.set(d * stride + i, points[i * model.dimension + d]);
  }
  session.bind(Role::Point, x.data());
  session.bind(Role::PointTime, t.data());
  std::vector<Buffer> outputs;
  for (size_t k = 0; k < model.functions.outputs.size(); ++k)
    outputs.push_back(session.make_output(static_cast<int>(k), count));
  session.run(count, 0, 0);
  FunctionValues out;
  out.names = model.functions.names;
  for (size_t k = 0; k < outputs.size(); ++k) {
    const ir::Slot& slot = session.plan().outputs[k];
    const int size = slot.shape.count();
    out.sizes.push_back(size);
    auto& values = out.values.emplace_back(count * size);
    for (size_t i = 0; i < count; ++i)
      for (int e = 0; e < size; ++e) values[i * size + e] = outputs[k].get(slot.sampled ? e * stride + i : e);
  }
  return out;
}

}  // namespace am::flow
