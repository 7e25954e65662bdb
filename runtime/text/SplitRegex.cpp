#include "runtime/text/SplitRegex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cassert>
#include <map>

namespace dsrt {
namespace {

// A pattern of a real tokenizer has some 20 sets and 1,000 ranges; these bounds keep compile time short for any file.
constexpr size_t maxSets = 512;
constexpr size_t maxRanges = 1 << 16;
constexpr size_t maxClasses = 256;

// The sets of a pattern, each once, and the partition of the code points that they induce.
class Alphabet {
public:
  // The number of the set.
  size_t add(const CodePointSet &set) {
    auto [it, isNew] = numbers.try_emplace(set, numbers.size());
    if (isNew) {
      sets.push_back(&it->first);
      rangeCount += set.ranges().size();
    }
    return it->second;
  }
  bool tooLarge() const { return sets.size() > maxSets || rangeCount > maxRanges; }

  // Numbers the classes; false if there are more than maxClasses.
  bool partition();

  // All runs of equal class in order, covering every code point.
  std::vector<CodePointSet::Range> runs;
  std::vector<uint8_t> runClasses;

  // A PCRE2 bracket expression for the classes that make up a set.
  std::string bracket(size_t set) const;

private:
  std::map<CodePointSet, size_t> numbers;
  std::vector<const CodePointSet *> sets;
  size_t rangeCount = 0;
  std::vector<std::vector<bool>> members; // by class: the sets it is part of
};

bool Alphabet::partition() {
  std::vector<char32_t> starts = {0};
  for (const CodePointSet *set : sets) {
    for (CodePointSet::Range range : set->ranges()) {
      starts.push_back(range.first);
      starts.push_back(range.last + 1);
    }
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  if (starts.back() > maxCodePoint)
    starts.pop_back();

  std::map<std::vector<bool>, uint8_t> classes;
  std::vector<size_t> nextRange(sets.size(), 0); // by set: its first range that does not end before the current start
  for (size_t i = 0; i < starts.size(); ++i) {
    std::vector<bool> signature(sets.size());
    for (size_t s = 0; s < sets.size(); ++s) {
      const auto &ranges = sets[s]->ranges();
      while (nextRange[s] < ranges.size() && ranges[nextRange[s]].last < starts[i])
        ++nextRange[s];
      signature[s] = nextRange[s] < ranges.size() && ranges[nextRange[s]].first <= starts[i];
    }
    auto [it, isNew] = classes.try_emplace(signature, uint8_t(classes.size()));
    if (isNew) {
      if (classes.size() > maxClasses)
        return false;
      members.push_back(std::move(signature));
    }
    char32_t end = i + 1 < starts.size() ? starts[i + 1] : maxCodePoint + 1;
    runs.push_back({starts[i], end - 1});
    runClasses.push_back(it->second);
  }
  return true;
}

std::string Alphabet::bracket(size_t set) const {
  std::string out;
  for (size_t c = 0; c < members.size(); ++c) {
    if (!members[c][set])
      continue;
    constexpr char hex[] = "0123456789ABCDEF";
    out += {'\\', 'x', hex[c >> 4], hex[c & 15]};
  }
  return out.empty() ? "(?:(?!))" : "[" + out + "]"; // an empty set never matches
}

// Whether the pattern is one alternative that begins with a repeated character, as \s+$ is. Then a match never begins
// inside a run of that character, because it could as well begin at the run's first; saying so to PCRE2 keeps the
// search of a long run linear.
bool beginsWithRun(const std::vector<RegexItem> &items) {
  if (items.size() < 2 || items[0].kind != RegexItem::OneOf || items[1].kind != RegexItem::Syntax ||
      items[1].syntax[0] != '+')
    return false;
  int depth = 0;
  for (const RegexItem &item : items) {
    for (char c : item.syntax) {
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      if (c == '|' && depth == 0)
        return false;
    }
  }
  return true;
}

} // namespace

SplitRegex::Scratch::Scratch() : matchData(pcre2_match_data_create(1, nullptr)) {}
SplitRegex::Scratch::~Scratch() { pcre2_match_data_free(static_cast<pcre2_match_data *>(matchData)); }

void SplitRegex::buildClassTable(const std::vector<CodePointSet::Range> &runs, const std::vector<uint8_t> &runClasses) {
  std::map<std::array<uint8_t, 256>, uint16_t> known;
  std::array<int, 256> uniform; // by class: the page that is all of this class, or -1
  uniform.fill(-1);
  std::array<uint8_t, 256> page;
  size_t run = 0;
  for (char32_t first = 0; first <= maxCodePoint; first += 256) {
    run += first > runs[run].last;
    uint8_t runClass = runClasses[run];
    bool isUniform = runs[run].last >= first + 255;
    if (isUniform && uniform[runClass] >= 0) {
      pageOf.push_back(uint16_t(uniform[runClass]));
      continue;
    }
    for (char32_t i = 0; i < 256; ++i) {
      run += first + i > runs[run].last;
      page[i] = runClasses[run];
    }
    auto [it, isNew] = known.try_emplace(page, uint16_t(pages.size()));
    if (isNew)
      pages.push_back(page);
    pageOf.push_back(it->second);
    if (isUniform)
      uniform[runClass] = it->second;
  }
}

StatusOr<SplitRegex> SplitRegex::compile(std::string_view pattern, const std::string &where) {
  DSRT_ASSIGN_OR_RETURN(std::vector<RegexItem> items, parseRegex(pattern, where));
  return compile(items, where);
}

StatusOr<SplitRegex> SplitRegex::literal(std::string_view text, const std::string &where) {
  std::vector<RegexItem> items;
  for (size_t pos = 0; pos < text.size();) {
    Utf8Char c = decodeUtf8(text, pos);
    items.push_back({RegexItem::OneOf, {}, CodePointSet::of(c.codePoint)});
    pos += c.length;
  }
  return compile(items, where);
}

StatusOr<SplitRegex> SplitRegex::compile(const std::vector<RegexItem> &items, const std::string &where) {
  Alphabet alphabet;
  std::vector<size_t> setOf(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].kind == RegexItem::OneOf)
      setOf[i] = alphabet.add(items[i].set);
    if (alphabet.tooLarge())
      return Status::error(where + ": the pattern has more than " + std::to_string(maxSets) + " character sets or " +
                           std::to_string(maxRanges) + " character ranges");
  }
  if (!alphabet.partition())
    return Status::error(where + ": the pattern tells more than " + std::to_string(maxClasses) +
                         " classes of characters apart");
  std::string rewritten;
  if (beginsWithRun(items))
    rewritten = "(?:\\G|(?<!" + alphabet.bracket(setOf[0]) + "))";
  for (size_t i = 0; i < items.size(); ++i)
    rewritten += items[i].kind == RegexItem::OneOf ? alphabet.bracket(setOf[i]) : items[i].syntax;

