#include "runtime/weights/SafetensorsHeader.h"

#include <nlohmann/json.hpp>
#include <unordered_set>

namespace dsrt {

namespace {
using nlohmann::json;

struct StoredType {
  std::string_view name;
  uint64_t bytes;
};
constexpr StoredType storedTypes[] = {
    {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1}, {"I64", 8},
    {"U64", 8}, {"I32", 4}, {"U32", 4}, {"I16", 2},  {"U16", 2},     {"I8", 1},      {"U8", 1},      {"BOOL", 1},
};
constexpr size_t maxRank = 8;

// {"__metadata__": {string: string}, name: {"dtype": string, "shape": [n...], "data_offsets": [begin, end]}, ...}
class HeaderParser : public nlohmann::json_sax<json> {
public:
  explicit HeaderParser(const std::string &file) : file(file) {}
  std::vector<SafetensorsEntry> entries;
  std::string error;

  bool start_object(size_t) override {
    if (++depth == 1)
      return true;
    if (depth == 2 && inMetadata)
      return true;
    if (depth == 2) {
      seenDtype = seenShape = seenOffsets = false;
      offsets.clear();
      return true;
    }
    return fail("an object where none belongs");
  }
  bool end_object() override {
    if (--depth != 1)
      return true;
    if (inMetadata) {
      inMetadata = false;
      return true;
    }
    return finishEntry();
  }
  bool key(string_t &name) override {
    if (depth == 1)
      return startEntry(name);
    if (inMetadata)
      return true;
    bool *seen = name == "dtype"          ? &seenDtype
                 : name == "shape"        ? &seenShape
                 : name == "data_offsets" ? &seenOffsets
                                          : nullptr;
    if (!seen)
      return fail("unknown field '" + name.substr(0, 60) + "'");
    if (*seen)
      return fail("field '" + name + "' occurs twice");
    *seen = true;
    field = name;
    return true;
  }
  bool string(string_t &text) override {
    if (depth == 2 && inMetadata)
      return true;
    if (depth != 2 || inArray || field != "dtype")
      return fail("a string where none belongs");
    entries.back().dtypeName = text;
    return true;
  }
  bool start_array(size_t) override {
    if (depth != 2 || inMetadata || inArray || field == "dtype")
      return fail("an array where none belongs");
    return inArray = true;
  }
  bool end_array() override {
    inArray = false;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (!inArray)
      return fail("a number where none belongs");
    if (value > static_cast<uint64_t>(INT64_MAX))
      return fail("the number " + std::to_string(value) + " is out of range");
    if (field == "data_offsets")
      offsets.push_back(value);
    else
      entries.back().shape.push_back(static_cast<int64_t>(value));
    return entries.back().shape.size() <= maxRank && offsets.size() <= 2 ? true : fail(field + " has too many numbers");
  }
  bool number_integer(number_integer_t value) override {
    return fail("the number " + std::to_string(value) + " is negative");
  }
  bool number_float(number_float_t, const string_t &text) override {
    return fail("the number " + text.substr(0, 40) + " is not an integer");
  }
  bool null() override { return fail("null where none belongs"); }
  bool boolean(bool) override { return fail("a truth value where none belongs"); }
  bool binary(binary_t &) override { return fail("binary data"); }
  bool parse_error(size_t position, const std::string &, const nlohmann::detail::exception &) override {
    return fail("malformed JSON at byte " + std::to_string(position));
  }

  bool fail(const std::string &what) {
    if (error.empty())
      error = file + ": safetensors header: " +
              (depth >= 2 && !inMetadata && !entries.empty() ? "tensor '" + entries.back().name + "': " : "") + what;
    return false;
  }

private:
  bool startEntry(const std::string &name) {
    if (name == "__metadata__") {
      inMetadata = true;
      return !seenMetadata ? seenMetadata = true : fail("__metadata__ occurs twice");
    }
    if (!names.insert(name).second)
      return fail("tensor '" + name.substr(0, 200) + "' occurs twice");
    entries.emplace_back().name = name;
    return true;
  }

  bool finishEntry() {
    SafetensorsEntry &entry = entries.back();
    depth = 2; // fail() names the tensor
    if (!seenDtype || !seenShape || !seenOffsets || offsets.size() != 2)
      return fail("dtype, shape and two data_offsets are needed");
    uint64_t bytes = 0;
    for (const StoredType &type : storedTypes)
      if (type.name == entry.dtypeName)
        bytes = type.bytes;
    if (!bytes)
      return fail("unknown dtype '" + entry.dtypeName.substr(0, 40) + "'");
    entry.dtype = dtypeFromSafetensors(entry.dtypeName);
    bool isEmpty = false;
    for (int64_t dim : entry.shape)
      isEmpty |= dim == 0;
    for (int64_t dim : entry.shape) {
      uint64_t size = isEmpty ? 0 : static_cast<uint64_t>(dim);
      if (size && bytes > UINT64_MAX / size)
        return fail("its shape is larger than any file");
      bytes *= size;
    }
    entry.begin = offsets[0];
    entry.end = offsets[1];
    if (entry.begin > entry.end || entry.end - entry.begin != bytes)
      return fail("data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) +
                  "] do not hold the " + std::to_string(bytes) + " bytes of its dtype and shape");
    depth = 1;
    return true;
  }

  const std::string &file;
  int depth = 0;
  bool inArray = false, inMetadata = false, seenMetadata = false;
  bool seenDtype = false, seenShape = false, seenOffsets = false;
  std::string field;
  std::vector<uint64_t> offsets;
  std::unordered_set<std::string> names;
};
} // namespace

StatusOr<std::vector<SafetensorsEntry>> parseSafetensorsHeader(std::string_view text, const std::string &file) {
  HeaderParser parser(file);
  bool parsed = json::sax_parse(text.begin(), text.end(), &parser, json::input_format_t::json, /*strict=*/true);
  if (!parsed || !parser.error.empty())
    return Status::error(parser.error.empty() ? file + ": safetensors header: malformed JSON" : parser.error);
  return std::move(parser.entries);
}

} // namespace dsrt
