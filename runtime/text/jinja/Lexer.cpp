#include "runtime/text/jinja/Lexer.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace dsrt::jinja {

bool isPythonSpace(char32_t c) { return (c >= 0x1C && c <= 0x1F) || whiteSpaceSet().contains(c); }

std::string_view stripLeft(std::string_view text) {
  while (!text.empty()) {
    Utf8Char c = decodeUtf8(text, 0);
    if (!isPythonSpace(c.codePoint))
      break;
    text.remove_prefix(c.length);
  }
  return text;
}

std::string_view stripRight(std::string_view text) {
  while (!text.empty()) {
    size_t last = text.size() - 1;
    while ((static_cast<unsigned char>(text[last]) & 0xC0) == 0x80)
      --last;
    if (!isPythonSpace(decodeUtf8(text, last).codePoint))
      break;
    text = text.substr(0, last);
  }
  return text;
}

namespace {

constexpr size_t maxTemplateBytes = 1 << 20;

// One kind of newline, and none at the end.
std::string normalizeNewlines(std::string_view source) {
  std::string out;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r')
      i += source.substr(i + 1).starts_with('\n');
    out += source[i] == '\r' ? '\n' : source[i];
  }
  if (out.ends_with('\n'))
    out.pop_back();
  return out;
}

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }

class Lexer {
public:
  Lexer(std::string source, const std::string &where) : source(std::move(source)), where(where) {}
  StatusOr<std::vector<Token>> run();

private:
  Status fail(const std::string &what) const { return Status::error(where + ":" + std::to_string(line) + ": " + what); }
  std::string_view rest() const { return std::string_view(source).substr(pos); }
  void advance(size_t count) {
    line += int(std::count(source.begin() + ptrdiff_t(pos), source.begin() + ptrdiff_t(pos + count), '\n'));
    pos += count;
  }
  void push(Token::Kind kind, std::string text = {}) { tokens.push_back({kind, line, std::move(text)}); }

  void pushText(std::string_view text, char sign, bool isVariable);
  // Consumes the end of a tag of `close` ("%}"), with its sign and the white space that it takes.
  void closeTag(std::string_view close, bool trims);
  Status lexRaw();
  Status lexComment();
  Status lexTag(bool isVariable);
  Status lexString();
  Status lexNumber();

  std::string source;
  const std::string &where;
  size_t pos = 0;
  int line = 1;
  bool lineStart = true; // whether what came before the current text ended a line
  std::vector<Token> tokens;
};

// The text before a tag whose opening has the given sign ('-', '+' or 0).
void Lexer::pushText(std::string_view text, char sign, bool isVariable) {
  std::string_view kept = text;
  if (sign == '-') {
    kept = stripRight(text);
  } else if (sign != '+' && !isVariable) {
    size_t lineBegin = text.rfind('\n') + 1; // 0 where there is no newline
    if ((lineBegin > 0 || lineStart) && stripLeft(text.substr(lineBegin)).empty())
      kept = text.substr(0, lineBegin);
  }
  if (!kept.empty())
    push(Token::Text, std::string(kept));
}

void Lexer::closeTag(std::string_view close, bool trims) {
  size_t start = pos;
  char sign = rest()[0];
  advance(close.size() + (sign == '-' || sign == '+'));
  if (sign == '-')
    advance(rest().size() - stripLeft(rest()).size());
  else if (sign != '+' && trims && rest().starts_with('\n'))
    advance(1);
  lineStart = pos > start && source[pos - 1] == '\n';
}

// Where `text` has, at `at`, a sign or none and then `close`: the end of that, or npos.
size_t matchClose(std::string_view text, size_t at, std::string_view close) {
  size_t signEnd = at + (at < text.size() && (text[at] == '-' || text[at] == '+'));
  return text.substr(std::min(signEnd, text.size())).starts_with(close) ? signEnd + close.size() : std::string::npos;
}

Status Lexer::lexComment() {
  size_t start = 2 + (rest().size() > 2 && (rest()[2] == '-' || rest()[2] == '+'));
  size_t end = rest().find("#}", start);
  if (end == std::string_view::npos)
    return fail("a comment is not closed");
  advance(end - (end > start && (rest()[end - 1] == '-' || rest()[end - 1] == '+')));
  closeTag("#}", /*trims=*/true);
  return {};
}

