// What the scripts of examples/reference state as exact, against the samples of their own paths. Nothing is trained and nothing
// is compiled to native code: a wrong closed form is found even where a network could fit it.
//
// A density M·q that moves with the velocity v, the noise σ and the growth g obeys, for every smooth φ,
//   M(b)·E_b φ − M(a)·E_a φ = ∫ M(t)·E_t[∇φ·v + ½σ²Δφ + g·φ] dt,
// the weak form of its continuity equation. Draws at all times share their random numbers, so that each of them gives a number
// Z = M(b)φ(x(b)) − M(a)φ(x(a)) − ∫ … dt of its own, and the mean of Z must be zero up to its standard error. Of the many v that obey
// this, the dynamics' least cost singles out one: its momentum is a gradient, or, where mass grows, the gradient of 2λg.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <random>
#include <utility>

#include "compiler/ir/interpret.h"
#include "tests/flow/trained.h"

namespace am {
namespace {

namespace fs = std::filesystem;
using elaborate::Role;

constexpr size_t kDraws = 16'384;
/// Standard errors that a mean may be off. All scripts, parts and test functions make fewer than 2,000 means; one of them beyond
/// this has a probability below 2,000·6e-7 under the normal law, and the draws are fixed.
constexpr double kErrors = 5;
/// Of what the rule of Gauss and Legendre leaves, and of rounding, relative to the size of the terms.
constexpr double kRule = 1e-5;
/// What a wrong answer is off by in these tests.
constexpr double kWrong = 0.1;

using Numbers = std::vector<double>;

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(AM_SOURCE_DIR "/examples/reference"))
    if (entry.path().extension() == ".am") out.push_back(entry.path().stem());
  std::sort(out.begin(), out.end());
  return out;
}

/// An answer as the script has it, of one of its models.
struct Answer {
  std::string model, dynamics;
  std::unique_ptr<Script> velocity, growth, mass;  // each with the expression as its `elaborated.asked`
};

/// A script with its statements of what is exact.
class Reference {
 public:
  explicit Reference(const std::string& name)
      : text_(source_text("examples/reference/" + name + ".am")), script_(compile(name, text_, {})) {
    EXPECT_TRUE(script_->usable()) << messages(*script_);
    const ast::Program& p = script_->program;
    for (size_t i = script_->own; i < p.declarations.size(); ++i) {
      const ast::Declaration& d = p.declarations[i];
      if (d.kind == ast::DeclarationKind::Fn && d.name == "mass") has_mass_ = true;
      if (d.kind == ast::DeclarationKind::Train) dynamics_[d.name] = p[p[d.value].operands[0]].text;
    }
    for (size_t i = script_->own; i < p.declarations.size(); ++i)
      if (p.declarations[i].kind == ast::DeclarationKind::Evaluate) answers.push_back(answer(p.declarations[i]));
  }

  const elaborate::Model& model(const Answer& a) const { return *script_->elaborated.model(a.model); }

  std::vector<Answer> answers;

 private:
  Answer answer(const ast::Declaration& d) {
    Answer out{.model = d.model, .dynamics = dynamics_[d.model], .velocity = {}, .growth = {}, .mass = {}};
    const elaborate::Model& m = *script_->elaborated.model(d.model);
    for (const ast::Setting& s : d.settings) {
      if (s.name != "velocity" && s.name != "growth") continue;
      (s.name == "velocity" ? out.velocity : out.growth) = asked(m, s.value);
    }
    if (has_mass_) out.mass = with_expression(m, "mass(t)");
    return out;
  }

  /// The function that a setting names, or is, at x, t, and its conditions.
  std::unique_ptr<Script> asked(const elaborate::Model& m, ast::ExprId f) {
    const ast::Program& p = script_->program;
    std::string arguments = "x, t";
    for (const auto& d : p.declarations)
      if (d.kind == ast::DeclarationKind::Fn && p[f].kind == ast::ExprKind::Name && d.name == p[f].text)
        for (size_t k = 2; k < d.parameters.size(); ++k) arguments += fmt::format(", {}", d.parameters[k].name);
    return with_expression(m, fmt::format("({})({})", ast::print(p, f), arguments));
  }

