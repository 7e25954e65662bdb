// Finding and running ptxas.
#include "lowering/KernelToNvvm/Ptxas.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::deepseek;
using llvm::createStringError;
using llvm::Expected;
using llvm::SmallString;
using llvm::SmallVector;
using llvm::StringRef;

static constexpr llvm::StringLiteral kArchitecture = "sm_90a";
static constexpr unsigned kTimeoutSeconds = 600;

// --- finding it
// --------------------------------------------------------------------------------------------------------------

/// `<prefix>/lib/python3*/site-packages/nvidia/*/bin/ptxas`, in the first directory that has it.
static std::string findInWheels(StringRef prefix) {
  std::error_code error;
  SmallString<128> lib(prefix);
  llvm::sys::path::append(lib, "lib");
  for (llvm::sys::fs::directory_iterator python(lib, error), end; !error && python != end; python.increment(error)) {
    if (!llvm::sys::path::filename(python->path()).starts_with("python3"))
      continue;
    SmallString<128> packages(python->path());
    llvm::sys::path::append(packages, "site-packages", "nvidia");
    std::error_code inner;
    for (llvm::sys::fs::directory_iterator package(packages, inner); !inner && package != end;
         package.increment(inner)) {
      SmallString<128> candidate(package->path());
      llvm::sys::path::append(candidate, "bin", "ptxas");
      if (llvm::sys::fs::can_execute(candidate))
        return std::string(candidate);
    }
  }
  return "";
}

Expected<std::string> deepseek::findPtxas(StringRef option) {
  if (!option.empty()) {
    if (llvm::sys::fs::can_execute(option))
      return option.str();
    return createStringError("ptxas '" + option + "' cannot be executed");
  }
  if (llvm::ErrorOr<std::string> onPath = llvm::sys::findProgramByName("ptxas"))
    return *onPath;
  SmallVector<std::string> toolkits, environments;
  for (const char *variable : {"CUDA_HOME", "CUDA_PATH"})
    if (std::optional<std::string> value = llvm::sys::Process::GetEnv(variable))
      toolkits.push_back(*value);
  toolkits.push_back("/usr/local/cuda");
  for (StringRef toolkit : toolkits)
    if (llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName("ptxas", {(toolkit + "/bin").str()}))
      return *found;
  // build/bin/deepseek-compile: the set-up command keeps its virtual environment in build/venv.
  static int anchor;
  std::string program = llvm::sys::fs::getMainExecutable(nullptr, &anchor);
  environments.push_back((llvm::sys::path::parent_path(llvm::sys::path::parent_path(program)) + "/venv").str());
  if (std::optional<std::string> active = llvm::sys::Process::GetEnv("VIRTUAL_ENV"))
    environments.push_back(*active);
  if (std::optional<std::string> home = llvm::sys::Process::GetEnv("HOME"))
    environments.push_back(*home + "/.local");
  for (StringRef environment : environments)
    if (std::string found = findInWheels(environment); !found.empty())
      return found;
  return createStringError(
      "ptxas was not found: pass --ptxas=PATH, or install the CUDA toolkit 13 or the Python package nvidia-cuda-nvcc");
}

// --- running it
// --------------------------------------------------------------------------------------------------------------

std::string deepseek::complaintsOf(StringRef log) {
  static const llvm::Regex advisory("\\(C75[0-9][0-9]\\)"),
      zero("^ *0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads");
  std::string complaints;
  SmallVector<StringRef> lines;
  log.split(lines, '\n');
  for (StringRef line : lines)
    if (advisory.match(line) || (line.contains("bytes stack frame") && !zero.match(line)))
      complaints += (complaints.empty() ? "" : "; ") + line.trim().str();
  return complaints;
}

static int64_t registersOf(StringRef log) {
  SmallVector<StringRef> groups;
  int64_t registers = 0;
  if (llvm::Regex("Used ([0-9]+) registers").match(log, &groups))
    groups[1].getAsInteger(10, registers);
  return registers;
}

Expected<Cubin> deepseek::assemble(StringRef ptxas, StringRef ptx) {
  SmallString<128> input, output, log;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("kernel", "ptx", input))
    return createStringError(error, "no temporary file could be made for ptxas");
  llvm::scope_exit removeInput([&] { llvm::sys::fs::remove(input); });
  (void)llvm::sys::fs::createTemporaryFile("kernel", "cubin", output);
  llvm::scope_exit removeOutput([&] { llvm::sys::fs::remove(output); });
  (void)llvm::sys::fs::createTemporaryFile("kernel", "log", log);
  llvm::scope_exit removeLog([&] { llvm::sys::fs::remove(log); });
  {
    std::error_code error;
    llvm::raw_fd_ostream file(input, error);
    file << ptx;
    if (error || file.has_error()) {
      file.clear_error();
      return createStringError("the temporary file '" + input + "' could not be written");
    }
  }
  std::string architecture = ("-arch=" + kArchitecture).str(), message;
  int status = llvm::sys::ExecuteAndWait(ptxas, {ptxas, architecture, "-O3", "-v", "-o", output, input}, std::nullopt,
                                         {StringRef(""), StringRef(log), StringRef(log)}, kTimeoutSeconds, 0, &message);
  auto logText = llvm::MemoryBuffer::getFile(log);
  Cubin cubin;
  cubin.log = logText ? (*logText)->getBuffer().str() : "";
  if (status != 0)
    return createStringError("ptxas failed" + (message.empty() ? "" : " (" + message + ")") + ": " +
                             StringRef(cubin.log).trim());
  if (std::string complaints = complaintsOf(cubin.log); !complaints.empty())
    return createStringError("ptxas: " + complaints);
  auto object = llvm::MemoryBuffer::getFile(output, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!object)
    return createStringError("ptxas wrote no cubin");
  cubin.bytes = (*object)->getBuffer().str();
  cubin.registers = registersOf(cubin.log);
  return cubin;
}
