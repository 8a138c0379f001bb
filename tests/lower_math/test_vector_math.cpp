// Generated arithmetic against the C library in long double, and generated random numbers against the host's.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "compiler/ir/random.h"
#include "compiler/lower/vector_math.h"
#include "tests/lower_math/kernel.h"

namespace am::lower {
namespace {

using ir::Function;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
constexpr Cell kCell = std::is_same_v<T, float> ? Cell::F32 : Cell::F64;

template <class T>
using Word = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

llvm::Type* element(llvm::IRBuilderBase& builder, Cell cell) {
  return cell == Cell::F32 ? builder.getFloatTy() : builder.getDoubleTy();
}

int lanes(const Target& target, Cell cell) { return target.lanes(cell == Cell::F32 ? Precision::F32 : Precision::F64); }

/// One of the functions of `ir::Scalars`, on whole arrays.
template <class T>
using Write = std::function<ir::Scalar(ir::Scalars&, std::vector<ir::Scalar>)>;

template <class T>
Kernel kernel(const Target& target, int arity, const Write<T>& write, int width = 0) {
  const int n = width ? width : lanes(target, kCell<T>);
  return Kernel(target, {std::vector<Cell>(arity, kCell<T>), {kCell<T>}, n},
                [&](llvm::IRBuilderBase& builder, std::vector<llvm::Value*> values) -> std::vector<llvm::Value*> {
                  VectorScalars scalars(builder, element(builder, kCell<T>), n);
                  std::vector<ir::Scalar> arguments;
                  for (llvm::Value* v : values) arguments.push_back(VectorScalars::of(v));
                  return {VectorScalars::value(write(scalars, arguments))};
                });
}

template <class T>
std::vector<T> apply(const Kernel& kernel, std::vector<std::vector<T>> inputs) {
  const size_t count = inputs[0].size(), padded = (count + 15) / 16 * 16;
  std::vector<const void*> from;
  for (auto& input : inputs) {
    input.resize(padded);
    from.push_back(input.data());
  }
  std::vector<T> output(padded);
  kernel(from, {output.data()}, padded);
  output.resize(count);
  return output;
}

// ---- The measure of an error.

/// The distance of neighbours at `value`, which is normal.
template <class T>
long double spacing(long double value) {
  return std::ldexp(1.0L, std::ilogb(value) + 1 - std::numeric_limits<T>::digits);
}

/// |got − want| in units of the last place of `want`. Below the normal numbers any smaller number of the sign will do,
/// and also at the smallest of them, where exp may give 0 already.
template <class T>
double ulps(T got, long double want) {
  constexpr long double smallest = std::numeric_limits<T>::min(), largest = std::numeric_limits<T>::max();
  if (std::isnan(want)) return std::isnan(got) ? 0 : kInfinity;
  const T rounded = static_cast<T>(want);
  if (std::abs(want) > largest)
    return std::isinf(rounded) ? (got == rounded || std::abs(got) == largest ? 0 : kInfinity)
                               : static_cast<double>(std::abs(got - want) / spacing<T>(largest));
  if (std::abs(want) < smallest * (1 + 1e-6L))
    return std::abs(got) <= smallest * (1 + 1e-6L) && (want == 0 || got == 0 || (got < 0) == (want < 0)) ? 0
                                                                                                         : kInfinity;
  if (!std::isfinite(got)) return kInfinity;
  return static_cast<double>(std::abs(got - want) / spacing<T>(want));
}

struct Worst {
  double ulp = 0;
  double at = 0, second = 0;

