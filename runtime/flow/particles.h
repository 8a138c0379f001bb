// Carrying particles. Internal to this folder.
#pragma once

#include "runtime/flow/session.h"

namespace am::flow {

/// A program whose output 0 is a draw, compiled once for many draws.
class Drawer {
 public:
  Drawer(const elaborate::Program& program, int dimension, bool f64, size_t count, const Machine& machine,
         diagnostics::Sink& sink);
  explicit operator bool() const { return static_cast<bool>(session_); }
  /// `count` draws at `time`, [count, dimension].
  std::vector<double> operator()(double time, size_t count, uint64_t seed);

 private:
  int dimension_;
  Session session_;
};

/// A program whose output 0 is a number for each point.
class PointFunction {
 public:
  PointFunction(const elaborate::Program& program, const elaborate::Model& model, const Weights& weights, size_t count,
                const Machine& machine, diagnostics::Sink& sink, source::Span span);
  explicit operator bool() const { return static_cast<bool>(session_); }
  /// At points [count, dimension] and one time.
  std::vector<double> operator()(std::span<const double> points, double time);

 private:
  int dimension_;
  Session session_;
};

/// A stepper's program with a population in it, [element][stride].
class Carrier {
 public:
  /// `count` is the usual size of the population; `place` may bring another.
  Carrier(const elaborate::Stepper& stepper, const elaborate::Model& model, const Weights& weights, size_t count,
          const Machine& machine, diagnostics::Sink& sink, source::Span span);
  explicit operator bool() const { return static_cast<bool>(session_); }

  /// Places the particles, [count, dimension], with log-weight 0.
  void place(std::span<const double> points);
  /// Carries them from one time to another, which may be earlier. False after a report.
  bool carry(double from, double to, uint64_t seed, diagnostics::Sink& sink);
  std::vector<double> points() const;
  std::vector<double> log_weights() const;

 private:
  /// Steps of width h at these times.
  void advance(std::vector<double> times, double h, uint64_t seed);
  /// Back to before the last step.
  void retract() { std::swap(x_, next_x_), std::swap(w_, next_w_); }
  bool adaptive(double from, double to, uint64_t seed, diagnostics::Sink& sink);
  bool finite() const;

  const elaborate::Stepper& stepper_;
  std::string model_;
  source::Span span_;
  int dimension_;
  size_t count_ = 0;
  Session session_;
  Buffer x_, w_, next_x_, next_w_, error_;
  uint32_t steps_ = 0;
};

}  // namespace am::flow
