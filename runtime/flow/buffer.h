// Numbers in working precision, aligned for vectors.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/lower/lower.h"
#include "runtime/execute/memory.h"

namespace am::flow {

/// `count` elements, f32 or f64, 64-byte aligned and zero at first, with room to the next multiple of 64 elements.
class Buffer {
 public:
  Buffer() = default;
  Buffer(lower::Precision precision, size_t count) : precision_(precision), count_(count) {
    data_ = execute::allocate((count + 64) / 64 * 64 * width());
  }
  size_t count() const { return count_; }
  lower::Precision precision() const { return precision_; }
  void* data() { return data_.get(); }
  const void* data() const { return data_.get(); }
  double get(size_t i) const {
    return f32() ? reinterpret_cast<const float*>(data_.get())[i] : reinterpret_cast<const double*>(data_.get())[i];
  }
  void set(size_t i, double v) {
    if (f32())
      reinterpret_cast<float*>(data_.get())[i] = static_cast<float>(v);
    else
      reinterpret_cast<double*>(data_.get())[i] = v;
  }
  std::span<const float> floats() const { return {reinterpret_cast<const float*>(data_.get()), count_}; }
  std::span<const double> doubles() const { return {reinterpret_cast<const double*>(data_.get()), count_}; }
  std::span<const std::byte> bytes() const { return {data_.get(), count_ * width()}; }
  std::span<std::byte> bytes() { return {data_.get(), count_ * width()}; }

 private:
  bool f32() const { return precision_ == lower::Precision::F32; }
  size_t width() const { return f32() ? 4 : 8; }
  lower::Precision precision_ = lower::Precision::F32;
  size_t count_ = 0;
  execute::Memory data_;
};

}  // namespace am::flow
