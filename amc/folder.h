// A run folder: what a run leaves behind (docs: README, "What a run leaves").
#pragma once

#include <string>

#include "amc/program.h"
#include "runtime/report/report.h"

namespace am::program {

/// The folder of a training within its run's: "flow", "flow/seed_2", "flow/without_1", "flow/without_1/seed_2".
std::string training_folder(const elaborate::Model& training);
/// The same for people: "flow without time 1, seed 2".
std::string training_name(const elaborate::Model& training);
/// The model with each of its seeds as the one it is trained with.
std::vector<elaborate::Model> for_each_seed(const elaborate::Model& model);
/// The file of a sampling's particles in the folder.
std::string particles_file(const Script& script, const elaborate::Sampling& sampling);

class RunFolder {
 public:
  /// Makes the folder. Unless it is to be resumed, a run that is there already is kept: its folder gets a number, which
  /// `kept` tells. False after a report.
  bool make(const std::string& path, bool resume, std::string& kept, diagnostics::Sink& sink);
  /// Stands for a folder that must be there, of a run that trained.
  bool open(const std::string& path, diagnostics::Sink& sink);
  /// Keeps what is about to be written anew: these files, as far as they exist, move to a folder "earlier.1",
  /// "earlier.2", … within this one, which `kept` tells.
  bool set_aside(const std::vector<std::string>& names, std::string& kept, diagnostics::Sink& sink) const;
  /// All files of a finished run but those of its trainings; none where there is no report yet.
  std::vector<std::string> of_finished_run() const;
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
