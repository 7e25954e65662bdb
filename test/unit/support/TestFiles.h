// Temporary files for tests; they disappear with the object.
#pragma once

#include <string>
#include <vector>

namespace dsrt::test {

class TemporaryDirectory {
public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  std::string path(const std::string &name) const { return root + "/" + name; }
  const std::string &directory() const { return root; }
  // Writes a file and returns its path.
  std::string write(const std::string &name, const std::string &contents) const;

private:
  std::string root;
};

std::string readFile(const std::string &path);

// The exit code of a shell command and what it printed (both streams).
struct CommandResult {
  int code;
  std::string output;
};
CommandResult runCommand(const std::string &command);

// A safetensors file from a header and its data.
std::string safetensors(const std::string &header, const std::string &data);
template <typename T> std::string rawBytes(const std::vector<T> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

} // namespace dsrt::test