  int error = 0;
  PCRE2_SIZE errorOffset = 0;
  pcre2_code *code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(rewritten.data()), rewritten.size(), PCRE2_NEVER_UTF,
                                   &error, &errorOffset, nullptr);
  if (!code) {
    char message[256] = "";
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR *>(message), sizeof(message));
    return Status::error(where + ": the pattern cannot be compiled: " + message);
  }
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); // without a JIT, matching is slower but the same

  SplitRegex regex;
  regex.where = where;
  regex.code = std::shared_ptr<void>(code, [](void *p) { pcre2_code_free(static_cast<pcre2_code *>(p)); });
  regex.buildClassTable(alphabet.runs, alphabet.runClasses);
  return regex;
}

Status SplitRegex::findAll(std::string_view text, Scratch &scratch, std::vector<Match> &matches) const {
  assert(text.size() <= UINT32_MAX);
  matches.clear();
  scratch.classes.clear();
  scratch.offsets.clear();
  for (size_t pos = 0; pos < text.size();) {
    Utf8Char c = decodeUtf8(text, pos);
    scratch.classes.push_back(classOf(c.codePoint));
    scratch.offsets.push_back(uint32_t(pos));
    pos += c.length;
  }
  scratch.offsets.push_back(uint32_t(text.size()));

  auto *data = static_cast<pcre2_match_data *>(scratch.matchData);
  const auto *pattern = static_cast<const pcre2_code *>(code.get());
  // PCRE2 wants a pointer even to an empty subject.
  const uint8_t *subject = scratch.classes.empty() ? reinterpret_cast<const uint8_t *>("") : scratch.classes.data();
  size_t length = scratch.classes.size();
  bool any = false;
  for (size_t from = 0, lastEnd = 0; from <= length;) {
    int rc = pcre2_match(pattern, subject, length, from, 0, data, nullptr);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
      rc = pcre2_match(pattern, subject, length, from, PCRE2_NO_JIT, data, nullptr);
    if (rc == PCRE2_ERROR_NOMATCH)
      break;
    if (rc < 0) {
      char message[256] = "";
      pcre2_get_error_message(rc, reinterpret_cast<PCRE2_UCHAR *>(message), sizeof(message));
      return Status::error(where + ": matching a text of " + std::to_string(text.size()) + " bytes failed: " + message);
    }
    const PCRE2_SIZE *found = pcre2_get_ovector_pointer(data);
    size_t begin = found[0], end = found[1];
    if (begin == end && any && lastEnd == end) {
      from = end + 1;
      continue;
    }
    matches.push_back({scratch.offsets[begin], scratch.offsets[end]});
    any = true;
    from = lastEnd = end;
  }
  return {};
}

} // namespace dsrt
