#include "test/unit/support/TestArtifact.h"

#include "runtime/core/ArtifactFile.h"
#include "runtime/core/ElfReader.h"
#include "test/unit/support/TestFiles.h"

#include <cstring>
#include <gtest/gtest.h>

namespace dsrt::test {

static std::span<const std::byte> asBytes(const std::string &text) {
  return {reinterpret_cast<const std::byte *>(text.data()), text.size()};
}

TestArtifact::TestArtifact(const std::string &sharedObject) : bytes(readFile(sharedObject)) {
  auto elf = ElfReader::parse(asBytes(bytes), sharedObject);
  if (!elf.ok()) {
    ADD_FAILURE() << elf.status().message();
    return;
  }
  auto position = [&](const char *name, size_t &size) {
    auto section = elf->section(name);
    if (!section.ok()) {
      ADD_FAILURE() << section.status().message();
      return size_t(0);
    }
    size = section->size();
    return static_cast<size_t>(section->data() - asBytes(bytes).data());
  };
  size_t headerSize = 0;
  header = position(".deepseek.header", headerSize);
  manifest = position(".deepseek.manifest", manifestSize);
  setManifest(bytes.substr(manifest, std::strlen(bytes.data() + manifest)));
}

std::string TestArtifact::manifestText() const {
  std::string text = bytes.substr(manifest, manifestSize);
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

void TestArtifact::setManifest(std::string_view json) {
  ASSERT_LE(json.size(), manifestSize);
  std::string padded(json);
  padded.resize(manifestSize, ' ');
  bytes.replace(manifest, manifestSize, padded);
}

void TestArtifact::replace(std::string_view from, std::string_view to) {
  std::string text = manifestText();
  size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  setManifest(text.replace(at, from.size(), to));
}

void TestArtifact::seal(std::string &bytes, size_t header) {
  uint64_t size = bytes.size();
  std::memcpy(bytes.data() + header + offsetof(DsrtHeader, fileSize), &size, 8);
  size_t hole = header + offsetof(DsrtHeader, checksum);
  uint64_t sum = artifactChecksum(asBytes(bytes), hole);
  std::memcpy(bytes.data() + hole, &sum, 8);
}

std::string TestArtifact::sealed() const {
  std::string copy = bytes;
  seal(copy, header);
  return copy;
}

} // namespace dsrt::test
