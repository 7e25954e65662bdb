#include "runtime/weights/SafetensorsReader.h"

#include "test/unit/support/TestFiles.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace dsrt;
using namespace dsrt::test;

namespace {
class Safetensors : public ::testing::Test {
protected:
  TemporaryDirectory directory;
  std::string path = directory.path("m.safetensors");

  // The message without the file's path, which must open it; empty where the file is fine.
  std::string errorOf(const std::string &bytes) {
    directory.write("m.safetensors", bytes);
    auto reader = SafetensorsReader::open(path);
    if (reader.ok())
      return "";
    std::string message = reader.status().message();
    EXPECT_EQ(message.compare(0, path.size(), path), 0) << message;
    return message.substr(std::min(path.size(), message.size()));
  }
  std::string errorOfHeader(const std::string &header, size_t dataBytes = 8) {
    return errorOf(safetensors(header, std::string(dataBytes, 'x')));
  }
};

TEST_F(Safetensors, ReadsTensors) {
  std::vector<float> values = {1, 2, 3};
  directory.write("m.safetensors",
                  safetensors("{\"__metadata__\":{\"format\":\"pt\"},"
                              "\"b\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[2,14]},"
                              "\"a\":{\"shape\":[],\"data_offsets\":[0,2],\"dtype\":\"BF16\"},"
                              "\"empty\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[2,2]}}   ",
                              "ab" + rawBytes(values)));
  auto reader = SafetensorsReader::open(path);
  ASSERT_TRUE(reader.ok()) << reader.status().message();
  EXPECT_EQ(reader->tensors().size(), 3u);
  const SafetensorsEntry *b = reader->find("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->dtype, DType::F32);
  EXPECT_EQ(b->shape, std::vector<int64_t>{3});
  EXPECT_EQ(0, std::memcmp(reader->data(*b).data(), values.data(), 12));
  EXPECT_EQ(reader->find("c"), nullptr);
}

TEST_F(Safetensors, HeaderLengthIsCheckedBeforeItIsUsed) {
  EXPECT_EQ(errorOf("abc"), " has 3 bytes, too few for a safetensors file");
  EXPECT_EQ(errorOf(std::string(8, '\xff') + "{}"), ": its header should have 18446744073709551615 bytes, expected at "
                                                    "most 2: truncated, or not a safetensors file");
  EXPECT_EQ(errorOf(safetensors("", "")), " is not a safetensors file: its header does not start with '{'");
  EXPECT_EQ(errorOf(safetensors("[]", "")), " is not a safetensors file: its header does not start with '{'");
}

TEST_F(Safetensors, MalformedJson) {
  EXPECT_EQ(errorOfHeader("{\"a\":"), ": safetensors header: malformed JSON at byte 6");
  EXPECT_EQ(errorOfHeader("{} x"), ": safetensors header: malformed JSON at byte 4");
  EXPECT_EQ(errorOfHeader("{\"a\":5}"), ": safetensors header: a number where none belongs");
  EXPECT_EQ(errorOfHeader("{\"a\":[1]}"), ": safetensors header: an array where none belongs");
  EXPECT_EQ(errorOfHeader("{\"a\":null}"), ": safetensors header: null where none belongs");
  EXPECT_EQ(errorOfHeader("{\"__metadata__\":{\"a\":{}}}"), ": safetensors header: an object where none belongs");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":{}}}"), ": safetensors header: tensor 'a': an object where none belongs");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"shape\":[[1]]}}"),
            ": safetensors header: tensor 'a': an array where none belongs");
  EXPECT_EQ(errorOfHeader(std::string(100000, '[')), " is not a safetensors file: its header does not start with '{'");
  EXPECT_NE(errorOfHeader("{\"a\":" + std::string(100000, '[')), "");
}

TEST_F(Safetensors, TensorFields) {
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}"),
            ": safetensors header: tensor 'a': dtype, shape and two data_offsets are needed");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}"),
            ": safetensors header: tensor 'a': unknown dtype 'F31'");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"extra\":1}}"),
            ": safetensors header: tensor 'a': unknown field 'extra'");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}"),
            ": safetensors header: tensor 'a': field 'dtype' occurs twice");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}"),
            ": safetensors header: tensor 'a': the number -2 is negative");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}"),
            ": safetensors header: tensor 'a': the number 2.0 is not an integer");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}"),
            ": safetensors header: tensor 'a': data_offsets [0, 8] do not hold the 12 bytes of its dtype and shape");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}"),
            ": safetensors header: tensor 'a': data_offsets [8, 0] do not hold the 8 bytes of its dtype and shape");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}"),
            ": safetensors header: tensor 'a': data_offsets has too many numbers");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}"),
            ": safetensors header: tensor 'a': its shape is larger than any file");
  EXPECT_EQ(errorOfHeader("{\"a\":{\"dtype\":\"F32\",\"shape\":[18446744073709551615],\"data_offsets\":[0,8]}}"),
            ": safetensors header: tensor 'a': the number 18446744073709551615 is out of range");
}

TEST_F(Safetensors, NamesThatOccurTwice) {
  std::string tensor = "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
  EXPECT_EQ(errorOfHeader("{\"a\":" + tensor + ",\"a\":" + tensor + "}"),
            ": safetensors header: tensor 'a' occurs twice");
  EXPECT_EQ(errorOfHeader("{\"__metadata__\":{},\"__metadata__\":{}}"),
            ": safetensors header: __metadata__ occurs twice");
}

TEST_F(Safetensors, TensorsTileTheData) {
  auto tensor = [](int begin, int end) {
    return "{\"dtype\":\"U8\",\"shape\":[" + std::to_string(end - begin) + "],\"data_offsets\":[" +
           std::to_string(begin) + "," + std::to_string(end) + "]}";
  };
  auto two = [&](int a, int b, int c, int d) { return "{\"a\":" + tensor(a, b) + ",\"b\":" + tensor(c, d) + "}"; };
  EXPECT_EQ(errorOfHeader(two(0, 4, 4, 8)), "");
  EXPECT_EQ(errorOfHeader(two(4, 8, 0, 4)), "");
  EXPECT_EQ(errorOfHeader(two(0, 5, 4, 8)), ": tensor 'b' overlaps tensor 'a'");
  EXPECT_EQ(errorOfHeader(two(0, 3, 4, 8)), ": 1 bytes before tensor 'b' belong to no tensor");
  EXPECT_EQ(errorOfHeader(two(0, 4, 4, 9)), ": tensor 'b' ends at byte 9 of the data, which has 8: truncated file");
  EXPECT_EQ(errorOfHeader(two(0, 4, 4, 7)), ": 1 bytes after the last tensor belong to no tensor");
  EXPECT_EQ(errorOfHeader("{}", 0), "");
  EXPECT_EQ(errorOfHeader("{}", 1), ": 1 bytes after the last tensor belong to no tensor");
}

// A file cut anywhere is refused.
TEST_F(Safetensors, TruncationAnywhere) {
  std::string whole = safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "12345678");
  EXPECT_EQ(errorOf(whole), "");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(errorOf(whole.substr(0, size)), "") << size;
}
} // namespace
