// Work on files by a library that a damaged file may crash: done in a process of its own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/data/npz.h"

namespace am::data {

/// One end of a pipe. What it is handed is written at one end and filled in at the other, so that the same lines say
/// what is sent and what is received.
class Channel {
 public:
  enum class End { Sending, Receiving };
  Channel(int descriptor, End end) : descriptor_(descriptor), end_(end) {}

  Channel& operator()(size_t& value);
  Channel& operator()(std::string& text);
  Channel& operator()(std::vector<double>& numbers);
  Channel& operator()(std::vector<std::string>& texts);
  /// The other end is gone, or it sent what cannot be.
  bool broken() const { return broken_; }

 private:
  void bytes(void* at, size_t count);
  template <class Sequence>
  void sequence(Sequence& values);

  int descriptor_;
  End end_;
  bool broken_ = false;
};

/// Runs `work` in a child process, then `pass` at both ends unless `work` found an error. HDF5 is not safe against
/// damaged files (crashes and endless loops of every release are on record), and so a crash, or more than `seconds` of
/// computing, is an error like others. What the child prints goes nowhere.
FileError isolated(size_t seconds, const std::function<FileError()>& work, const std::function<void(Channel&)>& pass);

}  // namespace am::data
