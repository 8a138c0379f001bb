#include "runtime/data/isolated.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <stdexcept>

#include "compiler/diagnostics/diagnostics.h"

namespace am::data {
namespace {

/// What arrives is not believed to be as long as it says before it is there.
constexpr size_t kPiece = size_t{1} << 20;
/// The child's word for a bug of ours.
constexpr int kInternalError = 70;

/// Behind the soft limit comes a hard one that kills: the process must first learn of the soft one.
void limit(__rlimit_resource resource, size_t value) {
  const rlimit both{value, value + (value > 0 ? 5 : 0)};
  setrlimit(resource, &both);
}

/// Makes of the process one that dies of its faults alone and in silence.
void prepare_child(size_t seconds) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU}) std::signal(fault, SIG_DFL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, seconds);
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, stream);
}

FileError attempt(const std::function<FileError()>& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return {"it needs more memory than there is", true};
  } catch (const std::length_error&) {
    return {"it needs more memory than there is", true};
  } catch (...) {
    _exit(kInternalError);
  }
}

void pass_error(Channel& channel, FileError& error) {
  size_t system = error.system;
  channel(error.what)(system);
  error.system = system != 0;
}

FileError ended_early(int status, size_t seconds) {
  AM_CHECK(!(WIFEXITED(status) && WEXITSTATUS(status) == kInternalError), "the process that reads a file failed");
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (signal == SIGXCPU) return {fmt::format("it is damaged: reading it took more than {} seconds", seconds)};
  if (signal == SIGKILL) return {"reading it was stopped by the system, perhaps for want of memory"};
  return {"it is damaged, and the HDF5 library crashed on it"};
}

}  // namespace

void Channel::bytes(void* at, size_t count) {
  auto* from = static_cast<char*>(at);
  while (count > 0 && !broken_) {
    const ssize_t done = end_ == End::Sending ? ::write(descriptor_, from, count) : ::read(descriptor_, from, count);
    if (done < 0 && errno == EINTR) continue;
    broken_ = done <= 0;
    if (broken_) break;
    from += done;
    count -= static_cast<size_t>(done);
  }
}

template <class Sequence>
void Channel::sequence(Sequence& values) {
  size_t size = values.size();
  (*this)(size);
  if (end_ == End::Sending) return bytes(values.data(), size * sizeof(values[0]));
  values.clear();
  while (values.size() < size && !broken_) {
    const size_t start = values.size(), count = std::min(size - start, kPiece);
    values.resize(start + count);
    bytes(values.data() + start, count * sizeof(values[0]));
  }
}

Channel& Channel::operator()(size_t& value) {
  bytes(&value, sizeof value);
  if (broken_) value = 0;
  return *this;
}

Channel& Channel::operator()(std::string& text) {
  sequence(text);
  return *this;
}

Channel& Channel::operator()(std::vector<double>& numbers) {
  sequence(numbers);
  return *this;
}

Channel& Channel::operator()(std::vector<std::string>& texts) {
  size_t size = texts.size();
  (*this)(size);
  if (end_ == End::Receiving) texts.clear();
  for (size_t k = 0; k < size && !broken_; ++k) (*this)(end_ == End::Sending ? texts[k] : texts.emplace_back());
  return *this;
}

FileError isolated(size_t seconds, const std::function<FileError()>& work, const std::function<void(Channel&)>& pass) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {std::strerror(errno), true};
  const pid_t child = fork();
  if (child < 0) {
    const FileError error{std::strerror(errno), true};
    close(ends[0]), close(ends[1]);
    return error;
  }
  if (child == 0) {
    prepare_child(seconds);
    FileError error = attempt(work);
    Channel channel(ends[1], Channel::End::Sending);
    pass_error(channel, error);
    if (!error) pass(channel);
    // The destructors and exit handlers of the parent's objects are not the child's to run.
    _exit(0);
  }
  close(ends[1]);
  Channel channel(ends[0], Channel::End::Receiving);
  FileError error;
  pass_error(channel, error);
  if (!error && !channel.broken()) pass(channel);
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return channel.broken() ? ended_early(status, seconds) : error;
}

}  // namespace am::data