  template <class T>
  void see(T got, long double want, double x, double y = 0) {
    if (const double u = ulps(got, want); !(u <= ulp)) *this = {u, x, y};
  }
};

std::ostream& operator<<(std::ostream& out, const Worst& worst) {
  return out << worst.ulp << " ulp at " << std::hexfloat << worst.at << ", " << worst.second << std::defaultfloat;
}

// ---- Arguments.

template <class T>
std::vector<T> special() {
  using limits = std::numeric_limits<T>;
  std::vector<T> values;
  for (T v : {T(0),
              limits::denorm_min(),
              limits::min(),
              limits::max(),
              limits::infinity(),
              T(0.5),
              T(1),
              T(2),
              limits::epsilon(),
              std::nextafter(limits::min(), T(0)),
              std::nextafter(T(1), T(0)),
              std::nextafter(T(1), T(2)),
              T(88.37626),
              T(88.72283),
              T(88.722839),
              T(87.33654),
              T(87.33655),
              T(708.396418532264),
              T(709.782712893384),
              T(709.7827128933841),
              T(710),
              T(1e5)})
    values.insert(values.end(), {v, -v});
  values.push_back(limits::quiet_NaN());
  // A NaN whose payload stands where an exponent might be looked for.
  values.push_back(std::bit_cast<T>(Word<T>(std::bit_cast<Word<T>>(limits::quiet_NaN()) | 0x1ff)));
  return values;
}

/// Everything from one function's point of view: all scales, the neighbourhood of 0, 1 and multiples of ln √2 and π/4.
std::vector<double> doubles() {
  std::mt19937_64 random(1);
  std::vector<double> values = special<double>();
  std::uniform_real_distribution<double> unit(-1, 1);
  for (int i = 0; i < 200000; ++i) {
    values.push_back(std::bit_cast<double>(random()));
    for (double scale : {1.0, 3.0, 30.0, 750.0, 1e7}) values.push_back(scale * unit(random));
    values.push_back(1 + 0.5 * unit(random));
    values.push_back(std::ldexp(unit(random), -i % 60));
    values.push_back(1 + std::ldexp(unit(random), -i % 53));
  }
  for (int k = -50000; k <= 50000; ++k)
    for (double base : {k * (std::numbers::ln2 / 2), k * (std::numbers::pi / 4), k * 127 * (std::numbers::pi / 4)})
      for (double x : {base, std::nextafter(base, 1e9), base + 1e-9}) values.push_back(x);
  return values;
}

/// Every 1021st bit pattern, which visits every exponent, and the special ones.
std::vector<float> floats() {
  std::vector<float> values = special<float>();
  for (uint64_t pattern = 0; pattern < uint64_t{1} << 32; pattern += 1021)
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(pattern)));
  return values;
}

template <class T>
const std::vector<T>& arguments() {
  static const std::vector<T> values = [] {
    if constexpr (sizeof(T) == 4)
      return floats();
    else
      return doubles();
  }();
  return values;
}

// ---- The targets.

const char* const kCpus[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "native"};

class OnEachTarget : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::string error;
    target_ = jit::host_target(GetParam(), error);
    if (!error.empty()) GTEST_SKIP() << error;
  }
  Target target_;
};

std::string word(std::string name) {
  std::erase(name, '-');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cpus, OnEachTarget, testing::ValuesIn(kCpus),
                         [](const auto& info) { return word(info.param); });

// ---- The functions. One run of the truth, which is slow, serves all targets.

struct Claim {
  const char* name;
  Function function;
  long double (*truth)(long double);
  /// Arguments beyond this are only held to |result| ≤ 1, and infinite ones to NaN.
  double reach_f32 = kInfinity, reach_f64 = kInfinity;
};

const Claim kClaims[] = {
    {"exp", Function::Exp, [](long double x) { return std::exp(x); }},
    {"log", Function::Log, [](long double x) { return std::log(x); }},
    {"tanh", Function::Tanh, [](long double x) { return std::tanh(x); }},
    {"sigmoid", Function::Sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }},
    {"sin", Function::Sin, [](long double x) { return std::sin(x); }, 1e5, 1e7},
    {"erf", Function::Erf, [](long double x) { return std::erf(x); }},
    {"cos", Function::Cos, [](long double x) { return std::cos(x); }, 1e5, 1e7},
};

/// One function compiled for one target, and the worst that it did.
struct Subject {
  std::string cpu;
  Kernel kernel;
  Worst worst;
};

template <class T>
std::vector<Subject> subjects(int arity, const Write<T>& write) {
  std::vector<Subject> all;
  for (const char* cpu : kCpus) {
    std::string error;
    const Target target = jit::host_target(cpu, error);
    if (error.empty())
      all.push_back({cpu, kernel<T>(target, arity, write), {}});
    else
      std::cout << "  not tried: " << error << "\n";
  }
  return all;
}

template <class T>
void expect_four_ulps(const std::vector<Subject>& all, const char* name) {
  for (const Subject& subject : all) {
    EXPECT_LE(subject.worst.ulp, 4) << name << " on " << subject.cpu << ": " << subject.worst;
    EXPECT_TRUE(subject.kernel.calls().empty()) << name << ":" << subject.kernel.calls().front();
    std::cout << "  " << name << " f" << 8 * sizeof(T) << " " << subject.cpu << ": " << subject.worst << "\n";
  }
}

