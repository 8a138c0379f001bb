// A run folder: what a run leaves behind (docs: README, "What a run leaves").
#pragma once

#include <string>

#include "amc/program.h"
#include "runtime/report/report.h"

namespace am::program {

/// The file of a sampling's particles in the folder.
std::string particles_file(const Script& script, const elaborate::Sampling& sampling);

class RunFolder {
 public:
  /// Makes the folder. Unless it is to be resumed, a run that is there already is kept: its folder gets a number, which
  /// `kept` tells. False after a report.
  bool make(const std::string& path, bool resume, std::string& kept, diagnostics::Sink& sink);
  /// The folder of a run that is over, as it is.
  static RunFolder at(const std::string& path);
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  bool write(const std::string& name, std::string_view text, diagnostics::Sink& sink) const;
  bool write_config(const Arguments& a, const Script& script, const Machine& machine, diagnostics::Sink& sink) const;
  /// Particles as shown by the view. Names of genes, a line each, are the bytes of the member "genes".
  bool write_particles(const std::string& name, const flow::Particles& particles, const data::View& view,
                       diagnostics::Sink& sink) const;
  /// What `write_particles` wrote, as shown. Nothing, reported, if the file is damaged or another.
  std::optional<flow::Particles> read_particles(const std::string& name, diagnostics::Sink& sink) const;

 private:
  std::string path_;
};

/// metrics.csv of one model: a row per report, kept on resume up to the step that is resumed from.
class MetricsFile {
 public:
  MetricsFile(std::string path, const elaborate::Model& model, int from_step);
  void add(const flow::Progress& p);
  /// Rewrites the file; called now and then and at the end.
  bool flush(diagnostics::Sink& sink);

 private:
  std::string path_, header_;
  std::vector<std::vector<double>> rows_;
  size_t columns_;
};

}  // namespace am::program
