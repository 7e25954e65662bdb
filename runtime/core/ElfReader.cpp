#include "runtime/core/ElfReader.h"

#include <cstring>
#include <elf.h>

namespace dsrt {

namespace {
#if defined(__x86_64__)
constexpr Elf64_Half hostMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half hostMachine = EM_AARCH64;
#else
#error "artefacts are defined for 64-bit little-endian hosts only"
#endif

// The range [offset, offset + size) of `bytes`, or nothing where it does not lie within.
std::optional<std::span<const std::byte>> slice(std::span<const std::byte> bytes, uint64_t offset, uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset)
    return std::nullopt;
  return bytes.subspan(offset, size);
}

// The zero-terminated string at `offset` of a string table, or nothing where it does not end within.
std::optional<std::string_view> stringAt(std::span<const std::byte> table, uint64_t offset) {
  if (offset >= table.size())
    return std::nullopt;
  const char *begin = reinterpret_cast<const char *>(table.data()) + offset;
  const void *end = std::memchr(begin, 0, table.size() - offset);
  if (!end)
    return std::nullopt;
  return std::string_view(begin, static_cast<const char *>(end) - begin);
}

Status checkIdentity(const Elf64_Ehdr &header, const std::string &file) {
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return Status::error(file + " is not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_DYN)
    return Status::error(file + " is not a 64-bit little-endian ELF shared object");
  if (header.e_machine != hostMachine)
    return Status::error(file + " is for ELF machine " + std::to_string(header.e_machine) + ", this host is machine " +
                         std::to_string(hostMachine));
  return Status();
}
} // namespace

StatusOr<ElfReader> ElfReader::parse(std::span<const std::byte> bytes, std::string file) {
  Elf64_Ehdr header;
  if (bytes.size() < sizeof(header))
    return Status::error(file + " has " + std::to_string(bytes.size()) + " bytes, too few for an ELF file");
  std::memcpy(&header, bytes.data(), sizeof(header));
  DSRT_RETURN_IF_ERROR(checkIdentity(header, file));

  auto table = slice(bytes, header.e_shoff, uint64_t(header.e_shnum) * sizeof(Elf64_Shdr));
  if (!table || header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum == 0 || header.e_shstrndx >= header.e_shnum)
    return Status::error(file + " is truncated or damaged: its section headers should be at byte " +
                         std::to_string(header.e_shoff) + " of " + std::to_string(bytes.size()));
  std::vector<Elf64_Shdr> headers(header.e_shnum);
  std::memcpy(headers.data(), table->data(), table->size());
  auto names = slice(bytes, headers[header.e_shstrndx].sh_offset, headers[header.e_shstrndx].sh_size);
  if (!names)
    return Status::error(file + " is truncated or damaged: its section names lie outside the file");

  ElfReader reader;
  for (const Elf64_Shdr &section : headers) {
    auto name = stringAt(*names, section.sh_name);
    bool hasContents = section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL;
    auto contents = slice(bytes, hasContents ? section.sh_offset : 0, hasContents ? section.sh_size : 0);
    if (!name || !contents)
      return Status::error(file + " is truncated or damaged: a section lies outside the file");
    reader.sections.push_back({*name, *contents});
  }
  reader.file = std::move(file);
  return reader;
}

const std::span<const std::byte> *ElfReader::find(std::string_view name) const {
  for (const Section &section : sections)
    if (section.name == name)
      return &section.contents;
  return nullptr;
}

StatusOr<std::span<const std::byte>> ElfReader::section(std::string_view name) const {
  if (const auto *contents = find(name))
    return *contents;
  return Status::error(file + " is not an artefact: it has no section " + std::string(name));
}

} // namespace dsrt
