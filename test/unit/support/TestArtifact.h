// Makes artefacts out of the hand-made shared objects: seals them with size and checksum, replaces their manifest.
#pragma once

#include "runtime/abi/DsrtAbi.h"

#include <string>
#include <string_view>

namespace dsrt::test {

class TestArtifact {
public:
  explicit TestArtifact(const std::string &sharedObject);

  std::string bytes; // not sealed
  // Position of the header and of the manifest within the bytes.
  size_t header = 0, manifest = 0, manifestSize = 0;

  std::string manifestText() const;
  void setManifest(std::string_view json);
  // Replaces `from`, which must occur, in the manifest.
  void replace(std::string_view from, std::string_view to);
  // Fills in size and checksum.
  std::string sealed() const;
  static void seal(std::string &bytes, size_t header);
};

} // namespace dsrt::test