// Whether `text` begins with {%, a sign or none, `name` and %}; its length, and the signs on both sides.
struct BareTag {
  size_t length = 0;
  char openSign = 0;
  size_t closeAt = 0; // offset of the closing sign or %}
};
BareTag matchBareTag(std::string_view text, std::string_view name) {
  if (!text.starts_with("{%"))
    return {};
  BareTag tag;
  size_t at = 2;
  if (at < text.size() && (text[at] == '-' || text[at] == '+'))
    tag.openSign = text[at++];
  at = text.size() - stripLeft(text.substr(at)).size();
  if (!text.substr(at).starts_with(name))
    return {};
  at = text.size() - stripLeft(text.substr(at + name.size())).size();
  size_t end = matchClose(text, at, "%}");
  if (end == std::string::npos)
    return {};
  tag.length = end;
  tag.closeAt = at;
  return tag;
}

// A raw block, from its {% raw %} on.
Status Lexer::lexRaw() {
  BareTag open = matchBareTag(rest(), "raw");
  advance(open.closeAt);
  closeTag("%}", /*trims=*/false);
  for (size_t at = pos; (at = source.find("{%", at)) != std::string::npos; ++at) {
    BareTag close = matchBareTag(std::string_view(source).substr(at), "endraw");
    if (!close.length)
      continue;
    pushText(rest().substr(0, at - pos), close.openSign, /*isVariable=*/false);
    advance(at - pos + close.closeAt);
    closeTag("%}", /*trims=*/true);
    return {};
  }
  return fail("a raw block is not closed");
}

Status Lexer::lexString() {
  char quote = source[pos];
  size_t end = pos + 1;
  while (end < source.size() && source[end] != quote)
    end += source[end] == '\\' ? 2 : 1;
  if (end >= source.size())
    return fail("a string is not closed");
  std::string_view raw = std::string_view(source).substr(pos + 1, end - pos - 1);
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      text += raw[i];
      continue;
    }
    char c = raw[++i];
    static constexpr std::string_view letters = "nrtabfv\\'\"", meanings = "\n\r\t\a\b\f\v\\'\"";
    if (size_t known = letters.find(c); known != std::string_view::npos) {
      text += meanings[known];
    } else if (c == '\n') {
      // a backslash at the end of a line joins it with the next
    } else if (c == 'x' || c == 'u' || c == 'U') {
      size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      uint32_t value = 0;
      const char *first = raw.data() + i + 1, *last = first + std::min(digits, raw.size() - i - 1);
      auto [stop, error] = std::from_chars(first, last, value, 16);
      if (size_t(stop - first) != digits || error != std::errc() || value > maxCodePoint ||
          (value >= 0xD800 && value < 0xE000))
        return fail(std::string("invalid escape '\\") + c + "' in a string");
      appendUtf8(text, value);
      i += digits;
    } else if (c >= '0' && c <= '7') {
      char32_t value = 0;
      size_t stop = std::min(i + 3, raw.size());
      for (; i < stop && raw[i] >= '0' && raw[i] <= '7'; ++i)
        value = value * 8 + char32_t(raw[i] - '0');
      --i;
      appendUtf8(text, value);
    } else if (c == 'N') {
      return fail("unsupported escape '\\N' in a string");
    } else {
      text += {'\\', c}; // as in Python, an unknown escape stays as it is
    }
  }
  push(Token::String, std::move(text));
  advance(end + 1 - pos);
  return {};
}

Status Lexer::lexNumber() {
  size_t end = pos;
  auto digits = [&] {
    while (end < source.size() && isDigit(source[end]))
      ++end;
  };
  digits();
  bool isFloat = false;
  if (end + 1 < source.size() && source[end] == '.' && isDigit(source[end + 1])) {
    isFloat = true;
    ++end;
    digits();
  }
  if (size_t exponent = end + 1; end < source.size() && (source[end] == 'e' || source[end] == 'E')) {
    exponent += exponent < source.size() && (source[exponent] == '+' || source[exponent] == '-');
    if (exponent < source.size() && isDigit(source[exponent])) {
      isFloat = true;
      end = exponent;
      digits();
    }
  }
  std::string text = source.substr(pos, end - pos);
  if ((end < source.size() && (isNameStart(source[end]) || isDigit(source[end]))) ||
      (!isFloat && text.size() > 1 && text[0] == '0'))
    return fail("unsupported number '" + text + source[std::min(end, source.size() - 1)] + "'");
  push(isFloat ? Token::Float : Token::Integer, text);
  std::errc error = isFloat ? std::from_chars(text.data(), text.data() + text.size(), tokens.back().number).ec
                            : std::from_chars(text.data(), text.data() + text.size(), tokens.back().integer).ec;
  if (error != std::errc())
    return fail("number " + text + " is out of range");
  advance(end - pos);
  return {};
}