  std::unique_ptr<Script> with_expression(const elaborate::Model& m, const std::string& expression) {
    CompileOptions options{.expression = expression, .model = m.name, .shapes = {{"x", std::to_string(m.moving)}, {"t", "1"}}};
    if (expression.find("x") == std::string::npos) options.shapes.erase("x");
    for (const auto& c : m.conditions) options.shapes[c.name] = std::to_string(c.shape.count());
    auto out = compile("test.am", text_, options);
    EXPECT_TRUE(out->usable() && out->elaborated.asked) << expression << "\n" << messages(*out);
    return out;
  }

  std::string text_;
  std::unique_ptr<Script> script_;
  bool has_mass_ = false;
  std::map<std::string, std::string> dynamics_;
};

/// `count` points of `dimension` numbers as [coordinate][point].
struct Points {
  int dimension = 1;
  size_t count = 0;
  Numbers values;
  double at(int k, size_t i) const { return values[k * count + i]; }
};

/// An output of a program at points and a time, [element][point].
Numbers values_at(const elaborate::Program& program, ir::NodeId output, const elaborate::Model& m, const Points& x, double t) {
  ir::Bindings b{.inputs = {}, .samples = x.count};
  for (uint32_t slot = 0; slot < program.graph.slots().size(); ++slot) {
    const std::string& name = program.graph.slots()[slot].name;
    int at = m.moving;  // the conditions follow the coordinates
    for (const auto& c : m.conditions) {
      if (name == c.name) {
        const auto begin = x.values.begin() + static_cast<ptrdiff_t>(at * x.count);
        b.inputs[slot] = Numbers(begin, begin + static_cast<ptrdiff_t>(c.shape.count() * x.count));
      }
      at += c.shape.count();
    }
    if (name == "t") b.inputs[slot] = Numbers(x.count, t);
    if (name == "x") {
      const auto count = static_cast<ptrdiff_t>(program.graph.slots()[slot].shape.count() * x.count);
      b.inputs[slot] = Numbers(x.values.begin(), x.values.begin() + count);
    }
  }
  const Numbers v = ir::interpret(program.graph, {&output, 1}, b)[0];
  if (program.graph[output].sampled) return v;
  Numbers out;  // the same for all points
  for (double element : v) out.insert(out.end(), x.count, element);
  return out;
}

/// The velocity, growth, noise and mass of an answer, and the draws they belong to.
class Physics {
 public:
  Physics(const Answer& a, const elaborate::Model& m) : a_(a), m_(m) {}

  Points draw(double t) const {
    ir::Bindings b{.inputs = {}, .samples = kDraws, .seed = 17};
    for (uint32_t slot = 0; slot < m_.draw.inputs.size(); ++slot)
      if (m_.draw.inputs[slot].role == Role::Time) b.inputs[slot] = {t};
    return {m_.dimension, kDraws, ir::interpret(m_.draw.graph, {&m_.draw.outputs[0], 1}, b)[0]};
  }
  Numbers velocity(const Points& x, double t) const { return of(a_.velocity, x, t, m_.moving); }
  Numbers growth(const Points& x, double t) const { return of(a_.growth, x, t, 1); }
  Numbers noise(const Points& x, double t) const {
    if (!m_.has_noise) return Numbers(x.count, 0);
    const auto at = std::find(m_.functions.names.begin(), m_.functions.names.end(), "noise") - m_.functions.names.begin();
    return values_at(m_.functions, m_.functions.outputs[at], m_, x, t);
  }
  double mass(double t) const { return a_.mass ? of(a_.mass, {m_.dimension, 1, Numbers(m_.dimension, 0)}, t, 1)[0] : 1; }

  const elaborate::Model& model() const { return m_; }
  const Answer& answer() const { return a_; }

 private:
  Numbers of(const std::unique_ptr<Script>& s, const Points& x, double t, int size) const {
    if (!s) return Numbers(size * x.count, 0);
    return values_at(*s->elaborated.asked, s->elaborated.asked->outputs[0], m_, x, t);
  }

  const Answer& a_;
  const elaborate::Model& m_;
};

