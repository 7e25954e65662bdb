// An artefact that has been read and checked, and of which nothing has been executed: ELF sections, header (magic, ABI
// version, file size, checksum), manifest.
#pragma once

#include "runtime/core/Manifest.h"
#include "runtime/core/MappedFile.h"
#include "runtime/core/Status.h"

#include <cstddef>
#include <span>
#include <string>

namespace dsrt {

class ArtifactFile {
public:
  static StatusOr<ArtifactFile> open(const std::string &path);

  const std::string &path() const { return file.path(); }
  const Manifest &manifest() const { return contents; }
  // The cubins; empty for the CPU target.
  std::span<const std::byte> kernels() const { return kernelSection; }

private:
  ArtifactFile(MappedFile file, Manifest manifest, std::span<const std::byte> kernels)
      : file(std::move(file)), contents(std::move(manifest)), kernelSection(kernels) {}
  MappedFile file;
  Manifest contents;
  std::span<const std::byte> kernelSection;
};

// FNV-1a 64 over `bytes`, with the eight bytes at `hole` taken as zero.
uint64_t artifactChecksum(std::span<const std::byte> bytes, size_t hole);

} // namespace dsrt
