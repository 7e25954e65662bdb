#include "tools/compiler/ArtifactWriter.h"
#include "runtime/abi/DsrtAbi.h"
#include "tools/compiler/Error.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/InterfaceStub/ELFObjHandler.h"
#include "llvm/InterfaceStub/IFSStub.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>

using namespace llvm;
using namespace mlir::deepseek;
using namespace mlir::deepseek::compiler;

/// The C library's part of what compiled code may import; the rest comes from the runner or from libomp.
static bool isLibraryFunction(StringRef name) {
  static const StringSet<> names = {
      "malloc", "free",   "memcpy", "memset", "memmove", "bcmp",   "memcmp",    "aligned_alloc", "sinf",  "cosf",
      "expf",   "exp2f",  "logf",   "log2f",  "powf",    "tanhf",  "erff",      "fmaf",          "fmodf", "sin",
      "cos",    "exp",    "exp2",   "log",    "log2",    "pow",    "roundeven", "roundevenf",    "rintf", "floorf",
      "ceilf",  "truncf", "fmaxf",  "fminf",  "sincosf", "sincos", "abort"};
  return names.contains(name);
}

static bool isRuntimeFunction(StringRef name) {
#define DSRT_FUNCTION(function, result, ...)                                                                           \
  if (name == #function)                                                                                               \
    return true;
#include "runtime/abi/DsrtAbi.def"
#undef DSRT_FUNCTION
  return false;
}

/// What `object` imports from libomp, after checking that the runner can resolve every import.
static Expected<bool> checkImports(ArrayRef<char> object) {
  auto file =
      object::ObjectFile::createELFObjectFile(MemoryBufferRef(StringRef(object.data(), object.size()), "host code"));
  if (!file)
    return file.takeError();
  bool usesOpenMp = false;
  for (object::SymbolRef symbol : (*file)->symbols()) {
    Expected<uint32_t> flags = symbol.getFlags();
    Expected<StringRef> name = symbol.getName();
    if (!flags || !name)
      return joinErrors(flags.takeError(), name.takeError());
    if (!(*flags & object::SymbolRef::SF_Undefined) || name->empty() || *name == "_GLOBAL_OFFSET_TABLE_")
      continue;
    if (name->starts_with("__kmpc_") || name->starts_with("omp_"))
      usesOpenMp = true;
    else if (!isLibraryFunction(*name) && !isRuntimeFunction(*name))
      return makeError("compiled code needs the function '{0}', which neither the runner nor the C library provides",
                       *name);
  }
  return usesOpenMp;
}

static Expected<std::string> findLinker() {
  SmallVector<StringRef> candidates{"ld.lld-" DEEPSEEK_LLVM_VERSION, "ld.lld"};
  for (StringRef name : candidates)
    if (ErrorOr<std::string> path = sys::findProgramByName(name))
      return *path;
  if (ErrorOr<std::string> path = sys::findProgramByName("ld.lld", {DEEPSEEK_LLVM_TOOLS_DIR}))
    return *path;
  return makeError("cannot find ld.lld, which links artefacts: install lld {0}, or put ld.lld on PATH",
                   DEEPSEEK_LLVM_VERSION);
}

/// A library without code for the linker to see, so that the artefact asks for `soname` wherever it is loaded: neither
/// the library nor its path on this machine matters.
static Error writeStub(StringRef path, StringRef soname) {
  ifs::IFSStub stub;
  stub.SoName = soname.str();
  stub.Target.Arch = ELF::EM_X86_64;
  stub.Target.BitWidth = ifs::IFSBitWidthType::IFS64;
  stub.Target.Endianness = ifs::IFSEndiannessType::Little;
  return ifs::writeBinaryStub(path, stub);
}

static Error writeFile(StringRef path, ArrayRef<char> bytes) {
  std::error_code error;
  raw_fd_ostream os(path, error, sys::fs::OF_None);
  if (!error) {
    os.write(bytes.data(), bytes.size());
    os.close();
    error = os.error();
    os.clear_error();
  }
  return error ? makeError("cannot write {0}: {1}", path, error.message()) : Error::success();
}

static Error runLinker(ArrayRef<std::string> arguments, StringRef logPath) {
  SmallVector<StringRef> args(arguments.begin(), arguments.end());
  std::optional<StringRef> redirects[] = {StringRef(""), logPath, logPath};
  std::string message;
  int code = sys::ExecuteAndWait(arguments[0], args, std::nullopt, redirects, 0, 0, &message);
  if (code == 0)
    return Error::success();
  if (auto log = MemoryBuffer::getFile(logPath))
    message += (*log)->getBuffer().trim().split('\n').first;
  return makeError("{0} failed: {1}", arguments[0], message);
}

/// FNV-1a 64.
static uint64_t checksum(StringRef bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char byte : bytes)
    hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

/// Completes the header: file size, and the checksum over the file with the checksum's own bytes zero.
static Error completeHeader(StringRef path) {
  auto file = MemoryBuffer::getFile(path);
  if (!file)
    return makeError("cannot read {0}: {1}", path, file.getError().message());
  auto elf = object::ObjectFile::createELFObjectFile((*file)->getMemBufferRef());
  if (!elf)
    return elf.takeError();
  for (object::SectionRef section : (*elf)->sections()) {
    Expected<StringRef> name = section.getName();
    if (!name)
      return name.takeError();
    if (*name != ".deepseek.header")
      continue;
    Expected<StringRef> contents = section.getContents();
    if (!contents)
      return contents.takeError();
    DsrtHeader header;
    if (contents->size() != sizeof(header))
      return makeError("section .deepseek.header has {0} bytes, expected {1}", contents->size(), sizeof(header));
    std::memcpy(&header, contents->data(), sizeof(header));
    // A copy: the buffer may be a mapping of the file that is written below.
    std::string bytes = (*file)->getBuffer().str();
    size_t place = contents->data() - (*file)->getBufferStart();
    header.fileSize = bytes.size();
    header.checksum = 0;
    std::memcpy(&bytes[place], &header, sizeof(header));
    header.checksum = checksum(bytes);
    std::memcpy(&bytes[place], &header, sizeof(header));
    return writeFile(path, ArrayRef<char>(bytes.data(), bytes.size()));
  }
  return makeError("the linked file has no section .deepseek.header");
}

Error compiler::writeArtifact(ArrayRef<char> object, StringRef path) {
  Expected<bool> usesOpenMp = checkImports(object);
  if (!usesOpenMp)
    return usesOpenMp.takeError();
  Expected<std::string> linker = findLinker();
  if (!linker)
    return linker.takeError();

  SmallString<128> directory;
  if (std::error_code error = sys::fs::createUniqueDirectory("deepseek-link", directory))
    return makeError("cannot make a temporary directory: {0}", error.message());
  scope_exit removeDirectory([&] { sys::fs::remove_directories(directory); });
  auto inDirectory = [&](StringRef name) { return (directory + "/" + name).str(); };
  // The linker's output lies beside the artefact, so that the rename stays within one file system.
  SmallString<128> temporary;
  if (std::error_code error = sys::fs::createUniqueFile(path + ".%%%%%%.tmp", temporary))
    return makeError("cannot write {0}: {1}", path, error.message());
  scope_exit removeTemporary([&] { sys::fs::remove(temporary); });

  std::vector<std::string> arguments{*linker,         "-shared", "--eh-frame-hdr",      "--hash-style=gnu",
                                     "--gc-sections", "-z",      "noexecstack",         "-z",
                                     "now",           "-o",      temporary.str().str(), inDirectory("host.o")};
  if (Error error = writeFile(inDirectory("host.o"), object))
    return error;
  SmallVector<StringRef> libraries{"libm.so.6", "libc.so.6"};
  if (*usesOpenMp)
    libraries.push_back("libomp.so.5");
  for (StringRef library : libraries) {
    if (Error error = writeStub(inDirectory(library), library))
      return error;
    arguments.push_back(inDirectory(library));
  }
  if (Error error = runLinker(arguments, inDirectory("log")))
    return error;
  if (Error error = completeHeader(temporary))
    return error;
  if (std::error_code error = sys::fs::setPermissions(temporary, sys::fs::perms(0755)))
    return makeError("cannot write {0}: {1}", temporary.str(), error.message());
  if (std::error_code error = sys::fs::rename(temporary, path))
    return makeError("cannot rename {0} to {1}: {2}", temporary.str(), path, error.message());
  removeTemporary.release();
  return Error::success();
}
