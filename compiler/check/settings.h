// The settings of train, sample and evaluate, as a table.
#pragma once

#include <string_view>
#include <vector>

#include "compiler/ast/ast.h"

namespace am::check {

struct SettingInfo {
  ast::DeclarationKind of;
  std::string_view name;
  std::string_view fallback;  // "" none, "!" required
  std::string_view meaning;
};

inline const std::vector<SettingInfo>& settings() {
  static const std::vector<SettingInfo> table = {
#define AM_SETTING(of, name, fallback, meaning) {ast::DeclarationKind::of, #name, fallback, meaning},
#include "compiler/check/settings.def"
#undef AM_SETTING
  };
  return table;
}

}  // namespace am::check
