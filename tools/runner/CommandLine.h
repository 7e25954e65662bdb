// Options of a command line: `--name value`, `--name=value`, flags, and positional arguments. Every mistake is an error
// that names the option; --help and --version are understood by every tool.
#pragma once

#include "runtime/core/Status.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dsrt {

class CommandLine {
public:
  // `usage` is the line after "usage: "; `intro` follows it in --help.
  CommandLine(std::string tool, std::string usage, std::string intro);

  // Each writes to `value`, which keeps its default where the option is absent.
  void flag(const char *name, bool &value, const char *help);
  void text(const char *name, const char *metavar, std::string &value, const char *help);
  void texts(const char *name, const char *metavar, std::vector<std::string> &values, const char *help);
  void integer(const char *name, const char *metavar, int64_t &value, int64_t min, int64_t max, const char *help);
  void real(const char *name, const char *metavar, double &value, double min, double max, const char *help);
  // Positional arguments in order of declaration; all must be given.
  void positional(const char *metavar, std::string &value);
  // The last one may be absent.
  void optionalPositional(const char *metavar, std::string &value);
  // A heading for the options that follow, in --help.
  void heading(const char *title);

  // True where the program should go on, false after --help or --version.
  StatusOr<bool> parse(int argc, const char *const *argv) const;
  std::string help() const;

private:
  struct Option {
    std::string name, metavar, help; // a heading has no name
    std::function<Status(const std::string &)> set;
    bool isFlag = false;
  };
  struct Positional {
    std::string metavar;
    std::string *value;
    bool isOptional = false;
  };
  void add(const char *name, const char *metavar, const char *help, std::function<Status(const std::string &)> set);
  std::string tool, usage, intro;
  std::vector<Option> options;
  std::vector<Positional> positionals;
};

// What main returns: `code`, or 1 with the error on stderr.
int exitCode(const std::string &tool, const StatusOr<int> &code);
// "1,2,3" as integers; `what` opens the error.
StatusOr<std::vector<int32_t>> parseTokenList(const std::string &text, const std::string &what);
// A whole string as an integer.
StatusOr<int64_t> parseInteger(const std::string &text, const std::string &what, int64_t min, int64_t max);

} // namespace dsrt