template <class T>
void sweep(const Claim& claim) {
  auto all = subjects<T>(1, [&](ir::Scalars& s, std::vector<ir::Scalar> x) { return s.call(claim.function, x[0]); });
  const double reach = sizeof(T) == 4 ? claim.reach_f32 : claim.reach_f64;
  const auto& x = arguments<T>();
  constexpr size_t chunk = 1 << 18;
  for (size_t begin = 0; begin < x.size(); begin += chunk) {
    const std::vector<T> part(&x[begin], &x[begin] + std::min(chunk, x.size() - begin));
    std::vector<std::vector<T>> got;
    for (const Subject& subject : all) got.push_back(apply<T>(subject.kernel, {part}));
    for (size_t i = 0; i < part.size(); ++i) {
      const bool beyond = std::abs(part[i]) > reach;
      const long double truth = beyond ? NAN : claim.truth(part[i]);
      for (size_t k = 0; k < all.size(); ++k) {
        if (beyond && std::isfinite(part[i]))
          ASSERT_LE(std::abs(got[k][i]), 1) << claim.name << " of " << part[i] << " on " << all[k].cpu;
        else
          all[k].worst.see(got[k][i], truth, part[i]);
      }
    }
  }
  expect_four_ulps<T>(all, claim.name);
}

class Claims : public testing::TestWithParam<Claim> {};

INSTANTIATE_TEST_SUITE_P(Functions, Claims, testing::ValuesIn(kClaims),
                         [](const auto& info) { return info.param.name; });

TEST_P(Claims, HoldInF32) { sweep<float>(GetParam()); }
TEST_P(Claims, HoldInF64) { sweep<double>(GetParam()); }

/// Beyond the reach of four ulps, sine and cosine get worse slowly.
template <class T>
void expect_far_angles(double from, double to, double error) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> angle(from, to);
  std::vector<T> x;
  for (int i = 0; i < 200000; ++i) x.push_back(static_cast<T>(i % 2 ? angle(random) : -angle(random)));
  const auto cosines =
      subjects<T>(1, [](ir::Scalars& s, std::vector<ir::Scalar> x) { return s.call(Function::Cos, x[0]); });
  for (const Subject& subject : cosines) {
    const auto got = apply<T>(subject.kernel, {x});
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i)
      worst = std::max(worst, static_cast<double>(std::abs(got[i] - std::cos(static_cast<long double>(x[i])))));
    EXPECT_LE(worst, error) << subject.cpu << " from " << from << " to " << to;
    std::cout << "  cos to " << to << " " << subject.cpu << ": " << worst << "\n";
  }
}

TEST(FarAngles, LoseAccuracySlowly) {
  expect_far_angles<float>(1e5, 4e6, 1e-6);
  expect_far_angles<double>(1e7, 1e12, 1e-4);
  expect_far_angles<double>(1e12, 1e14, 1e-2);
}

/// Pairs of special values, of comparable numbers and of any bits at all.
template <class T>
std::array<std::vector<T>, 2> pairs() {
  std::vector<T> y, x;
  for (T a : special<T>())
    for (T b : special<T>()) y.push_back(a), x.push_back(b);
  std::mt19937_64 random(2);
  std::uniform_real_distribution<T> unit(-1, 1);
  for (int i = 0; i < 1000000; ++i) {
    y.push_back(std::ldexp(unit(random), i % 13 - 6));
    x.push_back(unit(random));
    y.push_back(std::bit_cast<T>(static_cast<Word<T>>(random())));
    x.push_back(std::bit_cast<T>(static_cast<Word<T>>(random())));
  }
  return {y, x};
}

template <class T>
void sweep_atan2() {
  auto all =
      subjects<T>(2, [](ir::Scalars& s, std::vector<ir::Scalar> x) { return s.call(Function::Atan2, x[0], x[1]); });
  const auto [y, x] = pairs<T>();
  for (Subject& subject : all) {
    const auto got = apply<T>(subject.kernel, {y, x});
    for (size_t i = 0; i < x.size(); ++i) {
      const long double want = std::atan2(static_cast<long double>(y[i]), static_cast<long double>(x[i]));
      subject.worst.see(got[i], want, y[i], x[i]);
      ASSERT_TRUE(std::isnan(want) || std::signbit(got[i]) == std::signbit(want)) << y[i] << ", " << x[i];
    }
  }
  expect_four_ulps<T>(all, "atan2");
}

