#include "tools/runner/CommandLine.h"

#include "runtime/abi/DsrtAbi.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace dsrt {

CommandLine::CommandLine(std::string tool, std::string usage, std::string intro)
    : tool(std::move(tool)), usage(std::move(usage)), intro(std::move(intro)) {}

void CommandLine::add(const char *name, const char *metavar, const char *help,
                      std::function<Status(const std::string &)> set) {
  options.push_back({name, metavar, help, std::move(set)});
}

void CommandLine::heading(const char *title) { options.push_back({"", "", title, nullptr}); }

void CommandLine::flag(const char *name, bool &value, const char *help) {
  add(name, "", help, [&value](const std::string &) {
    value = true;
    return Status();
  });
  options.back().isFlag = true;
}

void CommandLine::text(const char *name, const char *metavar, std::string &value, const char *help) {
  add(name, metavar, help, [&value](const std::string &given) {
    value = given;
    return Status();
  });
}

void CommandLine::texts(const char *name, const char *metavar, std::vector<std::string> &values, const char *help) {
  add(name, metavar, help, [&values](const std::string &given) {
    values.push_back(given);
    return Status();
  });
}

void CommandLine::integer(const char *name, const char *metavar, int64_t &value, int64_t min, int64_t max,
                          const char *help) {
  std::string option = std::string("--") + name;
  add(name, metavar, help, [&value, option, min, max](const std::string &given) -> Status {
    DSRT_ASSIGN_OR_RETURN(value, parseInteger(given, option, min, max));
    return Status();
  });
}

void CommandLine::real(const char *name, const char *metavar, double &value, double min, double max, const char *help) {
  std::string option = std::string("--") + name;
  add(name, metavar, help, [&value, option, min, max](const std::string &given) -> Status {
    char *end = nullptr;
    double number = std::strtod(given.c_str(), &end);
    if (given.empty() || *end || !(number >= min && number <= max)) {
      char range[80];
      std::snprintf(range, sizeof(range), "%g to %g", min, max);
      return Status::error(option + " must be a number from " + range + ", got '" + given + "'");
    }
    value = number;
    return Status();
  });
}

void CommandLine::positional(const char *metavar, std::string &value) { positionals.push_back({metavar, &value}); }

void CommandLine::optionalPositional(const char *metavar, std::string &value) {
  positionals.push_back({metavar, &value, /*isOptional=*/true});
}

StatusOr<bool> CommandLine::parse(int argc, const char *const *argv) const {
  size_t nextPositional = 0;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--help") {
      std::fputs(help().c_str(), stdout);
      return false;
    }
    if (argument == "--version") {
      std::printf("%s, artefact ABI %d\n", tool.c_str(), DSRT_ABI_VERSION);
      return false;
    }
    if (argument.compare(0, 2, "--") != 0) {
      if (nextPositional == positionals.size())
        return Status::error("unexpected argument '" + argument + "'; see --help");
      *positionals[nextPositional++].value = argument;
      continue;
    }
    size_t equals = argument.find('=');
    std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    const Option *option = nullptr;
    for (const Option &candidate : options)
      if (!candidate.name.empty() && candidate.name == name)
        option = &candidate;
    if (!option)
      return Status::error("unknown option --" + name + "; see --help");
    if (option->isFlag && equals != std::string::npos)
      return Status::error("option --" + name + " takes no value");
    std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
    if (!option->isFlag && equals == std::string::npos) {
      if (++i == argc)
        return Status::error("option --" + name + " needs a value");
      value = argv[i];
    }
    DSRT_RETURN_IF_ERROR(option->set(value));
  }
  if (nextPositional < positionals.size() && !positionals[nextPositional].isOptional)
    return Status::error("no " + positionals[nextPositional].metavar + " given; see --help");
  return true;
}

std::string CommandLine::help() const {
  std::string out = "usage: " + usage + "\n" + intro + "\n";
  for (const Option &option : options) {
    if (option.name.empty()) {
      out += "\n" + option.help + "\n";
      continue;
    }
    std::string left = "  --" + option.name + (option.metavar.empty() ? "" : " " + option.metavar);
    left.resize(std::max<size_t>(left.size() + 2, 30), ' ');
    out += left + option.help + "\n";
  }
  return out + "\n  --help, --version\n";
}

StatusOr<int64_t> parseInteger(const std::string &text, const std::string &what, int64_t min, int64_t max) {
  errno = 0;
  char *end = nullptr;
  long long number = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end || errno || number < min || number > max)
    return Status::error(what + " must be an integer from " + std::to_string(min) + " to " + std::to_string(max) +
                         ", got '" + text + "'");
  return static_cast<int64_t>(number);
}

int exitCode(const std::string &tool, const StatusOr<int> &code) {
  if (code.ok())
    return *code;
  std::fprintf(stderr, "%s: error: %s\n", tool.c_str(), code.status().message().c_str());
  return 1;
}

StatusOr<std::vector<int32_t>> parseTokenList(const std::string &text, const std::string &what) {
  std::vector<int32_t> tokens;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    DSRT_ASSIGN_OR_RETURN(int64_t token, parseInteger(text.substr(begin, end - begin), what, 0, INT32_MAX));
    tokens.push_back(static_cast<int32_t>(token));
    begin = end + 1;
  }
  return tokens;
}

} // namespace dsrt