/// φ with its gradient and Laplacian: a constant, coordinates, their squares, |x|², which turning does not blur, and waves of
/// random directions.
struct TestFunction {
  enum { Constant, Coordinate, Square, Length, Wave } kind = Constant;
  int axis = 0;  // of Length: how many coordinates count
  Numbers k = {};
  double phase = 0;

  void at(const Points& x, size_t i, double& value, Numbers& gradient, double& laplacian) const {
    std::fill(gradient.begin(), gradient.end(), 0);
    laplacian = 0, value = 1;
    if (kind == Coordinate) value = x.at(axis, i), gradient[axis] = 1;
    if (kind == Square) value = x.at(axis, i) * x.at(axis, i), gradient[axis] = 2 * x.at(axis, i), laplacian = 2;
    if (kind == Length) {
      value = 0, laplacian = 2.0 * axis;
      for (int j = 0; j < axis; ++j) value += x.at(j, i) * x.at(j, i), gradient[j] = 2 * x.at(j, i);
    }
    if (kind != Wave) return;
    double angle = phase, size = 0;
    for (int j = 0; j < x.dimension; ++j) angle += k[j] * x.at(j, i), size += k[j] * k[j];
    value = std::cos(angle), laplacian = -size * value;
    for (int j = 0; j < x.dimension; ++j) gradient[j] = -k[j] * std::sin(angle);
  }
};

std::vector<TestFunction> test_functions(int dimension, int moving) {
  std::vector<TestFunction> out(1);
  for (int j = 0; j < moving; ++j)
    for (auto kind : {TestFunction::Coordinate, TestFunction::Square}) out.push_back({.kind = kind, .axis = j});
  out.push_back({.kind = TestFunction::Length, .axis = moving});
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  for (int w = 0; w < 12; ++w) {
    TestFunction f{.kind = TestFunction::Wave, .k = Numbers(dimension), .phase = 3.0 * w};
    for (double& k : f.k) k = normal(random) / std::sqrt(std::min(moving, 3));
    out.push_back(f);
  }
  return out;
}

/// Nodes and weights on [0, 1] (Abramowitz, Stegun, 1964, 25.4.29), by Newton's method on the Legendre polynomial.
std::vector<std::pair<double, double>> gauss(int n) {
  std::vector<std::pair<double, double>> out;
  for (int k = 0; k < n; ++k) {
    double x = std::cos(M_PI * (k + 0.75) / (n + 0.5)), slope = 1;
    for (int step = 0; step < 20; ++step) {
      double before = 1, p = x;
      for (int j = 1; j < n; ++j) before = std::exchange(p, ((2 * j + 1) * x * p - j * before) / (j + 1));
      slope = n * (x * p - before) / (x * x - 1);
      x -= p / slope;
    }
    out.push_back({(1 - x) / 2, 1 / ((1 - x * x) * slope * slope)});
  }
  return out;
}

/// Z of every draw for every test function and both halves of the time range, in its parts: it is linear in velocity and growth.
class WeakForm {
 public:
  explicit WeakForm(const Physics& p) {
    const elaborate::Model& m = p.model();
    for (int part = 0; part < 2; ++part)
      add(p, m.from + (m.to - m.from) * part / 2, m.from + (m.to - m.from) * (part + 1) / 2);
  }

  /// The largest mean of Z in units of what it may be, with so much of the stated velocity and growth.
  double residual(double velocity, double growth) const {
    double worst = 0;
    for (const Parts& z : all_) {
      double mean = 0, square = 0;
      auto at = [&](size_t i) { return z.rest[i] + velocity * z.velocity[i] + growth * z.growth[i]; };
      for (size_t i = 0; i < kDraws; ++i) mean += at(i) / kDraws;
      for (size_t i = 0; i < kDraws; ++i) square += (at(i) - mean) * (at(i) - mean) / (kDraws - 1);
      worst = std::max(worst, std::abs(mean) / (kErrors * std::sqrt(square / kDraws) + kRule * z.size));
    }
    return worst;
  }

 private:
  struct Parts {
    Numbers rest = Numbers(kDraws), velocity = Numbers(kDraws), growth = Numbers(kDraws);
    double size = 0;  // mean of the absolute values of the terms
  };

