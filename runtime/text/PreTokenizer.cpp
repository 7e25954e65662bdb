#include "runtime/text/PreTokenizer.h"
#include "runtime/text/Fields.h"

#include <algorithm>
#include <iterator>

namespace dsrt {

using nlohmann::json;

namespace {

constexpr size_t maxSteps = 64;
constexpr int maxDepth = 8;
// GPT-2's pattern, which ByteLevel applies when use_regex is set.
constexpr char gpt2Pattern[] = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

} // namespace

StatusOr<PreTokenizer> PreTokenizer::parse(const json &field, const std::string &where) {
  PreTokenizer result;
  bool sawByteLevel = false;
  if (!field.is_null())
    DSRT_RETURN_IF_ERROR(result.parseStep(field, where, 0, sawByteLevel));
  if (!sawByteLevel)
    return Status::error(where + " has no ByteLevel step; only byte-level BPE tokenizers are supported");
  return result;
}

Status PreTokenizer::parseStep(const json &field, const std::string &where, int depth, bool &sawByteLevel) {
  DSRT_ASSIGN_OR_RETURN(JsonObject object, JsonObject::of(field, where));
  DSRT_ASSIGN_OR_RETURN(std::string type, object.string("type"));
  if (type == "Sequence") {
    if (depth >= maxDepth)
      return Status::error(where + ": Sequences nest deeper than " + std::to_string(maxDepth));
    DSRT_ASSIGN_OR_RETURN(const json *list, object.array("pretokenizers"));
    for (size_t i = 0; i < list->size(); ++i)
      DSRT_RETURN_IF_ERROR(parseStep((*list)[i], object.where("pretokenizers") + "[" + std::to_string(i) + "]",
                                     depth + 1, sawByteLevel));
    return {};
  }
  if (sawByteLevel)
    return Status::error(where + ": '" + type + "' follows ByteLevel, which must be the last step");
  if (steps.size() >= maxSteps)
    return Status::error(where + ": more than " + std::to_string(maxSteps) + " pre-tokenization steps");

  if (type == "Split")
    return parseSplit(field, where);
  Step step;
  std::vector<RegexItem> items;
  if (type == "Digits") {
    DSRT_ASSIGN_OR_RETURN(bool individual, optionalBoolean(object, "individual_digits", false));
    step.behavior = individual ? Behavior::Isolated : Behavior::Contiguous;
    items.push_back({RegexItem::OneOf, {}, numericSet()});
  } else if (type == "WhitespaceSplit") {
    step.behavior = Behavior::Removed;
    items.push_back({RegexItem::OneOf, {}, whiteSpaceSet()});
  } else if (type == "Whitespace") {
    // Runs of word characters, and runs of what is neither word nor space.
    step.behavior = Behavior::Removed;
    step.invert = true;
    items = {{RegexItem::OneOf, {}, rustWordSet()},
             {RegexItem::Syntax, "+|", {}},
             {RegexItem::OneOf, {}, ~(rustWordSet() | whiteSpaceSet())},
             {RegexItem::Syntax, "+", {}}};
  } else if (type == "ByteLevel") {
    sawByteLevel = true;
    DSRT_ASSIGN_OR_RETURN(step.addPrefixSpace, optionalBoolean(object, "add_prefix_space", true));
    DSRT_ASSIGN_OR_RETURN(bool useRegex, optionalBoolean(object, "use_regex", true));
    if (useRegex) {
      DSRT_ASSIGN_OR_RETURN(items, parseRegex(gpt2Pattern, where));
    }
  } else {
    return Status::error(where + ".type is '" + type +
                         "', expected Sequence, Split, Digits, Whitespace, WhitespaceSplit or ByteLevel");
  }
  if (!items.empty()) {
    DSRT_ASSIGN_OR_RETURN(SplitRegex regex, SplitRegex::compile(items, where));
    step.regex.push_back(std::move(regex));
  }
  steps.push_back(std::move(step));
  return {};
}

Status PreTokenizer::parseSplit(const json &field, const std::string &where) {
  DSRT_ASSIGN_OR_RETURN(JsonObject object, JsonObject::of(field, where));
  Step step;
  DSRT_ASSIGN_OR_RETURN(std::string behavior, object.string("behavior"));
  const std::pair<const char *, Behavior> behaviors[] = {{"Removed", Behavior::Removed},
                                                         {"Isolated", Behavior::Isolated},
                                                         {"MergedWithPrevious", Behavior::MergedWithPrevious},
                                                         {"MergedWithNext", Behavior::MergedWithNext},
                                                         {"Contiguous", Behavior::Contiguous}};
  auto it = std::find_if(std::begin(behaviors), std::end(behaviors), [&](auto &b) { return b.first == behavior; });
  if (it == std::end(behaviors))
    return Status::error(object.where("behavior") + " is '" + behavior +
                         "', expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
  step.behavior = it->second;
  DSRT_ASSIGN_OR_RETURN(step.invert, optionalBoolean(object, "invert", false));

  DSRT_ASSIGN_OR_RETURN(JsonObject pattern, object.object("pattern"));
  if (pattern.find("Regex")) {
    DSRT_ASSIGN_OR_RETURN(std::string text, pattern.string("Regex"));
    DSRT_ASSIGN_OR_RETURN(SplitRegex regex, SplitRegex::compile(text, pattern.where("Regex")));
    step.regex.push_back(std::move(regex));
  } else if (pattern.find("String")) {
    DSRT_ASSIGN_OR_RETURN(std::string text, pattern.string("String"));
    DSRT_ASSIGN_OR_RETURN(SplitRegex regex, SplitRegex::literal(text, pattern.where("String")));
    step.regex.push_back(std::move(regex));
  } else {
    return Status::error(pattern.where() + " has neither 'Regex' nor 'String'");
  }
  steps.push_back(std::move(step));
  return {};
}

// Joins neighbouring parts as the behaviour says. A match is joined with one neighbour at most: of several in a row,
// the first is (MergedWithPrevious) or the last is (MergedWithNext).
void PreTokenizer::combine(std::vector<Part> &parts, Behavior behavior) {
  if (behavior == Behavior::Removed) {
    std::erase_if(parts, [](const Part &part) { return part.matched; });
    return;
  }
  if (behavior == Behavior::Isolated)
    return;
  bool backwards = behavior == Behavior::MergedWithNext;
  if (backwards)
    std::reverse(parts.begin(), parts.end());
  std::vector<Part> joined;
  bool previous = false;
  for (const Part &part : parts) {
    bool join = behavior == Behavior::Contiguous ? part.matched == previous : part.matched && !previous;
    previous = part.matched;
    if (!join || joined.empty())
      joined.push_back(part);
    else if (backwards)
      joined.back().begin = part.begin;
    else
      joined.back().end = part.end;
  }
  if (backwards)
    std::reverse(joined.begin(), joined.end());
  parts = std::move(joined);
}

Status PreTokenizer::apply(const Step &step, Scratch &scratch) const {
  Pieces &out = scratch.next;
  out.text.clear();
  out.ends.clear();
  std::string prefixed;
  std::vector<Part> parts;
  uint32_t start = 0;
  for (uint32_t end : scratch.current.ends) {
    std::string_view piece = std::string_view(scratch.current.text).substr(start, end - start);
    start = end;
    if (step.addPrefixSpace && !piece.starts_with(' ')) {
      prefixed = " ";
      prefixed += piece;
      piece = prefixed;
    }
    if (step.regex.empty()) {
      out.text += piece;
      out.ends.push_back(uint32_t(out.text.size()));
      continue;
    }
    DSRT_RETURN_IF_ERROR(step.regex[0].findAll(piece, scratch.regex, scratch.matches));
    parts.clear();
    uint32_t done = 0;
    for (SplitRegex::Match match : scratch.matches) {
      if (done != match.begin)
        parts.push_back({done, match.begin, step.invert});
      parts.push_back({match.begin, match.end, !step.invert});
      done = match.end;
    }
    if (done != piece.size())
      parts.push_back({done, uint32_t(piece.size()), step.invert});
    combine(parts, step.behavior);
    for (const Part &part : parts) {
      if (part.begin == part.end)
        continue;
      out.text += piece.substr(part.begin, part.end - part.begin);
      out.ends.push_back(uint32_t(out.text.size()));
    }
  }
  std::swap(scratch.current, scratch.next);
  return {};
}

StatusOr<const Pieces *> PreTokenizer::split(std::string_view text, Scratch &scratch) const {
  scratch.current.text = text;
  scratch.current.ends.clear();
  if (!text.empty())
    scratch.current.ends.push_back(uint32_t(text.size()));
  for (const Step &step : steps)
    DSRT_RETURN_IF_ERROR(apply(step, scratch));
  return &scratch.current;
}

} // namespace dsrt