TEST(Atan2, HoldsInF32) { sweep_atan2<float>(); }
TEST(Atan2, HoldsInF64) { sweep_atan2<double>(); }

// ---- Values that are exact.

template <class T>
void expect_exact(const Target& target, Function function, T x, T want) {
  const Kernel compiled =
      kernel<T>(target, 1, [&](ir::Scalars& s, std::vector<ir::Scalar> a) { return s.call(function, a[0]); });
  const T got = apply<T>(compiled, {{x}})[0];
  EXPECT_EQ(got, want) << x;
  EXPECT_EQ(std::signbit(got), std::signbit(want)) << x;
}

template <class T>
void expect_exact_values(const Target& target) {
  const T infinity = std::numeric_limits<T>::infinity();
  for (const auto& [function, x, want] : std::initializer_list<std::tuple<Function, T, T>>{
           {Function::Exp, T(0), T(1)},
           {Function::Exp, -infinity, T(0)},
           {Function::Exp, infinity, infinity},
           {Function::Log, T(1), T(0)},
           {Function::Log, T(0), -infinity},
           {Function::Log, infinity, infinity},
           {Function::Tanh, T(-0.0), T(-0.0)},
           {Function::Tanh, infinity, T(1)},
           {Function::Tanh, -infinity, T(-1)},
           {Function::Sin, T(-0.0), T(-0.0)},
           {Function::Sin, T(0), T(0)},
           {Function::Cos, T(0), T(1)},
           {Function::Sigmoid, T(0), T(0.5)},
           {Function::Sigmoid, T(100), T(1)},
           {Function::Sigmoid, -infinity, T(0)},
       })
    expect_exact<T>(target, function, x, want);
}

TEST_P(OnEachTarget, ExactValues) {
  expect_exact_values<float>(target_);
  expect_exact_values<double>(target_);
}

/// The plain operations, with NaN and signed zeros among the arguments, against the carrier of the interpreter.
template <class T>
void expect_as_on_the_host(const Target& target, const char* name, const Write<T>& write, int width = 0) {
  const Kernel compiled = kernel<T>(target, 3, write, width);
  EXPECT_TRUE(compiled.calls().empty()) << name << compiled.calls().front();
  std::vector<std::vector<T>> x(3);
  const T values[] = {T(-2.5), T(-1), T(-0.0), T(0), T(0.3), T(1), T(7), std::numeric_limits<T>::quiet_NaN()};
  for (T a : values)
    for (T b : values)
      for (T c : values) x[0].push_back(a), x[1].push_back(b), x[2].push_back(c);
  const auto got = apply<T>(compiled, x);
  for (size_t i = 0; i < got.size(); ++i) {
    const double want = write(ir::doubles(), {{.number = x[0][i]}, {.number = x[1][i]}, {.number = x[2][i]}}).number;
    if (std::isnan(want))
      EXPECT_TRUE(std::isnan(got[i])) << name << "(" << x[0][i] << ", " << x[1][i] << ", " << x[2][i] << ")";
    else
      EXPECT_EQ(got[i], static_cast<T>(want)) << name << "(" << x[0][i] << ", " << x[1][i] << ", " << x[2][i] << ")";
  }
}

template <class T>
void expect_plain_operations(const Target& target, int width = 0) {
  using Args = std::vector<ir::Scalar>;
  const std::pair<const char*, Write<T>> operations[] = {
      {"add", [](ir::Scalars& s, Args x) { return s.add(x[0], x[1]); }},
      {"sub", [](ir::Scalars& s, Args x) { return s.sub(x[0], x[1]); }},
      {"mul", [](ir::Scalars& s, Args x) { return s.mul(x[0], x[1]); }},
      {"div", [](ir::Scalars& s, Args x) { return s.div(x[0], x[1]); }},
      {"min", [](ir::Scalars& s, Args x) { return s.min(x[0], x[1]); }},
      {"max", [](ir::Scalars& s, Args x) { return s.max(x[0], x[1]); }},
      {"neg", [](ir::Scalars& s, Args x) { return s.neg(x[0]); }},
      {"abs", [](ir::Scalars& s, Args x) { return s.abs(x[0]); }},
      {"sqrt", [](ir::Scalars& s, Args x) { return s.sqrt(x[0]); }},
      {"floor", [](ir::Scalars& s, Args x) { return s.floor(x[0]); }},
      {"less", [](ir::Scalars& s, Args x) { return s.less(x[0], x[1]); }},
      {"equal", [](ir::Scalars& s, Args x) { return s.equal(x[0], x[1]); }},
      {"select", [](ir::Scalars& s, Args x) { return s.select(x[0], x[1], x[2]); }},
      {"select(less)", [](ir::Scalars& s, Args x) { return s.select(s.less(x[0], x[1]), x[1], x[2]); }},
      {"constant", [](ir::Scalars& s, Args x) { return s.select(s.constant(0), x[0], s.constant(0.25)); }},
  };
  for (const auto& [name, write] : operations) expect_as_on_the_host<T>(target, name, write, width);
}

