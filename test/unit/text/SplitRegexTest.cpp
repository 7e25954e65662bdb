#include "runtime/text/SplitRegex.h"

#include <chrono>
#include <gtest/gtest.h>

using namespace dsrt;

static std::vector<std::string> matches(std::string_view pattern, std::string_view text) {
  StatusOr<SplitRegex> regex = SplitRegex::compile(pattern, "test");
  if (!regex.ok())
    return {"error: " + regex.status().message()};
  SplitRegex::Scratch scratch;
  std::vector<SplitRegex::Match> found;
  EXPECT_TRUE(regex->findAll(text, scratch, found).ok());
  std::vector<std::string> out;
  for (SplitRegex::Match match : found)
    out.emplace_back(text.substr(match.begin, match.end - match.begin));
  return out;
}

static std::string errorOf(std::string_view pattern) {
  StatusOr<SplitRegex> regex = SplitRegex::compile(pattern, "test");
  return regex.ok() ? "no error" : regex.status().message();
}

using Strings = std::vector<std::string>;

TEST(SplitRegex, PropertiesAndClasses) {
  EXPECT_EQ(matches(R"(\p{L}+)", "añb 中x1"), (Strings{"añb", "中x"}));
  EXPECT_EQ(matches(R"([^\s\p{L}\p{N}]+)", "a!? ½_"), (Strings{"!?", "_"}));
  EXPECT_EQ(matches(R"(\p{N}{1,3})", "12345٣"), (Strings{"123", "45٣"}));
  EXPECT_EQ(matches("[一-龥]+", "a漢字b"), (Strings{"漢字"}));
  EXPECT_EQ(matches(R"([a-z&&[^aeiou]]+)", "street"), (Strings{"str", "t"}));
  EXPECT_EQ(matches(R"([\-\]a]+)", "x]-a"), (Strings{"]-a"}));
  EXPECT_EQ(matches(R"(\x41|\x{4e00}|\u00e9|\.)", "A一é.b"), (Strings{"A", "一", "é", "."}));
}

// ^ and $ are those of lines, and the last line may lack its newline.
TEST(SplitRegex, Anchors) {
  EXPECT_EQ(matches("^b", "b\nb\n"), (Strings{"b", "b"}));
  EXPECT_EQ(matches(R"(\s+$)", "a  \n b  "), (Strings{"  ", "  "}));
  EXPECT_EQ(matches(R"(\Ab)", "b\nb"), (Strings{"b"}));
  EXPECT_EQ(matches(R"(b\z)", "b\nb"), (Strings{"b"}));
  EXPECT_EQ(matches(R"(b\Z)", "b\nb\n"), (Strings{"b"}));
  EXPECT_EQ(matches(R"(\bé+)", "aé é"), (Strings{"é"}));
}

TEST(SplitRegex, GroupsAndQuantifiers) {
  EXPECT_EQ(matches("(a|b)+c?", "abcab"), (Strings{"abc", "ab"}));
  EXPECT_EQ(matches("a{2}", "aaaaa"), (Strings{"aa", "aa"}));
  EXPECT_EQ(matches("a{,2}b", "aaab"), (Strings{"aab"}));
  EXPECT_EQ(matches("a+?", "aa"), (Strings{"a", "a"}));
  EXPECT_EQ(matches("a++a", "aaa"), Strings{});
  EXPECT_EQ(matches("(?<=x)a(?!b)", "xab xac"), (Strings{"a"}));
  EXPECT_EQ(matches("a{", "a{"), (Strings{"a{"}));
}

TEST(SplitRegex, EmptyMatchesMoveOn) {
  EXPECT_EQ(matches("x*", "axb"), (Strings{"", "x", ""}));
  EXPECT_EQ(matches("", ""), (Strings{""}));
}

TEST(SplitRegex, RefusesByName) {
  EXPECT_EQ(errorOf(R"(a\1)"), R"(test: unsupported escape '\1' at byte 1 of pattern 'a\1')");
  EXPECT_EQ(errorOf("(?i:a)"), "test: unsupported group '(?i:' at byte 0 of pattern '(?i:a)'");
  EXPECT_EQ(errorOf(R"(\p{Han})"),
            R"(test: unsupported property '\p{Han}' (only general categories such as L or Nd are) )"
            R"(at byte 0 of pattern '\p{Han}')");
  EXPECT_EQ(errorOf("a)"), "test: unmatched ')' at byte 1 of pattern 'a)'");
  EXPECT_EQ(errorOf("(a"), "test: unmatched '(' at byte 2 of pattern '(a'");
  EXPECT_EQ(errorOf("[a"), "test: unmatched '[' at byte 0 of pattern '[a'");
  EXPECT_EQ(errorOf("[z-a]"), "test: invalid range in a bracket expression at byte 1 of pattern '[z-a]'");
  EXPECT_EQ(errorOf("*a"), "test: '*' has nothing to repeat at byte 0 of pattern '*a'");
  EXPECT_EQ(errorOf("a**"), "test: unsupported quantifier on a quantifier at byte 2 of pattern 'a**'");
  EXPECT_EQ(errorOf("a{2000}"), "test: repeat count above 1000 at byte 1 of pattern 'a{2000}'");
  EXPECT_EQ(errorOf("\xff"), "test: invalid UTF-8 at byte 0 of pattern '\uFFFD'");
  EXPECT_EQ(errorOf("[[:alpha:]]"), "test: unsupported POSIX bracket at byte 1 of pattern '[[:alpha:]]'");
  EXPECT_NE(errorOf(R"((?<=a+)b)").find("cannot be compiled"), std::string::npos);
  EXPECT_NE(errorOf(std::string(1 << 17, 'a')).find("131072 bytes, expected at most 65536"), std::string::npos);
  EXPECT_NE(errorOf(std::string(200, '(')).find("nest deeper than 100"), std::string::npos);
  EXPECT_NE(errorOf(std::string(50, '[')).find("nest deeper than 16"), std::string::npos);
}

TEST(SplitRegex, RefusesTooManyClasses) {
  std::string pattern;
  for (char32_t c = 0x4E00; c < 0x4F80; ++c)
    appendUtf8(pattern, c);
  EXPECT_NE(errorOf(pattern).find("more than 256 classes"), std::string::npos);
}

// \s+$ over spaces that do not end a line: from each start, a matcher that does not know better runs over all the rest.
TEST(SplitRegex, LongRunsTakeLinearTime) {
  std::string text(400000, ' ');
  text += 'x';
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(matches(R"(\s+$)", text), Strings{});
  EXPECT_EQ(matches(R"(\s+$)", text + std::string(1000, ' ')), (Strings{std::string(1000, ' ')}));
  // Quadratic time would be minutes.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}
