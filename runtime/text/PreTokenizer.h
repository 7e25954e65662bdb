// Splits text into the words that BPE then works on, as the "pre_tokenizer" of a tokenizer.json says.
#pragma once

#include "runtime/core/Status.h"
#include "runtime/text/SplitRegex.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt {

// A text cut into consecutive pieces: piece i ends before byte ends[i].
struct Pieces {
  std::string text;
  std::vector<uint32_t> ends;
};

class PreTokenizer {
public:
  // Knows Sequence, Split, Digits, Whitespace, WhitespaceSplit and ByteLevel; the last step must be ByteLevel, as this
  // runtime reads byte-level vocabularies only. `where` names the field in messages.
  static StatusOr<PreTokenizer> parse(const nlohmann::json &field, const std::string &where);

  // The words of `text` (valid UTF-8, less than 1 GiB), still as plain UTF-8. The returned pieces live in `scratch`.
  struct Scratch {
    SplitRegex::Scratch regex;
    std::vector<SplitRegex::Match> matches;
    Pieces current, next;
  };
  StatusOr<const Pieces *> split(std::string_view text, Scratch &scratch) const;

private:
  enum class Behavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };
  struct Step {
    bool addPrefixSpace = false;   // put a space before each piece that does not start with one
    std::vector<SplitRegex> regex; // none or one: then split by its matches
    Behavior behavior = Behavior::Isolated;
    bool invert = false; // what lies between matches counts as the match
  };
  // Part of a piece, as offsets into it, and whether the pattern matched it.
  struct Part {
    uint32_t begin, end;
    bool matched;
  };

  Status parseStep(const nlohmann::json &field, const std::string &where, int depth, bool &sawByteLevel);
  Status parseSplit(const nlohmann::json &field, const std::string &where);
  static void combine(std::vector<Part> &parts, Behavior behavior);
  Status apply(const Step &step, Scratch &scratch) const;

  std::vector<Step> steps;
};

} // namespace dsrt