TEST_P(OnEachTarget, PlainOperations) {
  expect_plain_operations<float>(target_);
  expect_plain_operations<double>(target_);
}

TEST_P(OnEachTarget, OtherNumbersOfLanes) {
  for (int width : {1, 2, 16}) {
    expect_plain_operations<float>(target_, width);
    for (const Claim& claim : kClaims) {
      const Write<float> write = [&](ir::Scalars& s, std::vector<ir::Scalar> x) {
        return s.call(claim.function, x[0]);
      };
      const auto x = special<float>();
      const auto narrow = apply<float>(kernel<float>(target_, 1, write, width), {x});
      const auto usual = apply<float>(kernel<float>(target_, 1, write), {x});
      for (size_t i = 0; i < x.size(); ++i)
        EXPECT_TRUE(narrow[i] == usual[i] || std::isnan(usual[i])) << claim.name << " of " << x[i];
    }
  }
}

// ---- Random numbers.

std::vector<uint32_t> words(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint32_t> values(count);
  for (uint32_t& value : values) value = static_cast<uint32_t>(random());
  return values;
}

TEST_P(OnEachTarget, Philox) {
  const size_t count = 4096;
  for (int n : {1, target_.lanes(Precision::F32)}) {
    const Kernel compiled(target_, {std::vector<Cell>(6, Cell::Word), std::vector<Cell>(4, Cell::Word), n},
                          [](llvm::IRBuilderBase& builder, std::vector<llvm::Value*> v) {
                            const auto result = emit_philox(builder, {v[0], v[1], v[2], v[3]}, v[4], v[5]);
                            return std::vector<llvm::Value*>(result.begin(), result.end());
                          });
    EXPECT_TRUE(compiled.calls().empty());
    std::vector<uint32_t> in[6], out[4];
    for (int k = 0; k < 6; ++k) in[k] = words(count, k);
    for (auto& o : out) o.resize(count);
    compiled({in[0].data(), in[1].data(), in[2].data(), in[3].data(), in[4].data(), in[5].data()},
             {out[0].data(), out[1].data(), out[2].data(), out[3].data()}, count);
    for (size_t i = 0; i < count; ++i) {
      const auto want = ir::philox({in[0][i], in[1][i], in[2][i], in[3][i]}, uint64_t{in[5][i]} << 32 | in[4][i]);
      for (int k = 0; k < 4; ++k) ASSERT_EQ(out[k][i], want[k]) << i << ", word " << k;
    }
  }
}

template <class T>
void expect_unit_interval(const Target& target) {
  std::vector<uint32_t> in = words(4096, 9);
  in[0] = 0, in[1] = ~0u, in[2] = 0x1ff, in[3] = 0x200;
  for (int n : {1, lanes(target, kCell<T>)}) {
    const Kernel compiled(target, {{Cell::Word}, {kCell<T>}, n},
                          [n](llvm::IRBuilderBase& builder, std::vector<llvm::Value*> v) -> std::vector<llvm::Value*> {
                            return {emit_unit_interval(builder, v[0], element(builder, kCell<T>), n)};
                          });
    std::vector<T> out(in.size());
    compiled({in.data()}, {out.data()}, in.size());
    for (size_t i = 0; i < in.size(); ++i) ASSERT_EQ(out[i], ir::unit_interval(in[i])) << in[i];
  }
}

TEST_P(OnEachTarget, UnitInterval) {
  expect_unit_interval<float>(target_);
  expect_unit_interval<double>(target_);
}

}  // namespace
}  // namespace am::lower
