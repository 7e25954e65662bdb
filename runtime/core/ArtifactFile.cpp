#include "runtime/core/ArtifactFile.h"

#include "runtime/abi/DsrtAbi.h"
#include "runtime/core/ElfReader.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace dsrt {

namespace {
std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof(text), "%016" PRIx64, value);
  return text;
}

Status checkHeader(const MappedFile &file, std::span<const std::byte> section) {
  DsrtHeader header;
  const std::string &path = file.path();
  if (section.size() != sizeof(header))
    return Status::error(path + ": section .deepseek.header has " + std::to_string(section.size()) +
                         " bytes, expected " + std::to_string(sizeof(header)));
  std::memcpy(&header, section.data(), sizeof(header));
  if (std::memcmp(header.magic, DSRT_MAGIC, sizeof(header.magic)) != 0)
    return Status::error(path + " is not an artefact: its header does not start with " DSRT_MAGIC);
  if (header.abiVersion != DSRT_ABI_VERSION)
    return Status::error(path + " was compiled for ABI " + std::to_string(header.abiVersion) +
                         ", this runtime has ABI " + std::to_string(DSRT_ABI_VERSION) + ": compile the model again");
  if (header.fileSize != file.bytes().size())
    return Status::error(path + " has " + std::to_string(file.bytes().size()) + " bytes, its header says " +
                         std::to_string(header.fileSize) + ": truncated or overwritten");
  size_t hole = static_cast<size_t>(section.data() - file.bytes().data()) + offsetof(DsrtHeader, checksum);
  if (uint64_t sum = artifactChecksum(file.bytes(), hole); sum != header.checksum)
    return Status::error(path + " is damaged: its checksum is " + hex(sum) + ", its header says " +
                         hex(header.checksum));
  return Status();
}
} // namespace

uint64_t artifactChecksum(std::span<const std::byte> bytes, size_t hole) {
  uint64_t sum = 0xcbf29ce484222325u;
  auto add = [&](std::span<const std::byte> part) {
    for (std::byte b : part)
      sum = (sum ^ static_cast<uint8_t>(b)) * 0x100000001b3u;
  };
  const std::byte zeros[8] = {};
  add(bytes.subspan(0, hole));
  add(zeros);
  add(bytes.subspan(hole + 8));
  return sum;
}

StatusOr<ArtifactFile> ArtifactFile::open(const std::string &path) {
  DSRT_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  DSRT_ASSIGN_OR_RETURN(ElfReader elf, ElfReader::parse(file.bytes(), path));
  DSRT_ASSIGN_OR_RETURN(auto header, elf.section(".deepseek.header"));
  DSRT_RETURN_IF_ERROR(checkHeader(file, header));
  DSRT_ASSIGN_OR_RETURN(auto text, elf.section(".deepseek.manifest"));
  const auto *found = elf.find(".deepseek.kernels");
  std::span<const std::byte> kernels = found ? *found : std::span<const std::byte>();
  std::string_view json(reinterpret_cast<const char *>(text.data()), text.size());
  DSRT_ASSIGN_OR_RETURN(Manifest manifest, parseManifest(json, path, kernels.size()));
  return ArtifactFile(std::move(file), std::move(manifest), kernels);
}

} // namespace dsrt
