#include "runtime/text/RegexParser.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace dsrt {
namespace {

constexpr size_t maxPatternBytes = 1 << 16;
constexpr int maxClassDepth = 16;
constexpr int maxGroupDepth = 100;
constexpr uint32_t maxRepeat = 1000;

CodePointSet newline() { return CodePointSet::of('\n'); }

class Parser {
public:
  Parser(std::string_view pattern, const std::string &where) : text(pattern), where(where) {}
  StatusOr<std::vector<RegexItem>> parse();

private:
  // One member of a bracket expression, or an escape: a single character can begin a range, a set cannot.
  struct Atom {
    CodePointSet set;
    std::optional<char32_t> single;
  };

  bool atEnd() const { return pos >= text.size(); }
  bool take(std::string_view token) {
    if (text.substr(pos, token.size()) != token)
      return false;
    pos += token.size();
    return true;
  }
  char32_t next() {
    Utf8Char c = decodeUtf8(text, pos);
    pos += c.length;
    return c.codePoint;
  }
  Status fail(size_t at, const std::string &what) const {
    return Status::error(where + ": " + what + " at byte " + std::to_string(at) + " of pattern '" + shortPattern() +
                         "'");
  }
  std::string shortPattern() const {
    return toValidUtf8(text.size() > 80 ? std::string(text.substr(0, 77)) + "..." : std::string(text));
  }

  void syntax(std::string s) {
    if (!items.empty() && items.back().kind == RegexItem::Syntax)
      items.back().syntax += s;
    else
      items.push_back({RegexItem::Syntax, std::move(s), {}});
  }
  void oneOf(CodePointSet set) { items.push_back({RegexItem::OneOf, {}, std::move(set)}); }

  Status parsePiece();
  Status parseGroup();
  Status parseAnchor(char c);
  Status parseQuantifier();
  bool takeInterval(std::string &out, Status &status);
  StatusOr<Atom> parseEscape(bool inClass);
  StatusOr<Atom> parseCodePoint(size_t start, char kind);
  StatusOr<Atom> parseProperty(size_t start, bool negated);
  StatusOr<CodePointSet> parseClass(int depth);
  StatusOr<Atom> parseClassAtom(int depth);

