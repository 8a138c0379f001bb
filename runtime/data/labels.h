// Times that are written as words: "day 3", "E6.5", "12h".
#pragma once

#include <string>
#include <vector>

#include "runtime/data/npz.h"

namespace am::data {

/// The number in each label: the label itself, or the one number in it if the words around the numbers are the same in
/// all labels ("1 day" and "2 days" are, "3h" and "3d" are not). A sign counts at the beginning and after a blank;
/// "D-3" could mean two things and is refused. Labels that are not finite numbers, such as "nan", stay so.
FileError label_numbers(const std::vector<std::string>& labels, std::vector<double>& numbers);

}  // namespace am::data