  void add(const Physics& p, double a, double b) {
    const elaborate::Model& m = p.model();
    const auto functions = test_functions(m.dimension, m.moving);
    std::vector<Parts> z(functions.size());
    Numbers gradient(m.dimension);
    double value = 0, laplacian = 0;
    auto each = [&](const Points& x, auto term) {
      for (size_t f = 0; f < functions.size(); ++f)
        for (size_t i = 0; i < kDraws; ++i) {
          functions[f].at(x, i, value, gradient, laplacian);
          z[f].size += term(z[f], i) / kDraws;
        }
    };
    for (const auto& [t, sign] : {std::pair(a, -1.0), std::pair(b, 1.0)})
      each(p.draw(t), [&, mass = sign * p.mass(t)](Parts& to, size_t i) {
        to.rest[i] += mass * value;
        return std::abs(mass * value);
      });
    for (const auto& [node, weight] : gauss(12)) {
      const double t = a + (b - a) * node, w = -weight * (b - a) * p.mass(t);
      const Points x = p.draw(t);
      const Numbers v = p.velocity(x, t), g = p.growth(x, t), s = p.noise(x, t);
      each(x, [&](Parts& to, size_t i) {
        double along = 0;
        for (int j = 0; j < m.moving; ++j) along += v[j * kDraws + i] * gradient[j];
        const double spread = 0.5 * s[i] * s[i] * laplacian, grown = g[i] * value;
        to.rest[i] += w * spread, to.velocity[i] += w * along, to.growth[i] += w * grown;
        return std::abs(w) * (std::abs(spread) + std::abs(along) + std::abs(grown));
      });
    }
    for (Parts& parts : z) all_.push_back(std::move(parts));
  }

  std::vector<Parts> all_;
};

/// ∂L/∂v of the cost that a dynamics takes: what has to be a gradient.
void momentum(const std::string& dynamics, Numbers& v) {
  double square = 0;
  for (double c : v) square += c * c;
  // `power_cost` asks for p = 4; `relativistic_cost` for the cost 1 − √(1 − |v|²).
  const double factor = dynamics == "pam" ? square : dynamics == "cam" ? 1 / std::sqrt(1 - square) : 1;
  for (double& c : v) c *= factor;
}

/// The largest |∂ᵢwⱼ − ∂ⱼwᵢ| of the momentum w, or |wᵢ − ∂ᵢ(2λg)| with λ = ½ where mass grows, by central differences at some
/// draws, relative to 1 + the largest derivative. `turned` adds as much of the rotation x ↦ (−x₂, x₁, 0 …) to the velocity.
double not_a_gradient(const Physics& p, double turned) {
  const elaborate::Model& m = p.model();
  constexpr double h = 1e-4;
  constexpr size_t count = 64;
  double worst = 0;
  for (double share : {0.1, 0.5, 0.9}) {
    const double t = m.from + share * (m.to - m.from);
    const Points all = p.draw(t);
    auto some = [&](int axis, double by) {
      Points x{m.dimension, count, {}};
      for (int k = 0; k < m.dimension; ++k)
        for (size_t i = 0; i < count; ++i) x.values.push_back(all.at(k, i) + (k == axis ? by : 0));
      return x;
    };
    auto momenta = [&](const Points& x) {
      Numbers v = p.velocity(x, t), one(m.moving);
      for (size_t i = 0; i < count; ++i) {
        for (int j = 0; j < m.moving; ++j) one[j] = v[j * count + i];
        if (m.moving > 1) one[0] -= turned * x.at(1, i), one[1] += turned * x.at(0, i);
        momentum(p.answer().dynamics, one);
        for (int j = 0; j < m.moving; ++j) v[j * count + i] = one[j];
      }
      return v;
    };
    const Numbers here = momenta(some(0, 0));
    std::vector<Numbers> up, down;  // by axis
    for (int k = 0; k < m.moving; ++k) {
      const Points above = some(k, h), below = some(k, -h);
      up.push_back(p.answer().growth ? p.growth(above, t) : momenta(above));
      down.push_back(p.answer().growth ? p.growth(below, t) : momenta(below));
    }
    auto slope = [&](int by, int of, size_t i) { return (up[by][of * count + i] - down[by][of * count + i]) / (2 * h); };
    for (size_t i = 0; i < count; ++i)
      for (int j = 0; j < m.moving; ++j)
        for (int k = 0; k < m.moving; ++k) {
          const double difference = p.answer().growth ? here[j * count + i] - slope(j, 0, i) : slope(j, k, i) - slope(k, j, i);
          const double size = p.answer().growth ? here[j * count + i] : slope(j, k, i);
          worst = std::max(worst, std::abs(difference) / (1 + std::abs(size)));
        }
  }
  return worst;
}

