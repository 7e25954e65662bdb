#include "test/unit/support/TestFiles.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/wait.h>

namespace dsrt::test {

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = std::filesystem::temp_directory_path().string() + "/dsrt-test-XXXXXX";
  root = mkdtemp(pattern.data()) ? pattern : ".";
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  if (root != ".")
    std::filesystem::remove_all(root, error);
}

std::string TemporaryDirectory::write(const std::string &name, const std::string &contents) const {
  std::ofstream(path(name), std::ios::binary) << contents;
  return path(name);
}

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

CommandResult runCommand(const std::string &command) {
  CommandResult result{-1, ""};
  FILE *pipe = popen(("(" + command + ") 2>&1").c_str(), "r");
  if (!pipe)
    return result;
  char buffer[4096];
  while (size_t count = std::fread(buffer, 1, sizeof(buffer), pipe))
    result.output.append(buffer, count);
  int status = pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::string safetensors(const std::string &header, const std::string &data) {
  uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

} // namespace dsrt::test
