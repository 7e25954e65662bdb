// The manifest of an artefact (docs/artifact.md), parsed and checked: whoever holds a Manifest may rely on every number
// in it. Buffers are in range, parameters lie within their buffers, kernels lie within the kernel section, and the
// buffers that a model's entries need exist with the dtype and the shape that the entries read.
#pragma once

#include "runtime/core/DType.h"
#include "runtime/core/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dsrt {

enum class BufferRole : uint8_t { Input, Output, Parameter, Derived, Cache, Workspace };
std::string_view bufferRoleName(BufferRole role);

struct BufferInfo {
  std::string name;
  BufferRole role;
  DType dtype;
  std::vector<int64_t> shape;                       // -1 only as the first dimension of a cache: the number of pages
  std::optional<std::pair<int64_t, int64_t>> range; // values of an integer input, both ends included

  bool dependsOnPages() const { return !shape.empty() && shape[0] < 0; }
  int64_t elements(int64_t pages) const;
  int64_t bytes(int64_t pages) const { return elements(pages) * static_cast<int64_t>(dtypeBytes(dtype)); }
};

struct ParameterInfo {
  std::string tensor; // name in the checkpoint
  DType dtype;
  std::vector<int64_t> shape;
  int32_t buffer;
  int64_t offset; // bytes

  int64_t elements() const;
  int64_t bytes() const { return elements() * static_cast<int64_t>(dtypeBytes(dtype)); }
};

enum class EntryKind : uint8_t { Initialize, Prefill, Decode, Function };
std::string_view entryKindName(EntryKind kind);

struct EntryInfo {
  std::string name;
  EntryKind kind;
  int64_t tokens = 0, rows = 0;   // prefill and decode only
  std::optional<double> estimate; // us, the compiler's prediction
  std::vector<std::string> plan;  // kernels with their schedules, of plain functions
};

struct KernelInfo {
  std::string name, symbol;
  uint64_t offset, size; // bytes within the kernel section
  int64_t sharedBytes;   // the most dynamic shared memory of a launch
  int64_t registers;
};

struct ModelInfo {
  int64_t vocabSize, maxContext, pageSize, layers, maxBatch, maxPrefill;
  std::optional<int64_t> bosToken;
  std::vector<int64_t> eosTokens;
  DType activation;

  // Logical pages of the longest sequence: the width of the block table.
  int64_t pagesPerSequence() const { return (maxContext + pageSize - 1) / pageSize; }
};

struct Manifest {
  std::string target; // "cpu" or "sm_90a"
  std::string cpu;    // instruction-set level of the host code
  std::optional<ModelInfo> model;
  std::string config; // the checkpoint's config.json, or empty
  std::vector<BufferInfo> buffers;
  std::vector<ParameterInfo> parameters;
  std::vector<EntryInfo> entries;
  std::vector<KernelInfo> kernels;

  bool isGpu() const { return target != "cpu"; }
  // Compute capability of the target as major * 10 + minor; 0 for the CPU.
  int capability() const;
  // Index, or -1.
  int32_t findBuffer(std::string_view name) const;
  int32_t findEntry(std::string_view name) const;
};

// `where` opens each error message; `kernelBytes` is the size of the artefact's kernel section.
StatusOr<Manifest> parseManifest(std::string_view text, const std::string &where, uint64_t kernelBytes);

// The checks that concern the buffers of a model's entries (ManifestModel.cpp); part of parseManifest.
Status checkModelBuffers(const Manifest &manifest, const std::string &where);

std::string shapeText(const std::vector<int64_t> &shape);

} // namespace dsrt
