#include "runtime/data/data.h"
#include "runtime/data/npz.h"
#include "tests/data/archives.h"
#include "tests/data/files.h"

namespace am::data {
namespace {

using testing::Folder;
using testing::npy;
using testing::raw;

std::string header(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

struct Reading {
  Array array;
  std::string what;
};

Reading read(const std::string& bytes) {
  const Folder folder;
  Reading out;
  out.what = read_npy(folder.write("a.npy", bytes), out.array).what;
  return out;
}

std::vector<double> values(const Array& array) {
  std::vector<double> out;
  for (size_t k = 0; k < array.count(); ++k) out.push_back(array.at(k));
  return out;
}

TEST(Npy, EveryVersion) {
  for (const int version : {1, 2, 3}) {
    const Reading r = read(npy(header("<f8", "(2, 1)"), raw<double>({1.5, -2}), version));
    ASSERT_EQ(r.what, "") << version;
    EXPECT_EQ(r.array.shape, (std::vector<size_t>{2, 1}));
    EXPECT_EQ(values(r.array), (std::vector<double>{1.5, -2}));
  }
  EXPECT_EQ(read(npy(header("<f8", "()"), raw<double>({1}), 4)).what, "its format version is 4, and 1 to 3 are known");
}

template <class T>
void expect_type(const std::string& descr, const std::string& dtype, const std::vector<T>& stored) {
  const Reading r = read(npy(header(descr, fmt::format("({},)", stored.size())), raw(stored)));
  ASSERT_EQ(r.what, "") << descr;
  EXPECT_EQ(r.array.dtype, dtype) << descr;
  EXPECT_EQ(values(r.array), std::vector<double>(stored.begin(), stored.end())) << descr;
}

TEST(Npy, EveryElementType) {
  expect_type<float>("<f4", "<f4", {0.5f, -3});
  expect_type<double>("<f8", "<f8", {0.1, -3});
  expect_type<int8_t>("|i1", "|i1", {-128, 127});
  expect_type<int16_t>("<i2", "<i2", {-32768, 5});
  expect_type<int32_t>("<i4", "<i4", {-2147483647, 5});
  expect_type<int64_t>("<i8", "<i8", {-4503599627370496, 5});
  expect_type<uint8_t>("|u1", "|u1", {255, 0});
  expect_type<uint16_t>("<u2", "<u2", {65535, 1});
  expect_type<uint32_t>("<u4", "<u4", {4294967295u, 1});
  expect_type<uint64_t>("<u8", "<u8", {4503599627370496u, 1});
  expect_type<uint8_t>("|b1", "|b1", {1, 0});
}

TEST(Npy, BigEndianIsConverted) {
  const Reading r = read(npy(header(">i4", "(2,)"), std::string("\0\0\1\2\xff\xff\xff\xfe", 8)));
  ASSERT_EQ(r.what, "");
  EXPECT_EQ(r.array.dtype, "<i4");
  EXPECT_EQ(values(r.array), (std::vector<double>{258, -2}));
}

TEST(Npy, HalfPrecisionBecomesSingle) {
  const Reading r = read(npy(header("<f2", "(6,)"), raw<uint16_t>({0x3C00, 0xC000, 0x0001, 0x7BFF, 0x8000, 0x3555})));
  ASSERT_EQ(r.what, "");
  EXPECT_EQ(r.array.dtype, "<f4");
  EXPECT_EQ(values(r.array), (std::vector<double>{1, -2, 0x1p-24, 65504, -0.0, 0x1.554p-2}));
}

TEST(Npy, ColumnMajorIsConverted) {
  const Reading r = read(npy(header("<f8", "(2, 3)", "True"), raw<double>({11, 21, 12, 22, 13, 23})));
  ASSERT_EQ(r.what, "");
  EXPECT_EQ(values(r.array), (std::vector<double>{11, 12, 13, 21, 22, 23}));
  // Element [i, j, k] of shape [2, 3, 2] holds 100 i + 10 j + k and lies at i + 2 j + 6 k.
  std::vector<double> stored;
  for (int k = 0; k < 2; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) stored.push_back(100 * i + 10 * j + k);
  const Reading cube = read(npy(header("<f8", "(2, 3, 2)", "True"), raw(stored)));
  EXPECT_EQ(values(cube.array), (std::vector<double>{0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121}));
}

TEST(Npy, HeadersAsOtherProgramsWriteThem) {
  const std::string body = raw<double>({1, 2});
  for (const std::string text : {"{\"shape\":(2,),\"descr\":\"<f8\",\"fortran_order\":False}",
                                 "{'shape': (2L,), 'descr': '=f8', 'fortran_order': False, }      \n",
                                 "{ 'descr' : '<f8' , 'fortran_order' : True , 'shape' : ( 2 , ) }\n"})
    EXPECT_EQ(read(npy(text, body)).what, "") << text;
}

TEST(Npy, DamagedHeaders) {
  const std::string body = raw<double>({1, 2});
  for (const std::string text :
       {"", "{}", "{'descr': '<f8', 'fortran_order': False}", "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': (2,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-2,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)} x",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f8' 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': [2]}",
        "{'descr': '<f8, 'fortran_order': False, 'shape': (2,)}"})
    EXPECT_EQ(read(npy(text, body)).what, "its header is damaged") << text;
}

TEST(Npy, RefusedInWords) {
  const auto refuse = [](const std::string& descr) {
    return read(npy(header(descr, "(1,)"), std::string(64, 'a'))).what;
  };
  EXPECT_EQ(refuse("|O"), "it holds Python objects, and only plain numbers are read");
  EXPECT_EQ(refuse("<U5"), "it holds text, and only numbers are read");
  EXPECT_EQ(refuse("<M8[D]"), "it holds dates; store numbers such as days since the start instead");
  EXPECT_EQ(refuse("<c8"), "it holds complex numbers; store real and imaginary parts as columns instead");
  EXPECT_EQ(refuse("<f16"), "its element type `<f16` is not read; store `<f4` or `<f8` instead");
  EXPECT_EQ(refuse(""), "its element type `` is not read; store `<f4` or `<f8` instead");
  EXPECT_EQ(read(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "aaaa")).what,
            "it holds records, and only plain numbers are read");
}

TEST(Npy, SizesAreNotBelieved) {
  EXPECT_EQ(read(npy(header("<f8", "(3,)"), raw<double>({1, 2}))).what,
            "its shape [3] needs 24 bytes, and 16 are there");
  EXPECT_EQ(read(npy(header("<f8", "(1,)"), raw<double>({1, 2}))).what,
            "its shape [1] needs 8 bytes, and 16 are there");
  EXPECT_EQ(read(npy(header("<f4", "(1000000000000,)"), "aaaa")).what,
            "its shape [1000000000000] needs 4000000000000 bytes, and 4 are there");
  // 2^62 elements of 4 bytes are 2^64, which is 0 to arithmetic that wraps.
  EXPECT_EQ(read(npy(header("<f4", "(2147483648, 2147483648)"), "")).what,
            "its shape [2147483648, 2147483648] is larger than any memory");
  EXPECT_EQ(read(std::string("\x93NUMPY\1\0\xff\xff{", 11)).what, "its header breaks off");
  EXPECT_EQ(read("\x93NUMPY").what, "its header breaks off");
  EXPECT_EQ(read("hello").what, "it does not begin as a NumPy array does");
}

TEST(Npy, SystemErrorsAreMarked) {
  Array array;
  const FileError error = read_npy("/nonexistent/a.npy", array);
  EXPECT_TRUE(error.system);
  EXPECT_EQ(error.what, "No such file or directory");
}

}  // namespace
}  // namespace am::data
