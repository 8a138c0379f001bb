// Data sets: from files, and made of others. Internal to this folder.
#pragma once

#include "compiler/elaborate/elaborator.h"

namespace am::elaborate {

/// The functions of builtins.cpp that read files. Behind their own parameters all take those of `file_parameters`.
Value csv(Elaborator& e, const CallArguments& a);
Value npz(Elaborator& e, const CallArguments& a);
Value npy(Elaborator& e, const CallArguments& a);
Value h5ad(Elaborator& e, const CallArguments& a);
Value idx(Elaborator& e, const CallArguments& a);
/// The given parameters and then those of every file.
std::vector<std::string_view> file_parameters(std::vector<std::string_view> own);

/// Names as columns are named: `"x1".."x5"`, one text, or a list of either; nothing after a report.
std::optional<std::vector<std::string>> text_list(Elaborator& e, const Value& v);

/// The rows of a file that a data set leaves out, in its coordinates.
Value held_out(Elaborator& e, const CallArguments& a);

/// Probabilities and aliases of Vose's method for the rows of each group, in proportion to `mass`: [rows, 2].
std::vector<double> alias_table(const std::vector<size_t>& offsets, const std::vector<double>& mass);

/// One row of a file that two data sets share.
bool share_rows(const Source& a, const Source& b);
/// Whether coordinates of the one can stand for those of the other: neither is standardised, or both by the same.
bool same_units(const data::Frame* a, const data::Frame* b);
/// "standardised by the moments of `cells`", "in the units of its file".
std::string units_text(const data::Frame* frame);

/// The mass of a data set at a time, relative to its first: as stated at its times, growing at a constant rate between
/// two of them; 1 where none is stated.
NodeId mass_at(Elaborator& e, const Dataset& data, NodeId time);

}  // namespace am::elaborate
