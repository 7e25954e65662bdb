#include "runtime/text/Unicode.h"

#include <gtest/gtest.h>

using namespace dsrt;

TEST(Utf8, EveryCodePointSurvives) {
  for (char32_t c = 0; c <= maxCodePoint; ++c) {
    if (c >= 0xD800 && c < 0xE000)
      continue;
    std::string text;
    appendUtf8(text, c);
    Utf8Char decoded = decodeUtf8(text, 0);
    ASSERT_EQ(decoded.codePoint, c);
    ASSERT_EQ(decoded.length, text.size());
    ASSERT_EQ(findInvalidUtf8(text), std::string::npos);
  }
}

// Overlong forms, surrogates, code points that are too large, and lone continuation bytes.
TEST(Utf8, FindsIllFormedBytes) {
  for (const char *bad : {"\xC0\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8",
                          "\xFF", "\x80", "\xE4\xB8", "\xC3"})
    EXPECT_EQ(findInvalidUtf8(std::string("ab") + bad), 2u) << testing::PrintToString(bad);
}

// One U+FFFD for each longest beginning of a character, as Rust and Python replace.
TEST(Utf8, ReplacesIllFormedParts) {
  EXPECT_EQ(toValidUtf8("a\xE4\xB8z"), "a\uFFFDz");
  EXPECT_EQ(toValidUtf8("\xF0\x9F\x98"), "\uFFFD");
  EXPECT_EQ(toValidUtf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(toValidUtf8("\xC3\xA9\xC3"), "\u00e9\uFFFD");
}

TEST(CodePointSet, SetAlgebra) {
  CodePointSet a = CodePointSet::ofRanges({{'d', 'f'}, {'a', 'b'}, {'c', 'c'}, {'x', 'z'}});
  EXPECT_EQ(a.ranges(), (std::vector<CodePointSet::Range>{{'a', 'f'}, {'x', 'z'}}));
  EXPECT_EQ(~~a, a);
  EXPECT_EQ((a & ~a).ranges().size(), 0u);
  EXPECT_EQ(a | ~a, CodePointSet::ofRange(0, maxCodePoint));
  EXPECT_EQ(a & CodePointSet::ofRange('e', 'y'), CodePointSet::ofRanges({{'e', 'f'}, {'x', 'y'}}));
  EXPECT_TRUE(a.contains('a') && a.contains('f') && a.contains('z'));
  EXPECT_FALSE(a.contains('g') || a.contains('w') || a.contains(0));
}

TEST(Classes, AreThoseOfTheReference) {
  EXPECT_TRUE(generalCategory("Lu")->contains(U'\u1C89')); // assigned in Unicode 16
  EXPECT_TRUE(generalCategory("N")->contains(U'½'));
  EXPECT_FALSE(generalCategory("Nd")->contains(U'½'));
  EXPECT_TRUE(generalCategory("Cn")->contains(U'\u0378'));
  EXPECT_FALSE(generalCategory("Latin"));
  EXPECT_FALSE(generalCategory("X"));
  EXPECT_FALSE(generalCategory(""));
  // The reference mixes libraries: these differ between them.
  EXPECT_TRUE(numericSet().contains(0x11DE0));
  EXPECT_FALSE(generalCategory("N")->contains(0x11DE0));
  EXPECT_TRUE(onigurumaWordSet().contains(U'²') && !rustWordSet().contains(U'²'));
  EXPECT_TRUE(rustWordSet().contains(0x200D) && !onigurumaWordSet().contains(0x200D));
  EXPECT_TRUE(whiteSpaceSet().contains(0x85) && !whiteSpaceSet().contains(0x200B));
}
