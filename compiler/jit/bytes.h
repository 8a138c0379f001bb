// Values as bytes and back: what a cache entry holds, and what its key is made of.
//
// Each structure is taken apart by a structured binding, so that a field that is added to it does not compile until it
// stands here too. Numbers stand as the machine has them: an entry is read by the build that wrote it.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "compiler/lower/lower.h"

namespace am::jit {

template <class T>
concept Number = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// Appends what it is called with to `bytes`.
class Writer {
 public:
  std::string bytes;

  template <class... Ts>
    requires(sizeof...(Ts) > 1)
  void operator()(const Ts&... values) {
    ((*this)(values), ...);
  }
  template <Number T>
  void operator()(const T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void operator()(const std::string& text) {
    (*this)(text.size());
    bytes += text;
  }
  template <class T>
  void operator()(const std::vector<T>& list) {
    (*this)(list.size());
    for (const T& value : list) (*this)(value);
  }
  template <class T>
    requires std::is_class_v<T>
  void operator()(const T& value) {
    fields(*this, value);
  }
};

/// Takes values off the front of `rest`, in the order in which they were written. `fine` is false from the first one
/// on that was not all there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest(bytes) {}
  std::string_view rest;
  bool fine = true;

  template <class... Ts>
    requires(sizeof...(Ts) > 1)
  void operator()(Ts&... values) {
    ((*this)(values), ...);
  }
  template <Number T>
  void operator()(T& value) {
    const std::string_view part = take(sizeof value);
    if (fine) std::memcpy(&value, part.data(), sizeof value);
  }
  void operator()(std::string& text) {
    size_t size = 0;
    (*this)(size);
    text = take(size);
  }
  template <class T>
  void operator()(std::vector<T>& list) {
    size_t size = 0;
    (*this)(size);
    // No element is shorter than a byte: a size beyond what is there is not believed.
    fine = fine && size <= rest.size();
    list.clear();
    for (size_t i = 0; i < size && fine; ++i) (*this)(list.emplace_back());
  }
  template <class T>
    requires std::is_class_v<T>
  void operator()(T& value) {
    fields(*this, value);
  }

 private:
  std::string_view take(size_t size) {
    fine = fine && size <= rest.size();
    const std::string_view part = rest.substr(0, fine ? size : 0);
    rest.remove_prefix(part.size());
    return part;
  }
};

/// A structure of the kind named, to be read or to be written.
template <class T, class Kind>
concept Any = std::is_same_v<std::remove_const_t<T>, Kind>;

template <class Archive, Any<ir::NodeId> T>
void fields(Archive& a, T& id) {
  auto& [value] = id;
  a(value);
}

template <class Archive, Any<ir::Shape> T>
void fields(Archive& a, T& shape) {
  auto& [rank, sizes] = shape;
  a(rank);
  for (auto& size : sizes) a(size);
}

template <class Archive, Any<ir::Slot> T>
void fields(Archive& a, T& slot) {
  auto& [name, shape, sampled] = slot;
  a(name, shape, sampled);
}

template <class Archive, Any<ir::Attributes> T>
void fields(Archive& a, T& attributes) {
  auto& [value, index, axis, start, transpose_a, transpose_b, sampled, shape] = attributes;
  a(value, index, axis, start, transpose_a, transpose_b, sampled, shape);
}

/// Where a node comes from in the script is not part of what it means.
template <class Archive, Any<ir::Node> T>
void fields(Archive& a, T& node) {
  auto& [op, shape, sampled, operands, attributes, origin] = node;
  a(op, shape, sampled, operands, attributes);
}

template <class Archive, Any<lower::Target> T>
void fields(Archive& a, T& target) {
  auto& [cpu, features, vector_bytes, cache_bytes] = target;
  a(cpu, features, vector_bytes, cache_bytes);
}

template <class Archive, Any<lower::Options> T>
void fields(Archive& a, T& options) {
  auto& [precision, target, samples, tile, varying, split_products, held] = options;
  a(precision, target, samples, tile, varying, split_products, held);
}

template <class Archive, Any<lower::Stage> T>
void fields(Archive& a, T& stage) {
  auto& [phase, pieces] = stage;
  a(phase, pieces);
}

template <class Archive, Any<lower::Plan> T>
void fields(Archive& a, T& plan) {
  auto& [precision, lanes, tile, phases, steady_bytes, shared_bytes, tile_bytes, partial_bytes, groups, stages, flops_contract,
         flops_transposed, flops_sums, flops_other, share_of_peak, split_products, inputs, outputs] = plan;
  a(precision, lanes, tile, phases, steady_bytes, shared_bytes, tile_bytes, partial_bytes, groups, stages, flops_contract,
    flops_transposed, flops_sums, flops_other, share_of_peak, split_products, inputs, outputs);
}

}  // namespace am::jit