// From {{ or {% to its end.
Status Lexer::lexTag(bool isVariable) {
  std::string_view close = isVariable ? "}}" : "%}";
  push(isVariable ? Token::VariableBegin : Token::BlockBegin);
  advance(2 + (rest().size() > 2 && (rest()[2] == '-' || rest()[2] == '+')));
  std::string brackets; // the closing brackets still expected
  while (true) {
    advance(rest().size() - stripLeft(rest()).size());
    if (rest().empty())
      return fail(std::string("a tag is not closed, expected '") + std::string(close) + "'");
    // Inside brackets, }} closes two of them. A variable's end takes no '+'.
    if (brackets.empty() && matchClose(source, pos, close) != std::string::npos && !(isVariable && rest()[0] == '+')) {
      push(isVariable ? Token::VariableEnd : Token::BlockEnd);
      closeTag(close, /*trims=*/!isVariable);
      return {};
    }
    char c = source[pos];
    if (c == '\'' || c == '"') {
      DSRT_RETURN_IF_ERROR(lexString());
    } else if (isDigit(c)) {
      DSRT_RETURN_IF_ERROR(lexNumber());
    } else if (isNameStart(c)) {
      size_t end = pos;
      while (end < source.size() && (isNameStart(source[end]) || isDigit(source[end])))
        ++end;
      push(Token::Name, source.substr(pos, end - pos));
      advance(end - pos);
    } else {
      static constexpr std::string_view operators[] = {"//", "**", "==", "!=", "<=", ">=", "+", "-", "*",
                                                       "/",  "%",  "~",  "<",  ">",  "=",  "(", ")", "[",
                                                       "]",  "{",  "}",  ",",  ":",  ".",  "|", ";"};
      auto it = std::find_if(std::begin(operators), std::end(operators),
                             [&](std::string_view op) { return rest().starts_with(op); });
      if (it == std::end(operators))
        return fail("unexpected character '" + std::string(rest().substr(0, decodeUtf8(source, pos).length)) + "'");
      if (c == '(' || c == '[' || c == '{')
        brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
      if (c == ')' || c == ']' || c == '}') {
        if (brackets.empty() || brackets.back() != c)
          return fail(std::string("unexpected '") + c + "'");
        brackets.pop_back();
      }
      push(Token::Operator, std::string(*it));
      advance(it->size());
    }
  }
}

StatusOr<std::vector<Token>> Lexer::run() {
  while (!rest().empty()) {
    size_t open = 0;
    while ((open = rest().find('{', open)) != std::string_view::npos) {
      std::string_view two = rest().substr(open, 2);
      if (two == "{{" || two == "{%" || two == "{#")
        break;
      ++open;
    }
    if (open == std::string_view::npos) {
      push(Token::Text, std::string(rest()));
      break;
    }
    char kind = rest()[open + 1];
    char sign = open + 2 < rest().size() ? rest()[open + 2] : 0;
    pushText(rest().substr(0, open), sign, kind == '{');
    advance(open);
    if (kind == '#')
      DSRT_RETURN_IF_ERROR(lexComment());
    else if (kind == '%' && matchBareTag(rest(), "raw").length)
      DSRT_RETURN_IF_ERROR(lexRaw());
    else
      DSRT_RETURN_IF_ERROR(lexTag(kind == '{'));
  }
  push(Token::End);
  return std::move(tokens);
}

} // namespace

StatusOr<std::vector<Token>> tokenize(std::string_view source, const std::string &where) {
  if (source.size() > maxTemplateBytes)
    return Status::error(where + " has " + std::to_string(source.size()) + " bytes, expected at most " +
                         std::to_string(maxTemplateBytes));
  if (size_t bad = findInvalidUtf8(source); bad != std::string_view::npos)
    return Status::error(where + " is not UTF-8 at byte " + std::to_string(bad));
  return Lexer(normalizeNewlines(source), where).run();
}

} // namespace dsrt::jinja
