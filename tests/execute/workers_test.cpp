#include "runtime/execute/workers.h"

#include <gtest/gtest.h>

#include <array>

namespace am::execute {
namespace {

TEST(Workers, EveryPieceIsDoneOnce) {
  for (int threads : {1, 2, 3, 8, 16}) {
    Workers workers(threads);
    for (int round = 0; round < 2000; ++round) {
      std::array<std::atomic<int>, 8> done{};
      const int pieces = 1 + round % 8;
      workers.run(pieces, [&](int piece, int thread) {
        EXPECT_LT(thread, threads);
        ++done[piece];
      });
      for (int piece = 0; piece < 8; ++piece) ASSERT_EQ(done[piece], piece < pieces ? 1 : 0);
    }
  }
}

TEST(Workers, DenormalsAreZeroOnlyWhileAsked) {
  volatile float tiny = 1e-39f;
  {
    const FlushDenormals flush;
    EXPECT_EQ(tiny * 1.0f, 0.0f);
  }
  EXPECT_NE(tiny * 1.0f, 0.0f);
}

}  // namespace
}  // namespace am::execute
