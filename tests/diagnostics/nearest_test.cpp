// Which name is suggested for a misspelt one, where several are near.
#include <gtest/gtest.h>

#include "compiler/diagnostics/diagnostics.h"

namespace am::diagnostics {
namespace {

TEST(Nearest, PrefersLikelySlips) {
  EXPECT_EQ(nearest("stpes", {"step", "steps", "stops"}), "steps");  // exchanged
  EXPECT_EQ(nearest("Adam", {"adam", "adamw"}), "adam");             // case
  EXPECT_EQ(nearest("sinn", {"sin", "sign"}), "sin");                // doubled
  EXPECT_EQ(nearest("coa", {"cot", "cos"}), "cos");                  // next key
  EXPECT_EQ(nearest("drit", {"drop", "drift"}), "drift");            // dropped
}

TEST(Nearest, PrefersWhatMakesSenseAmongThoseEquallyNear) {
  EXPECT_EQ(nearest("in", {"inf", "sin"}, {"sin"}), "sin");
  EXPECT_EQ(nearest("in", {"inf", "sin"}, {"inf"}), "inf");
  // What makes sense does not make up for another edit.
  EXPECT_EQ(nearest("mlpp", {"mlp", "map"}, {"map"}), "mlp");
}

TEST(Nearest, StaysSilentWhereNothingIsNear) {
  EXPECT_EQ(nearest("wasserstein", {"w1", "w2", "mmd"}), "");
  EXPECT_EQ(nearest("z", {"x", "t", "s"}), "");  // another letter is another name
  EXPECT_EQ(nearest("f16", {"f32", "f64"}), "");
  EXPECT_EQ(nearest("σ₁", {"σ₂", "τ"}), "σ₂");  // code points, not bytes
}

}  // namespace
}  // namespace am::diagnostics