/// Flow matching finds E[u | x] of the path's velocity u: the mean of (uⱼ − vⱼ)·φ(x) is zero. The largest of these in units of
/// what it may be; u by central differences of the same draws.
double not_the_mean_velocity(const Physics& p, double changed) {
  const elaborate::Model& m = p.model();
  constexpr double h = 1e-4;
  const auto functions = test_functions(m.dimension, m.moving);
  double worst = 0, value = 0, laplacian = 0;
  Numbers gradient(m.dimension);
  for (double share : {0.1, 0.5, 0.9}) {
    const double t = m.from + share * (m.to - m.from);
    const Points x = p.draw(t), after = p.draw(t + h), before = p.draw(t - h);
    const Numbers v = p.velocity(x, t);
    for (int j = 0; j < m.moving; ++j)
      for (const TestFunction& f : functions) {
        double sum = 0, square = 0, size = 0;
        for (size_t i = 0; i < kDraws; ++i) {
          f.at(x, i, value, gradient, laplacian);
          const double u = (after.at(j, i) - before.at(j, i)) / (2 * h), y = (u - (1 + changed) * v[j * kDraws + i]) * value;
          sum += y / kDraws, square += y * y / kDraws, size += std::abs(u * value) / kDraws;
        }
        worst = std::max(worst, std::abs(sum) / (kErrors * std::sqrt(square / kDraws) + kRule * (1 + size)));
      }
  }
  return worst;
}

bool is_zero(const Numbers& v) {
  return std::all_of(v.begin(), v.end(), [](double x) { return x == 0; });
}

class ReferenceProblem : public testing::TestWithParam<std::string> {};

TEST_P(ReferenceProblem, IsCarriedByWhatItStatesAndByNothingElse) {
  const Reference reference(GetParam());
  ASSERT_FALSE(reference.answers.empty());
  for (const Answer& a : reference.answers) {
    ASSERT_TRUE(a.velocity) << "states no velocity";
    const Physics p(a, reference.model(a));
    EXPECT_EQ(p.model().has_growth, a.growth != nullptr) << "the growth of the dynamics is part of the answer";
    const WeakForm z(p);
    fmt::print("{}: residual {:.2f} of what it may be\n", a.model, z.residual(1, 1));
    EXPECT_LE(z.residual(1, 1), 1) << a.model;

    // The checks see answers that are wrong by a tenth.
    const double middle = (p.model().from + p.model().to) / 2;
    const Points x = p.draw(middle);
    if (!is_zero(p.velocity(x, middle))) {
      EXPECT_GT(z.residual(1 + kWrong, 1), 1) << a.model;
    }
    if (a.growth) {
      EXPECT_GT(z.residual(1, 1 + kWrong), 1) << a.model;
    }
  }
}

TEST_P(ReferenceProblem, IsTheOneThatTheDynamicsSinglesOut) {
  const Reference reference(GetParam());
  for (const Answer& a : reference.answers) {
    const Physics p(a, reference.model(a));
    if (a.dynamics == "fm") {
      EXPECT_LE(not_the_mean_velocity(p, 0), 1);
      EXPECT_GT(not_the_mean_velocity(p, kWrong), 1);
    } else {
      EXPECT_LE(not_a_gradient(p, 0), 1e-5) << a.model;
      if (p.model().moving > 1) {
        EXPECT_GT(not_a_gradient(p, kWrong), 1e-3) << a.model;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ReferenceProblem, testing::ValuesIn(names()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace am