  std::string_view text;
  const std::string &where;
  size_t pos = 0;
  std::vector<RegexItem> items;
  // Whether each open group may be repeated (a lookaround may not).
  std::vector<bool> groups;
  bool repeatable = false; // whether a quantifier may follow what was just read
};

StatusOr<std::vector<RegexItem>> Parser::parse() {
  if (text.size() > maxPatternBytes)
    return Status::error(where + ": pattern has " + std::to_string(text.size()) + " bytes, expected at most " +
                         std::to_string(maxPatternBytes));
  if (size_t bad = findInvalidUtf8(text); bad != std::string_view::npos)
    return fail(bad, "invalid UTF-8");
  while (!atEnd())
    DSRT_RETURN_IF_ERROR(parsePiece());
  if (!groups.empty())
    return fail(pos, "unmatched '('");
  return std::move(items);
}

Status Parser::parsePiece() {
  size_t start = pos;
  char c = text[pos];
  switch (c) {
  case '(':
    return parseGroup();
  case ')':
    if (groups.empty())
      return fail(pos, "unmatched ')'");
    ++pos;
    syntax(")");
    repeatable = groups.back();
    groups.pop_back();
    return parseQuantifier();
  case '|':
    ++pos;
    syntax("|");
    repeatable = false;
    return {};
  case '^':
  case '$':
    ++pos;
    return parseAnchor(c);
  case '.':
    ++pos;
    oneOf(~newline());
    break;
  case '[': {
    ++pos;
    DSRT_ASSIGN_OR_RETURN(CodePointSet set, parseClass(0));
    oneOf(std::move(set));
    break;
  }
  case '*':
  case '+':
  case '?':
    return fail(pos, std::string("'") + c + "' has nothing to repeat");
  case '\\':
    if (pos + 1 < text.size() && std::string_view("AzZbB").find(text[pos + 1]) != std::string_view::npos) {
      pos += 2;
      return parseAnchor(text[pos - 1]);
    } else {
      DSRT_ASSIGN_OR_RETURN(Atom atom, parseEscape(/*inClass=*/false));
      oneOf(std::move(atom.set));
    }
    break;
  case '{': {
    std::string interval;
    Status status;
    if (takeInterval(interval, status))
      return fail(start, "a repeat count has nothing to repeat");
    DSRT_RETURN_IF_ERROR(status);
    [[fallthrough]]; // a brace that does not form a count is itself
  }
  default:
    oneOf(CodePointSet::of(next()));
  }
  repeatable = true;
  return parseQuantifier();
}

Status Parser::parseGroup() {
  size_t start = pos;
  bool canRepeat = true;
  if (take("(?=") || take("(?!") || take("(?<=") || take("(?<!")) {
    syntax(std::string(text.substr(start, pos - start)));
    canRepeat = false;
  } else if (take("(?>")) {
    syntax("(?>");
  } else if (take("(?:") || !text.substr(pos).starts_with("(?")) {
    if (pos == start)
      ++pos; // a capture group: nothing here reads captures
    syntax("(?:");
  } else {
    return fail(start, "unsupported group '" + toValidUtf8(text.substr(start, 4)) + "'");
  }
  if (groups.size() >= maxGroupDepth)
    return fail(start, "groups nest deeper than " + std::to_string(maxGroupDepth));
  groups.push_back(canRepeat);
  repeatable = false;
  return {};
}

// Positions are spelled out with lookarounds, because Oniguruma's ^ and $ are those of lines, and its word is
// Unicode's.
Status Parser::parseAnchor(char c) {
  const CodePointSet &word = onigurumaWordSet();
  switch (c) {
  case 'A':
    syntax("\\A");
    break;
  case 'z':
    syntax("\\z");
    break;
  case 'Z':
    syntax("(?=(?:"), oneOf(newline()), syntax(")?\\z)");
    break;
  case '^':
    syntax("(?:\\A|(?<="), oneOf(newline()), syntax(")(?!\\z))");
    break;
  case '$':
    syntax("(?=\\z|"), oneOf(newline()), syntax(")");
    break;
  case 'b':
    syntax("(?:(?<="), oneOf(word), syntax(")(?!"), oneOf(word), syntax(")|(?<!"), oneOf(word), syntax(")(?="),
        oneOf(word), syntax("))");
    break;
  case 'B':
    syntax("(?:(?<="), oneOf(word), syntax(")(?="), oneOf(word), syntax(")|(?<!"), oneOf(word), syntax(")(?!"),
        oneOf(word), syntax("))");
    break;
  }
  repeatable = false;
  return {};
}

// Takes "{n}", "{n,}", "{,m}" or "{n,m}" and writes it as PCRE2 reads it; false for a brace that is none of these.
bool Parser::takeInterval(std::string &out, Status &status) {
  size_t start = pos;
  auto number = [&](size_t &at) -> std::optional<uint32_t> {
    uint32_t value = 0;
    size_t begin = at;
    for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])); ++at)
      value = std::min(value * 10 + uint32_t(text[at] - '0'), maxRepeat + 1);
    return at == begin ? std::nullopt : std::optional(value);
  };
  if (atEnd() || text[pos] != '{')
    return false;
  size_t at = pos + 1;
  std::optional<uint32_t> low = number(at), high = low;
  bool comma = at < text.size() && text[at] == ',';
  if (comma) {
    ++at;
    high = number(at);
  }
  if (at >= text.size() || text[at] != '}' || (!low && !high))
    return false;
  if (low.value_or(0) > maxRepeat || high.value_or(0) > maxRepeat)
    status = fail(start, "repeat count above " + std::to_string(maxRepeat));
  else if (low && high && *low > *high)
    status = fail(start, "repeat count with its bounds reversed");
  pos = at + 1;
  out = "{" + std::to_string(low.value_or(0)) + (comma ? "," : "") + (comma && high ? std::to_string(*high) : "") + "}";
  return status.ok();
}

