#include "tools/runner/CommandLine.h"
#include "tools/runner/Watchdog.h"
#include "tools/runner/WriteFile.h"

#include "test/unit/support/TestFiles.h"

#include <filesystem>
#include <gtest/gtest.h>

using namespace dsrt;
using namespace dsrt::test;

namespace {
struct Parsed {
  std::string model, text;
  std::vector<std::string> many;
  int64_t number = 7;
  double real = 0.5;
  bool flag = false;
  Status status;

  explicit Parsed(std::vector<const char *> arguments) {
    CommandLine line("tool", "tool MODEL", "Does things.");
    line.positional("model", model);
    line.text("text", "T", text, "a text");
    line.texts("many", "T", many, "texts");
    line.integer("number", "N", number, 1, 10, "a number");
    line.real("real", "R", real, 0, 1, "a real");
    line.flag("flag", flag, "a flag");
    arguments.insert(arguments.begin(), "tool");
    status = line.parse(static_cast<int>(arguments.size()), arguments.data()).status();
  }
  std::string error() const { return status.ok() ? "" : status.message(); }
};

TEST(CommandLine, ReadsBothSpellings) {
  Parsed p({"--text", "a=b", "m.so", "--number=3", "--many=x", "--many", "y", "--flag", "--real", "0.25"});
  EXPECT_EQ(p.error(), "");
  EXPECT_EQ(p.model, "m.so");
  EXPECT_EQ(p.text, "a=b");
  EXPECT_EQ(p.number, 3);
  EXPECT_EQ(p.many, (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(p.flag);
  EXPECT_EQ(p.real, 0.25);
}

TEST(CommandLine, NamesTheMistake) {
  EXPECT_EQ(Parsed({}).error(), "no model given; see --help");
  EXPECT_EQ(Parsed({"m", "n"}).error(), "unexpected argument 'n'; see --help");
  EXPECT_EQ(Parsed({"m", "--nonsense=3"}).error(), "unknown option --nonsense; see --help");
  EXPECT_EQ(Parsed({"m", "--"}).error(), "unknown option --; see --help");
  EXPECT_EQ(Parsed({"m", "--text"}).error(), "option --text needs a value");
  EXPECT_EQ(Parsed({"m", "--flag=1"}).error(), "option --flag takes no value");
  EXPECT_EQ(Parsed({"m", "--number", "11"}).error(), "--number must be an integer from 1 to 10, got '11'");
  EXPECT_EQ(Parsed({"m", "--number", "3x"}).error(), "--number must be an integer from 1 to 10, got '3x'");
  EXPECT_EQ(Parsed({"m", "--number="}).error(), "--number must be an integer from 1 to 10, got ''");
  EXPECT_EQ(Parsed({"m", "--real", "nan"}).error(), "--real must be a number from 0 to 1, got 'nan'");
}

TEST(CommandLine, TokenLists) {
  EXPECT_EQ(*parseTokenList("1,2,33", "t"), (std::vector<int32_t>{1, 2, 33}));
  EXPECT_EQ(parseTokenList("1,,2", "t").status().message(), "t must be an integer from 0 to 2147483647, got ''");
  EXPECT_FALSE(parseTokenList("", "t").ok());
  EXPECT_FALSE(parseTokenList("1,2,", "t").ok());
  EXPECT_FALSE(parseTokenList("-1", "t").ok());
  EXPECT_FALSE(parseTokenList("99999999999999999999", "t").ok());
}

TEST(WriteFile, ReplacesWholeFilesOnly) {
  TemporaryDirectory directory;
  std::string path = directory.write("a", "old");
  ASSERT_TRUE(writeFile(path, "new").ok());
  EXPECT_EQ(readFile(path), "new");
  Status status = writeFile(directory.path("missing/a"), "x");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "cannot write " + directory.path("missing/a") + ": No such file or directory");
  size_t files = 0;
  for ([[maybe_unused]] auto &entry : std::filesystem::directory_iterator(directory.directory()))
    ++files;
  EXPECT_EQ(files, 1u); // no temporary file is left
}

TEST(Watchdog, LeavesAnEntryThatFinishesAlone) {
  Watchdog watchdog("tool", 0.3);
  for (int i = 0; i < 5; ++i) {
    watchdog.begin("entry");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  watchdog.end();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
}
} // namespace
