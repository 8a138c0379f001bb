#include <algorithm>
#include <cmath>
#include <future>
#include <limits>
#include <numeric>
#include <random>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/metrics/masses.h"
#include "runtime/metrics/metrics.h"
#include "runtime/metrics/simplex.h"

namespace am::metrics {
namespace {

/// Part of a cloud: which points, and how many units of each.
struct Share {
  std::vector<uint32_t> index;
  std::vector<int64_t> units;

  void add(uint32_t point, int64_t amount) {
    if (amount == 0) return;
    index.push_back(point);
    units.push_back(amount);
  }
};

Plan nothing() { return {std::numeric_limits<double>::quiet_NaN(), {}}; }

const double* point(const Cloud& cloud, uint32_t i) { return cloud.points.data() + size_t{i} * cloud.dimension; }

/// |x − y|^p for every pair.
std::vector<double> costs(const Cloud& a, const Share& from, const Cloud& b, const Share& to, int p) {
  std::vector<double> cost;
  cost.reserve(from.index.size() * to.index.size());
  for (uint32_t i : from.index)
    for (uint32_t j : to.index) cost.push_back(squared_distance(point(a, i), point(b, j), a.dimension));
  if (p == 1)
    for (double& c : cost) c = std::sqrt(c);
  return cost;
}

/// The optimal plan between two shares of equal units, of which the whole holds `total`.
Plan solve(const Cloud& a, const Share& from, const Cloud& b, const Share& to, int p, int64_t total) {
  const Problem problem{from.units, to.units, costs(a, from, b, to, p)};
  Plan plan;
  for (const Flow& flow : cheapest_flow(problem)) {
    const double mass = static_cast<double>(flow.units) / static_cast<double>(total);
    plan.cost += mass * problem.cost[flow.from * to.index.size() + flow.to];
    plan.pairs.push_back({from.index[flow.from], to.index[flow.to], mass});
  }
  return plan;
}

Share whole(const Cloud& cloud, int64_t total) {
  const std::vector<int64_t> amounts = units(cloud, total);
  Share share;
  for (uint32_t i = 0; i < amounts.size(); ++i) share.add(i, amounts[i]);
  return share;
}

/// A random order of 0 … count − 1. The standard library's shuffle and distributions differ between implementations;
/// the engine does not. (The remainder's bias is below count/2^64.)
std::vector<uint32_t> shuffled(size_t count, std::mt19937_64& random) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  for (size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

/// Lays the points one after another on a line of `total` units and cuts it at the given places (0 first, `total`
/// last). A point on a cut belongs to both sides with the units that lie there.
std::vector<Share> cut(const std::vector<uint32_t>& order, int64_t total, const std::vector<int64_t>& places) {
  const int64_t length = total / static_cast<int64_t>(order.size());
  std::vector<Share> shares(places.size() - 1);
  for (size_t block = 0; block < shares.size(); ++block) {
    const int64_t begin = places[block], end = places[block + 1];
    for (int64_t i = begin / length; i * length < end; ++i)
      shares[block].add(order[i], std::min(end, (i + 1) * length) - std::max(begin, i * length));
  }
  return shares;
}

/// As `cut`, of points with units of their own: `ends` is where each point of the order ends on the line.
std::vector<Share> cut_weighted(const std::vector<uint32_t>& order, const std::vector<int64_t>& ends,
                                const std::vector<int64_t>& places) {
  std::vector<Share> shares(places.size() - 1);
  size_t i = 0;
  for (size_t block = 0; block < shares.size(); ++block) {
    for (int64_t at = places[block]; at < places[block + 1];) {
      while (ends[i] <= at) ++i;
      const int64_t upto = std::min(ends[i], places[block + 1]);
      shares[block].add(order[i], upto - at);
      at = upto;
    }
  }
  return shares;
}

/// Where each point of the order ends on the line.
std::vector<int64_t> ends_of(const std::vector<uint32_t>& order, const std::vector<int64_t>& units) {
  std::vector<int64_t> ends;
  for (const uint32_t point : order) ends.push_back((ends.empty() ? 0 : ends.back()) + units[point]);
  return ends;
}

/// Places that cut two lines of points into blocks of at most `block` points on either side, each as long as that
/// allows. A point on a cut counts on both sides of it.
std::vector<int64_t> fitting_cuts(const std::vector<int64_t>& a, const std::vector<int64_t>& b, size_t block) {
  std::vector<int64_t> places{0};
  size_t i = 0, j = 0;
  while (places.back() < a.back()) {
    while (a[i] <= places.back()) ++i;
    while (b[j] <= places.back()) ++j;
    places.push_back(std::min(a[std::min(i + block, a.size()) - 1], b[std::min(j + block, b.size()) - 1]));
  }
  return places;
}

/// Places that cut a line of `count` points into blocks of equal size, up to one point.
std::vector<int64_t> equal_cuts(int64_t count, int64_t blocks, int64_t total) {
  std::vector<int64_t> places;
  for (int64_t block = 0; block <= blocks; ++block) places.push_back(count * block / blocks * (total / count));
  return places;
}

/// Solves every `stride`-th block from `first` on, each into its own place.
void solve_some(const Cloud& a, const std::vector<Share>& from, const Cloud& b, const std::vector<Share>& to,
                int64_t total, size_t first, size_t stride, std::vector<Plan>& plans) {
  for (size_t k = first; k < from.size(); k += stride) plans[k] = solve(a, from[k], b, to[k], 2, total);
}

std::vector<Plan> solve_all(const Cloud& a, const std::vector<Share>& from, const Cloud& b,
                            const std::vector<Share>& to, int64_t total) {
  std::vector<Plan> plans(from.size());
  auto odd = std::async(std::launch::async, [&] { solve_some(a, from, b, to, total, 1, 2, plans); });
  solve_some(a, from, b, to, total, 0, 2, plans);
  odd.get();
  return plans;
}

Plan joined(const std::vector<Plan>& parts) {
  Plan plan;
  for (const Plan& part : parts) {
    plan.cost += part.cost;
    plan.pairs.insert(plan.pairs.end(), part.pairs.begin(), part.pairs.end());
  }
  return plan;
}

}  // namespace

Plan transport(const Cloud& a, const Cloud& b, int p) {
  AM_CHECK(a.dimension == b.dimension, "clouds in R^{} and R^{}", a.dimension, b.dimension);
  AM_CHECK(p == 1 || p == 2, "the cost |x − y|^{}", p);
  if (!measurable(a) || !measurable(b)) return nothing();
  const int64_t total = common_total(a, b);
  return solve(a, whole(a, total), b, whole(b, total), p, total);
}

Plan blockwise_plan(const Cloud& a, const Cloud& b, size_t block, uint64_t seed) {
  AM_CHECK(block > 0, "blocks without points");
  const size_t larger = std::max(a.count(), b.count());
  if (larger <= block || !measurable(a) || !measurable(b)) return transport(a, b, 2);
  AM_CHECK(a.dimension == b.dimension, "clouds in R^{} and R^{}", a.dimension, b.dimension);

  if (!a.weights.empty() || !b.weights.empty()) {
    const int64_t total = common_total(a, b);
    std::mt19937_64 random(seed);
    const std::vector<uint32_t> order_a = shuffled(a.count(), random), order_b = shuffled(b.count(), random);
    const std::vector<int64_t> ends_a = ends_of(order_a, units(a, total)), ends_b = ends_of(order_b, units(b, total));
    const std::vector<int64_t> places = fitting_cuts(ends_a, ends_b, block);
    return joined(solve_all(a, cut_weighted(order_a, ends_a, places), b, cut_weighted(order_b, ends_b, places), total));
  }
  // Cuts fall between points of the larger cloud; when the counts differ, a block's end may share a point of the
  // smaller one with its neighbour, which is then the one point more.
  const size_t each = a.count() == b.count() || block == 1 ? block : block - 1;
  const auto blocks = static_cast<int64_t>((larger + each - 1) / each);
  const int64_t total = common_total(a, b);
  const std::vector<int64_t> places = equal_cuts(static_cast<int64_t>(larger), blocks, total);
  std::mt19937_64 random(seed);
  const std::vector<Share> from = cut(shuffled(a.count(), random), total, places);
  const std::vector<Share> to = cut(shuffled(b.count(), random), total, places);
  return joined(solve_all(a, from, b, to, total));
}

double w1(const Cloud& a, const Cloud& b) { return transport(a, b, 1).cost; }
double w2(const Cloud& a, const Cloud& b) { return std::sqrt(transport(a, b, 2).cost); }

}  // namespace am::metrics