Status Parser::parseQuantifier() {
  if (atEnd())
    return {};
  size_t start = pos;
  std::string quantifier;
  Status status;
  bool interval = takeInterval(quantifier, status);
  DSRT_RETURN_IF_ERROR(status);
  if (!interval) {
    if (std::string_view("*+?").find(text[pos]) == std::string_view::npos)
      return {};
    quantifier = text[pos++];
  }
  if (!repeatable)
    return fail(start, "'" + quantifier + "' has nothing to repeat");
  // After a count, Oniguruma and PCRE2 disagree on what '+' means, and on '?' after an exact count.
  if (!atEnd() && (text[pos] == '?' || text[pos] == '+')) {
    if (interval && (text[pos] == '+' || quantifier.find(',') == std::string::npos))
      return fail(start, std::string("unsupported '") + text[pos] + "' after a repeat count");
    quantifier += text[pos++];
  }
  if (!atEnd() && std::string_view("*+?").find(text[pos]) != std::string_view::npos)
    return fail(pos, "unsupported quantifier on a quantifier");
  size_t before = pos;
  std::string second;
  bool another = takeInterval(second, status);
  DSRT_RETURN_IF_ERROR(status);
  if (another)
    return fail(before, "unsupported quantifier on a quantifier");
  syntax(quantifier);
  repeatable = false;
  return {};
}

StatusOr<Parser::Atom> Parser::parseEscape(bool inClass) {
  size_t start = pos++;
  if (atEnd())
    return fail(start, "'\\' ends the pattern");
  auto single = [](char32_t c) { return Atom{CodePointSet::of(c), c}; };
  auto setOrComplement = [](const CodePointSet &set, bool negated) { return Atom{negated ? ~set : set, {}}; };
  char32_t c = next();
  switch (c) {
  case 't':
    return single('\t');
  case 'n':
    return single('\n');
  case 'r':
    return single('\r');
  case 'f':
    return single('\f');
  case 'v':
    return single('\v');
  case 'a':
    return single('\a');
  case 'e':
    return single(0x1B);
  case 'x':
  case 'u':
    return parseCodePoint(start, char(c));
  case 'd':
  case 'D':
    return setOrComplement(*generalCategory("Nd"), c == 'D');
  case 'w':
  case 'W':
    return setOrComplement(onigurumaWordSet(), c == 'W');
  case 's':
  case 'S':
    return setOrComplement(whiteSpaceSet(), c == 'S');
  case 'h':
  case 'H':
    return setOrComplement(CodePointSet::ofRanges({{'0', '9'}, {'A', 'F'}, {'a', 'f'}}), c == 'H');
  case 'p':
  case 'P':
    return parseProperty(start, c == 'P');
  case 'b':
    if (inClass)
      return single('\b');
    break;
  default:
    // Punctuation and everything outside ASCII stands for itself.
    if (c >= 0x80 || !std::isalnum(static_cast<unsigned char>(c)))
      return single(c);
  }
  return fail(start, "unsupported escape '\\" + std::string(1, char(c)) + "'");
}

// \xHH, \x{H...} or \uHHHH.
StatusOr<Parser::Atom> Parser::parseCodePoint(size_t start, char kind) {
  bool braces = kind == 'x' && take("{");
  size_t most = braces ? 8 : kind == 'x' ? 2 : 4;
  char32_t value = 0;
  size_t digits = 0;
  for (; digits < most && !atEnd() && std::isxdigit(static_cast<unsigned char>(text[pos])); ++digits, ++pos)
    value = value * 16 + char32_t(std::isdigit(static_cast<unsigned char>(text[pos])) ? text[pos] - '0'
                                                                                      : (text[pos] | 0x20) - 'a' + 10);
  bool complete = braces ? digits > 0 && take("}") : digits == most;
  // Oniguruma reads \x80 and above, without braces, as a byte of UTF-8.
  if (!complete || value > maxCodePoint || (value >= 0xD800 && value < 0xE000) ||
      (kind == 'x' && !braces && value > 127))
    return fail(start, "unsupported escape '" + toValidUtf8(text.substr(start, pos - start)) + "'");
  return Atom{CodePointSet::of(value), value};
}

