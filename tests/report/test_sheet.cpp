// Sheets of images, read back by libpng: what stands where, and in which shade.
#include <gtest/gtest.h>
#include <png.h>

#include <cmath>
#include <cstdint>

#include "runtime/report/report.h"

namespace am::report {
namespace {

struct Image {
  size_t width = 0, height = 0;
  int channels = 0;
  std::vector<uint8_t> pixels;
  int at(size_t row, size_t column, int channel = 0) const {
    return pixels[(row * width + column) * static_cast<size_t>(channels) + static_cast<size_t>(channel)];
  }
};

Image read(const std::string& png) {
  png_image header{.version = PNG_IMAGE_VERSION};
  EXPECT_TRUE(png_image_begin_read_from_memory(&header, png.data(), png.size())) << header.message;
  EXPECT_FALSE(header.format & PNG_FORMAT_FLAG_ALPHA);
  Image out{header.width, header.height, static_cast<int>(PNG_IMAGE_PIXEL_CHANNELS(header.format)), {}};
  out.pixels.resize(PNG_IMAGE_SIZE(header));
  EXPECT_TRUE(png_image_finish_read(&header, nullptr, out.pixels.data(), 0, nullptr)) << header.message;
  return out;
}

/// Images of `height` by `width` and a further coordinate; pixel p of particle i at time k is 100·k + 10·i + p.
Motion numbered(size_t count, std::vector<double> times, int numbers) {
  Motion out{.dimension = numbers + 1, .times = std::move(times)};
  for (size_t k = 0; k < out.times.size(); ++k) {
    auto& points = out.points.emplace_back();
    for (size_t i = 0; i < count; ++i) {
      for (int p = 0; p < numbers; ++p) points.push_back(100.0 * static_cast<double>(k) + 10.0 * static_cast<double>(i) + p);
      points.push_back(-1e9);
    }
  }
  return out;
}

/// Images of 20 by 40 are enlarged once, so that a pixel is a pixel; cells are 21 by 41 behind a margin of 1.
TEST(Sheet, HasTheLastTimeAboveAndTheWayThereBelow) {
  Motion motion{.dimension = 800, .times = {0, 1, 2}};
  for (size_t k = 0; k < 3; ++k) {
    auto& points = motion.points.emplace_back();
    for (size_t i = 0; i < 8; ++i)
      for (size_t p = 0; p < 800; ++p) points.push_back(static_cast<double>(50 * k + 10 * i + p / 40 % 10));
  }
  const Image image = read(png(motion, {.height = 20, .width = 40, .low = 0, .high = 255, .rows = 3, .columns = 2}));
  EXPECT_EQ(image.channels, 1);
  EXPECT_EQ(image.width, 1u + 2 * 41);
  // Three rows of the last time, and below a gap of three four of the six particles, evenly, at the first and the last time.
  EXPECT_EQ(image.height, 1u + 7 * 21 + 3);
  for (size_t i = 0; i < 6; ++i)
    for (size_t y = 0; y < 20; ++y) {
      const size_t from = 1 + i / 2 * 21 + y, left = 1 + i % 2 * 41;
      EXPECT_EQ(image.at(from, left), static_cast<int>(100 + 10 * i + y % 10));
      EXPECT_EQ(image.at(from, left + 39), static_cast<int>(100 + 10 * i + y % 10));
      EXPECT_EQ(image.at(from, left + 40), 255);
    }
  const size_t followed[] = {0, 1, 3, 5};
  for (size_t row = 0; row < 4; ++row)
    for (size_t k = 0; k < 2; ++k)
      EXPECT_EQ(image.at(1 + (3 + row) * 21 + 3 + 7, 1 + k * 41 + 5), static_cast<int>(100 * k + 10 * followed[row] + 7));
  for (size_t x = 0; x < image.width; ++x)
    for (size_t y = 0; y < 4; ++y) EXPECT_EQ(image.at(63 + y, x), 255);
}

TEST(Sheet, EnlargesByWholeFactorsInTheOrderOfPixels) {
  const Image image = read(png(numbered(1, {1}, 6), {.height = 2, .width = 3, .low = 0, .high = 255, .rows = 1, .columns = 1}));
  constexpr size_t kZoom = 14;  // 3·14 ≥ 40
  EXPECT_EQ(image.width, kZoom * 5);
  EXPECT_EQ(image.height, kZoom * 4);
  for (size_t y = 0; y < 2 * kZoom; ++y)
    for (size_t x = 0; x < 3 * kZoom; ++x)
      EXPECT_EQ(image.at(kZoom + y, kZoom + x), static_cast<int>(y / kZoom * 3 + x / kZoom));
}

TEST(Sheet, HasColoursByChannel) {
  const Image image = read(png(numbered(1, {1}, 3 * 4), {.height = 2, .width = 2, .channels = 3, .low = 0, .high = 255}));
  ASSERT_EQ(image.channels, 3);
  for (size_t y = 0; y < 2; ++y)
    for (size_t x = 0; x < 2; ++x)
      for (int c = 0; c < 3; ++c)
        EXPECT_EQ(image.at(20 * (1 + y), 20 * (1 + x), c), static_cast<int>(4 * static_cast<size_t>(c) + 2 * y + x));
}

TEST(Sheet, RangeIsFromBlackToWhiteAndEndsThere) {
  const Motion motion{.dimension = 6, .times = {0}, .points = {{-1, 1, 0, -7, 7, NAN}}};
  const Image image = read(png(motion, {.height = 1, .width = 6, .low = -1, .high = 1, .rows = 1, .columns = 1}));
  const int expected[] = {0, 255, 128, 0, 255, 0};
  constexpr size_t kZoom = 7;
  for (size_t p = 0; p < 6; ++p) EXPECT_EQ(image.at(kZoom, kZoom * (1 + p)), expected[p]) << p;
}

TEST(Sheet, LeavesCellsWithoutParticlesEmpty) {
  const Image image = read(png(numbered(3, {1}, 4), {.height = 2, .width = 2, .low = 0, .high = 255, .rows = 5, .columns = 2}));
  EXPECT_EQ(image.height, 20u + 2 * 60);
  EXPECT_EQ(image.at(20 + 60, 20), 20);
  EXPECT_EQ(image.at(20 + 60, 20 + 60), 255);
}

TEST(Sheet, SameInputSameBytes) {
  const Motion motion = numbered(30, {0, 1}, 64);
  EXPECT_EQ(png(motion, {.height = 8, .width = 8}), png(motion, {.height = 8, .width = 8}));
}

}  // namespace
}  // namespace am::report
