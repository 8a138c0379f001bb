#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "compiler/diagnostics/diagnostics.h"
#include "runtime/report/motion.h"
#include "runtime/report/report.h"

namespace am::report {

namespace {

/// An image is shown this many pixels wide and high at least, as far as whole factors reach.
constexpr int kLegible = 40;
/// Particles whose way in time is shown.
constexpr size_t kFollowed = 4;
constexpr uint8_t kPaper = 255;

/// Pixels by row, column and channel, on which images are put at cells of a grid.
class Paper {
 public:
  Paper(const Sheet& sheet, size_t rows, size_t columns, size_t below)
      : sheet_(sheet),
        zoom_(std::max(1, (kLegible + std::max(sheet.height, sheet.width) - 1) / std::max(sheet.height, sheet.width))),
        rows_(rows),
        stand_off_(below > 0 ? 3 * zoom_ : 0),
        width_(gap() + columns * (sheet.width * zoom_ + gap())),
        height_(top(rows + below)),
        pixels_(width_ * height_ * sheet.channels, kPaper) {}

  void put(size_t row, size_t column, const double* x) {
    const size_t left = gap() + column * (sheet_.width * zoom_ + gap()), from = top(row);
    for (size_t i = 0; i < sheet_.height * zoom_; ++i)
      for (size_t j = 0; j < sheet_.width * zoom_; ++j)
        for (int c = 0; c < sheet_.channels; ++c)
          pixels_[((from + i) * width_ + left + j) * sheet_.channels + c] =
              grey(x[(c * sheet_.height + i / zoom_) * sheet_.width + j / zoom_]);
  }

  std::string encoded() const;

 private:
  size_t gap() const { return zoom_; }
  /// The upper edge of a row of cells; those below the grid stand off from it.
  size_t top(size_t row) const { return gap() + row * (sheet_.height * zoom_ + gap()) + (row >= rows_ ? stand_off_ : 0); }
  uint8_t grey(double value) const {
    const double share = (value - sheet_.low) / (sheet_.high - sheet_.low);
    return static_cast<uint8_t>(std::lround(255 * (share > 0 ? std::min(share, 1.0) : 0)));
  }

  const Sheet& sheet_;
  size_t zoom_, rows_, stand_off_, width_, height_;
  std::vector<uint8_t> pixels_;
};

std::string Paper::encoded() const {
  png_image image{.version = PNG_IMAGE_VERSION};
  image.width = static_cast<uint32_t>(width_), image.height = static_cast<uint32_t>(height_);
  image.format = sheet_.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string out(size, '\0');
  const bool fine = png_image_write_to_memory(&image, out.data(), &size, 0, pixels_.data(), 0, nullptr);
  AM_CHECK(fine, "libpng: {}", image.message);
  out.resize(size);
  return out;
}

}  // namespace

std::string png(const Motion& motion, const Sheet& sheet) {
  const size_t numbers = static_cast<size_t>(sheet.channels) * sheet.height * sheet.width,
               dimension = static_cast<size_t>(motion.dimension);
  AM_CHECK(numbers > 0 && numbers <= dimension, "an image of {} of {} numbers", numbers, dimension);
  const size_t columns = static_cast<size_t>(sheet.columns), last = motion.times.size() - 1;
  const size_t count = std::min(count_at(motion, last), columns * sheet.rows), rows = (count + columns - 1) / columns;
  const std::vector<size_t> times = evenly(motion.times.size(), columns);
  const std::vector<size_t> followed = evenly(count, last > 0 ? kFollowed : 0);
  Paper paper(sheet, rows, columns, followed.size());
  for (size_t i = 0; i < count; ++i) paper.put(i / columns, i % columns, &motion.points[last][i * dimension]);
  for (size_t row = 0; row < followed.size(); ++row)
    for (size_t k = 0; k < times.size(); ++k)
      paper.put(rows + row, k, &motion.points[times[k]][followed[row] * dimension]);
  return paper.encoded();
}

}  // namespace am::report
