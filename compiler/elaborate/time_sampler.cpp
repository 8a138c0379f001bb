// Which times an integral is sampled at.
//
// The integral ∫ f(t) dt over [a, b] is the mean of f(t)/p(t) over draws t ~ p. Without importance sampling p is uniform
// and t runs through a low-discrepancy sequence. With it, p is constant on each of K equal parts of [a, b] and
// proportional there to the standard deviation of f among the samples of past steps, with a uniform share that keeps
// every part in sight: stratified over the parts as the sequence is, what is left of the variance is that within them,
// Σ p_k⁻¹·(w·σ_k)², which is least for p_k ∝ σ_k (Owen, Monte Carlo theory, methods and examples, 2013, section 8.4).
// The sums of past steps do not know this step's draws, so the estimate stays unbiased.
#include "compiler/elaborate/elaborator.h"
#include "compiler/ir/ops.h"

namespace am::elaborate {

using ir::Op;

TimeDraw Elaborator::draw_time(const Range& range, bool outermost) {
  const double length = range.to - range.from;
  const NodeId u = g().add(Op::Weyl, {}, {.index = streams_++});
  auto at = [&](NodeId share) { return ir::add(g(), ir::constant(g(), range.from), ir::scale(g(), length, share)); };
  if (!time_sampler_ || !outermost || !objective_) return {at(u), ir::constant(g(), length), {}};

  TimeSampler& sampler = *time_sampler_;
  const int bins = sampler.bins;
  const ir::Shape shape{bins};
  const auto number = sampler.integrals.size();
  TimeSampler::Integral integral{.name = fmt::format("times{}", number + 1)};
  auto memory = [&](std::string_view what, size_t k) {
    building_->inputs.push_back({Role::Statistic, static_cast<int>(3 * number + k), nullptr});
    return g().input(fmt::format("{}.{}", integral.name, what), shape, false);
  };
  integral.count = memory("count", 0), integral.first = memory("first", 1), integral.second = memory("second", 2);

  const NodeId one = ir::constant(g(), 1), ones = ir::constant(g(), 1, shape), zeros = ir::constant(g(), 0, shape);
  const NodeId seen = ir::binary(g(), Op::Less, zeros, integral.count);
  const NodeId divisor = ir::add(g(), integral.count, ir::sub(g(), ones, seen));
  const NodeId mean = ir::div(g(), integral.first, divisor);
  const NodeId variance = ir::sub(g(), ir::div(g(), integral.second, divisor), ir::mul(g(), mean, mean));
  const NodeId spread = ir::unary(g(), Op::Sqrt, ir::binary(g(), Op::Max, variance, zeros));
  // A part that was never met has the mean spread of the others; before the first step all are equal.
  const NodeId met = ir::sum_all(g(), seen), total = ir::sum_all(g(), spread);
  const NodeId usual = ir::div(g(), total, ir::binary(g(), Op::Max, met, one));
  const NodeId blank = ir::sub(g(), ones, ir::binary(g(), Op::Less, zeros, ir::fill(g(), total, shape)));
  const NodeId wanted = ir::add(
      g(), g().add(Op::Select, {seen, spread, ir::fill(g(), usual, shape)}), blank);
  const NodeId share = ir::div(g(), wanted, ir::fill(g(), ir::sum_all(g(), wanted), shape));
  const NodeId density =
      ir::add(g(), ir::scale(g(), 1 - sampler.floor, share), ir::constant(g(), sampler.floor / bins, shape));

  std::vector<double> lower(static_cast<size_t>(bins) * bins, 0), numbers(static_cast<size_t>(bins));
  for (int i = 0; i < bins; ++i) {
    for (int j = 0; j <= i; ++j) lower[static_cast<size_t>(i) * bins + j] = 1;
    numbers[i] = i;
  }
  const NodeId reached = ir::matvec(g(), g().table(std::move(lower), {bins, bins}), density);
  const NodeId below = ir::sub(g(), ones, ir::binary(g(), Op::Less, ir::fill(g(), u, shape), reached));
  const NodeId k = ir::binary(g(), Op::Min, ir::sum_all(g(), below), ir::constant(g(), bins - 1));
  integral.bin = ir::binary(g(), Op::Equal, ir::fill(g(), k, shape), g().table(std::move(numbers), shape));
  const NodeId here = ir::dot(g(), integral.bin, density);
  const NodeId start = ir::sub(g(), ir::dot(g(), integral.bin, reached), here);
  const NodeId within = ir::binary(
      g(), Op::Min, one, ir::binary(g(), Op::Max, ir::constant(g(), 0), ir::div(g(), ir::sub(g(), u, start), here)));
  const NodeId time = at(ir::scale(g(), 1.0 / bins, ir::add(g(), k, within)));
  const NodeId weight = ir::div(g(), ir::constant(g(), length / bins), here);
  sampler.integrals.push_back(integral);
  return {time, weight, number};
}

void Elaborator::watch(const TimeDraw& time, NodeId integrand) {
  if (!time.integral) return;
  TimeSampler::Integral& integral = time_sampler_->integrals[*time.integral];
  const double decay = time_sampler_->decay;
  auto next = [&](NodeId sum, NodeId value) {
    const NodeId more = ir::mean(g(), value.valid() ? ir::scale(g(), value, integral.bin) : integral.bin);
    integral.next.push_back(ir::add(g(), ir::scale(g(), decay, sum), more));
  };
  next(integral.count, ir::kNone);
  next(integral.first, integrand);
  next(integral.second, ir::mul(g(), integrand, integrand));
}

}  // namespace am::elaborate
