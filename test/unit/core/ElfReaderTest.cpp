#include "runtime/core/ElfReader.h"

#include "test/unit/support/TestFiles.h"

#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>

using namespace dsrt;
using namespace dsrt::test;

namespace {
StatusOr<ElfReader> parse(const std::string &bytes) {
  return ElfReader::parse({reinterpret_cast<const std::byte *>(bytes.data()), bytes.size()}, "file.so");
}

TEST(ElfReader, FindsSections) {
  std::string bytes = readFile(FakeModel_FILE);
  auto elf = parse(bytes);
  ASSERT_TRUE(elf.ok()) << elf.status().message();
  ASSERT_TRUE(elf->section(".deepseek.header").ok());
  EXPECT_EQ(0, std::memcmp(elf->section(".deepseek.header")->data(), "DSRTART", 8));
  EXPECT_EQ(elf->section(".nothing").status().message(), "file.so is not an artefact: it has no section .nothing");
}

TEST(ElfReader, RefusesWhatIsNoSharedObject) {
  EXPECT_EQ(parse("").status().message(), "file.so has 0 bytes, too few for an ELF file");
  EXPECT_EQ(parse(std::string(100, 'x')).status().message(), "file.so is not an ELF file");
  std::string bytes = readFile(FakeModel_FILE);
  bytes[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(parse(bytes).status().message(), "file.so is not a 64-bit little-endian ELF shared object");
  bytes = readFile(FakeModel_FILE);
  bytes[offsetof(Elf64_Ehdr, e_machine)] = EM_386;
  EXPECT_NE(parse(bytes).status().message().find("ELF machine 3"), std::string::npos);
}

// Cut anywhere, the file gives an error or, past its last section, is still whole; the reader never runs off its end
// (the sanitizers watch).
TEST(ElfReader, SurvivesTruncationAnywhere) {
  std::string bytes = readFile(FakeModel_FILE);
  for (size_t size = 0; size < bytes.size(); size += size < 256 ? 1 : 97)
    EXPECT_FALSE(parse(bytes.substr(0, size)).ok()) << size;
}

// Every byte of the ELF header and of the section headers, set to extremes.
TEST(ElfReader, SurvivesCorruptHeaders) {
  const std::string good = readFile(FakeModel_FILE);
  Elf64_Ehdr header;
  std::memcpy(&header, good.data(), sizeof(header));
  auto corrupt = [&](size_t at) {
    for (char value : {'\0', '\1', '\x7f', '\xff'}) {
      std::string bytes = good;
      bytes[at] = value;
      (void)parse(bytes).ok();
    }
  };
  for (size_t i = 0; i < sizeof(header); ++i)
    corrupt(i);
  for (size_t i = 0; i < header.e_shnum * sizeof(Elf64_Shdr); ++i)
    corrupt(header.e_shoff + i);
}
} // namespace