// \p{Lu}, \p{^Lu} or \P{Lu}, of general categories only.
StatusOr<Parser::Atom> Parser::parseProperty(size_t start, bool negated) {
  if (!take("{"))
    return fail(start, "expected '{' after '\\p'");
  negated ^= take("^");
  size_t end = text.find('}', pos);
  if (end == std::string_view::npos)
    return fail(start, "expected '}' after '\\p{'");
  std::string name(text.substr(pos, end - pos));
  pos = end + 1;
  // Oniguruma ignores case here.
  for (size_t i = 0; i < name.size(); ++i)
    name[i] = char(i == 0 ? std::toupper(static_cast<unsigned char>(name[i]))
                          : std::tolower(static_cast<unsigned char>(name[i])));
  std::optional<CodePointSet> set = generalCategory(name);
  if (!set)
    return fail(start, "unsupported property '" + toValidUtf8(text.substr(start, pos - start)) +
                           "' (only general categories such as L or Nd are)");
  return Atom{negated ? ~*set : *set, {}};
}

// The bracket expression whose '[' was just read, up to and including its ']'.
StatusOr<CodePointSet> Parser::parseClass(int depth) {
  size_t start = pos - 1;
  if (depth >= maxClassDepth)
    return fail(start, "bracket expressions nest deeper than " + std::to_string(maxClassDepth));
  bool negated = take("^");
  std::vector<CodePointSet::Range> ranges;
  std::optional<CodePointSet> intersection;
  auto add = [&](const CodePointSet &set) { ranges.insert(ranges.end(), set.ranges().begin(), set.ranges().end()); };
  auto close = [&] {
    CodePointSet set = CodePointSet::ofRanges(std::move(ranges));
    ranges.clear();
    return intersection ? *intersection & set : set;
  };
  for (bool first = true;; first = false) {
    if (atEnd())
      return fail(start, "unmatched '['");
    if (!first && take("]"))
      break;
    if (first && text[pos] == ']')
      return fail(pos, "unsupported ']' as the first character of a bracket expression");
    if (take("&&")) {
      intersection = close();
      continue;
    }
    size_t at = pos;
    DSRT_ASSIGN_OR_RETURN(Atom atom, parseClassAtom(depth));
    bool range = text.substr(pos).starts_with("-") && pos + 1 < text.size() && text[pos + 1] != ']';
    if (!range) {
      add(atom.set);
      continue;
    }
    ++pos;
    DSRT_ASSIGN_OR_RETURN(Atom last, parseClassAtom(depth));
    if (!atom.single || !last.single || *atom.single > *last.single)
      return fail(at, "invalid range in a bracket expression");
    ranges.push_back({*atom.single, *last.single});
    if (text.substr(pos).starts_with("-") && !text.substr(pos).starts_with("-]"))
      return fail(pos, "unsupported '-' after a range in a bracket expression");
  }
  CodePointSet set = close();
  return negated ? ~set : set;
}

StatusOr<Parser::Atom> Parser::parseClassAtom(int depth) {
  if (atEnd())
    return fail(pos, "unmatched '['");
  if (take("[")) {
    if (!atEnd() && (text[pos] == ':' || text[pos] == '.' || text[pos] == '='))
      return fail(pos - 1, "unsupported POSIX bracket");
    DSRT_ASSIGN_OR_RETURN(CodePointSet set, parseClass(depth + 1));
    return Atom{std::move(set), {}};
  }
  if (text[pos] == '\\')
    return parseEscape(/*inClass=*/true);
  char32_t c = next();
  return Atom{CodePointSet::of(c), c};
}

} // namespace

StatusOr<std::vector<RegexItem>> parseRegex(std::string_view pattern, const std::string &where) {
  return Parser(pattern, where).parse();
}

} // namespace dsrt
