#include "tools/deepseek-bench/KernelBench.h"

#include "runtime/core/JsonFields.h"
#include "runtime/graph/CudaGraph.h"
#include "runtime/weights/SafetensorsReader.h"
#include "tools/deepseek-bench/Measure.h"
#include "tools/deepseek-bench/ReadStream.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace dsrt {

namespace {
using Bytes = std::vector<char>;

bool isRead(BufferRole role) {
  return role == BufferRole::Input || role == BufferRole::Parameter || role == BufferRole::Cache;
}

uint64_t hashName(const std::string &name) {
  uint64_t sum = 0xcbf29ce484222325u;
  for (char c : name)
    sum = (sum ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return sum;
}

// Whether a buffer may be the entry's: it is not named after another one.
bool belongsTo(const Manifest &manifest, const BufferInfo &buffer, const std::string &entry) {
  size_t dot = buffer.name.rfind('.');
  std::string owner = dot == std::string::npos ? "" : buffer.name.substr(0, dot);
  return owner == entry || manifest.findEntry(owner) < 0;
}

// "name dtype [shape]", then a line for each row of the last dimension. Five digits: what float32 arithmetic in another
// order leaves unchanged.
std::string valuesText(const BufferInfo &buffer, int64_t pages, const Bytes &bytes) {
  std::vector<int64_t> shape = buffer.shape;
  if (buffer.dependsOnPages())
    shape[0] = pages;
  std::string out = buffer.name + " " + std::string(dtypeName(buffer.dtype)) + " " + shapeText(shape) + "\n";
  size_t count = bytes.size() / dtypeBytes(buffer.dtype);
  size_t columns = shape.empty() ? 1 : static_cast<size_t>(std::max<int64_t>(shape.back(), 1));
  for (size_t i = 0; i < count; ++i) {
    char text[32];
    double value = loadElement(buffer.dtype, bytes.data(), i);
    value = std::isnan(value) ? std::fabs(value) : value; // no "-nan"
    std::snprintf(text, sizeof(text), isFloat(buffer.dtype) ? "%.5g" : "%.0f", value);
    out += (i % columns == 0 ? "" : " ") + std::string(text) + ((i + 1) % columns == 0 ? "\n" : "");
  }
  return out;
}

// The values of each input, made once and given to both programs.
class Inputs {
public:
  static StatusOr<Inputs> create(const Program &program, const KernelBenchOptions &options) {
    Inputs inputs;
    std::optional<SafetensorsReader> file;
    if (!options.inputFile.empty()) {
      DSRT_ASSIGN_OR_RETURN(SafetensorsReader reader, SafetensorsReader::open(options.inputFile));
      file.emplace(std::move(reader));
    }
    for (const BufferInfo &buffer : program.manifest().buffers) {
      if (!isRead(buffer.role) || !belongsTo(program.manifest(), buffer, options.entry))
        continue;
      Bytes bytes(static_cast<size_t>(buffer.bytes(options.pages)));
      const SafetensorsEntry *given = file ? file->find(buffer.name) : nullptr;
      if (given)
        DSRT_RETURN_IF_ERROR(copyGiven(*file, *given, buffer, options.pages, bytes));
      else
        DSRT_RETURN_IF_ERROR(generate(buffer, options, bytes));
      inputs.values[buffer.name] = std::move(bytes);
    }
    for (auto &[name, distribution] : options.inputs)
      if (program.manifest().findBuffer(name) < 0 && !inputs.values.count(options.entry + "." + name))
        return Status::error(program.path() + " has no input '" + name + "'");
    return inputs;
  }

  // Writes them into a program's buffers, which must be the same.
  Status write(Program &program) const {
    for (auto &[name, bytes] : values) {
      int32_t buffer = program.manifest().findBuffer(name);
      if (buffer < 0 || program.bufferBytes(buffer) != static_cast<int64_t>(bytes.size()))
        return Status::error(program.path() + " has no input '" + name + "' of " + std::to_string(bytes.size()) +
                             " bytes, as the other artefact has");
      DSRT_RETURN_IF_ERROR(program.memory().write(program.address(buffer), bytes.data(), bytes.size()));
    }
    return Status();
  }

private:
  static Status copyGiven(const SafetensorsReader &file, const SafetensorsEntry &entry, const BufferInfo &buffer,
                          int64_t pages, Bytes &bytes) {
    std::vector<int64_t> shape = buffer.shape;
    if (buffer.dependsOnPages())
      shape[0] = pages;
    if (entry.dtype != buffer.dtype || entry.shape != shape)
      return Status::error(file.path() + ": tensor '" + entry.name + "' is " + entry.dtypeName + " " +
                           shapeText(entry.shape) + ", the artefact's input is " +
                           std::string(dtypeName(buffer.dtype)) + " " + shapeText(shape));
    std::memcpy(bytes.data(), file.data(entry).data(), bytes.size());
    return Status();
  }

  static Status generate(const BufferInfo &buffer, const KernelBenchOptions &options, Bytes &bytes) {
    auto given = options.inputs.find(buffer.name);
    if (std::string prefix = options.entry + "."; buffer.name.compare(0, prefix.size(), prefix) == 0)
      if (auto shortName = options.inputs.find(buffer.name.substr(prefix.size())); shortName != options.inputs.end())
        given = shortName;
    Distribution distribution = given == options.inputs.end() ? Distribution() : given->second;
    if (buffer.range && !distribution.range)
      distribution.range = {static_cast<double>(buffer.range->first), static_cast<double>(buffer.range->second)};
    bool needsRange = buffer.dtype == DType::I32 || buffer.dtype == DType::I64;
    if (needsRange && !distribution.range)
      return Status::error("input '" + buffer.name + "' holds integers: give --range " + buffer.name +
                           "=LOWEST:HIGHEST or --inputs FILE");
    fillRandom({buffer.dtype, bytes.data(), static_cast<size_t>(buffer.elements(options.pages))}, distribution,
               options.seed ^ hashName(buffer.name));
    return Status();
  }
  std::map<std::string, Bytes> values;
};

// Inputs in place, everything else poisoned; then one call. An entry may write to its inputs (a cache), so they are
// written before every call whose results count.
Status runOnce(Program &program, int32_t entry, const Inputs &inputs, EntryObserver *observer) {
  for (BufferRole role : {BufferRole::Output, BufferRole::Workspace, BufferRole::Derived})
    DSRT_RETURN_IF_ERROR(program.poison(role));
  DSRT_RETURN_IF_ERROR(inputs.write(program));
  for (size_t i = 0; i < program.manifest().entries.size(); ++i)
    if (program.manifest().entries[i].kind == EntryKind::Initialize)
      DSRT_RETURN_IF_ERROR(program.call(static_cast<int32_t>(i)));
  DSRT_RETURN_IF_ERROR(program.memory().synchronize());
  if (observer)
    observer->begin(program.manifest().entries[entry].name + " of " + program.path());
  DSRT_RETURN_IF_ERROR(program.call(entry));
  DSRT_RETURN_IF_ERROR(program.memory().synchronize());
  if (observer)
    observer->end();
  return Status();
}

StatusOr<Bytes> readBuffer(Program &program, int32_t buffer) {
  Bytes bytes(static_cast<size_t>(program.bufferBytes(buffer)));
  DSRT_RETURN_IF_ERROR(program.memory().read(bytes.data(), program.address(buffer), bytes.size()));
  return bytes;
}

// Outputs, and caches, which entries write too.
std::vector<int32_t> writtenBuffers(const Program &program, const std::string &entry) {
  std::vector<int32_t> found;
  for (size_t i = 0; i < program.manifest().buffers.size(); ++i) {
    const BufferInfo &buffer = program.manifest().buffers[i];
    bool isWritten = buffer.role == BufferRole::Output || buffer.role == BufferRole::Cache;
    if (isWritten && belongsTo(program.manifest(), buffer, entry))
      found.push_back(static_cast<int32_t>(i));
  }
  return found;
}

OutputComparison compareOutput(const BufferInfo &buffer, const Bytes &got, const Bytes &want, double tolerance) {
  OutputComparison result;
  result.name = buffer.name;
  result.dtype = buffer.dtype;
  result.elements = static_cast<int64_t>(got.size() / dtypeBytes(buffer.dtype));
  result.tolerance = !isFloat(buffer.dtype) ? 0 : tolerance > 0 ? tolerance : defaultTolerance(buffer.dtype);
  auto isPoison = [](const Bytes &bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\xff'; });
  };
  if (buffer.role == BufferRole::Output && !want.empty() && isPoison(want) && isPoison(got)) {
    result.isUntouched = true;
    return result;
  }
  double difference = 0, norm = 0;
  for (size_t i = 0; i < static_cast<size_t>(result.elements); ++i) {
    double g = loadElement(buffer.dtype, got.data(), i), w = loadElement(buffer.dtype, want.data(), i);
    if (!isFloat(buffer.dtype) ? g != w : !(std::isfinite(g) && std::isfinite(w)) && g != w) {
      ++result.mismatches; // infinities of the same sign are equal; masks are made of them
      continue;
    }
    if (g == w && !std::isfinite(g))
      continue;
    difference += (g - w) * (g - w);
    norm += w * w;
    result.maxError = std::max(result.maxError, std::fabs(g - w));
  }
  result.relativeError = difference == 0 ? 0 : std::sqrt(difference) / std::max(std::sqrt(norm), 1e-30);
  return result;
}

StatusOr<double> timeRuns(Program &program, int32_t entry, const KernelBenchOptions &options, EntryObserver *observer) {
  const Device *device = program.device();
  std::optional<CudaGraph> graph;
  if (device && options.useGraph) {
    DSRT_ASSIGN_OR_RETURN(CudaGraph captured, CudaGraph::capture(*device, [&] { return program.call(entry); }));
    graph.emplace(std::move(captured));
  }
  std::optional<ReadStream> unread;
  if (options.cold) {
    if (!device)
      return Status::error("--cold empties the cache of a GPU; " + program.path() + " is for the CPU");
    DSRT_ASSIGN_OR_RETURN(ReadStream stream, ReadStream::create(device->index()));
    unread.emplace(std::move(stream));
  }
  auto before = [&](int64_t) -> Status {
    if (unread)
      DSRT_RETURN_IF_ERROR(unread->run(device->stream()));
    if (observer)
      observer->begin(options.entry + " of " + program.path());
    return Status();
  };
  auto after = [&]() -> Status {
    if (observer)
      observer->end();
    return Status();
  };
  DSRT_ASSIGN_OR_RETURN(
      std::vector<double> times,
      timeCalls(device, options.repeat, before, [&] { return graph ? graph->launch() : program.call(entry); }, after));
  return median(times);
}

StatusOr<int32_t> findEntry(const Program &program, const std::string &name) {
  int32_t entry = program.manifest().findEntry(name);
  if (entry < 0) {
    std::string known;
    for (const EntryInfo &candidate : program.manifest().entries)
      known += (known.empty() ? "" : ", ") + candidate.name;
    return Status::error(program.path() + " has no entry '" + name + "', it has " + (known.empty() ? "none" : known));
  }
  return entry;
}

Status allocate(Program &program, int64_t pages) {
  DSRT_RETURN_IF_ERROR(program.allocateBuffers());
  return program.bytesPerPage() ? program.allocateCache(pages) : Status();
}

Status compareOutputs(Program &program, Program &reference, double tolerance, KernelBenchReport &report) {
  for (int32_t buffer : writtenBuffers(program, report.entry)) {
    const BufferInfo &info = program.manifest().buffers[buffer];
    int32_t other = reference.manifest().findBuffer(info.name);
    if (other < 0 || reference.manifest().buffers[other].dtype != info.dtype ||
        reference.bufferBytes(other) != program.bufferBytes(buffer))
      return Status::error(reference.path() + " has no output '" + info.name + "' of dtype " +
                           std::string(dtypeName(info.dtype)) + " and " + std::to_string(program.bufferBytes(buffer)) +
                           " bytes, as " + program.path() + " has");
    DSRT_ASSIGN_OR_RETURN(Bytes got, readBuffer(program, buffer));
    DSRT_ASSIGN_OR_RETURN(Bytes want, readBuffer(reference, other));
    report.outputs.push_back(compareOutput(info, got, want, tolerance));
  }
  return Status();
}

int64_t bytesMoved(const Program &program, const KernelBenchOptions &options) {
  if (options.bytes > 0)
    return options.bytes;
  int64_t bytes = 0;
  const Manifest &manifest = program.manifest();
  for (size_t i = 0; i < manifest.buffers.size(); ++i) {
    const BufferInfo &buffer = manifest.buffers[i];
    bool isOwn = buffer.name.compare(0, options.entry.size() + 1, options.entry + ".") == 0;
    if ((isOwn || manifest.entries.size() == 1) && (isRead(buffer.role) || buffer.role == BufferRole::Output))
      bytes += program.bufferBytes(static_cast<int32_t>(i));
  }
  return bytes;
}
} // namespace

double defaultTolerance(DType type) {
  switch (type) {
  case DType::F16:
    return 0x1p-10;
  case DType::BF16:
    return 0x1p-7;
  case DType::F8E4M3:
    return 0x1p-3;
  default:
    return 1e-5;
  }
}

bool OutputComparison::passes() const { return isUntouched || (mismatches == 0 && relativeError <= tolerance); }

bool KernelBenchReport::passed() const {
  bool isCompared = false, ok = !bitsChanged;
  for (const OutputComparison &output : outputs) {
    isCompared |= !output.isUntouched;
    ok &= output.passes();
  }
  return ok && (isCompared || outputs.empty());
}

StatusOr<KernelBenchReport> benchKernel(Program &program, Program *reference, const KernelBenchOptions &options,
                                        EntryObserver *observer) {
  DSRT_ASSIGN_OR_RETURN(int32_t entry, findEntry(program, options.entry));
  DSRT_RETURN_IF_ERROR(allocate(program, options.pages));
  DSRT_ASSIGN_OR_RETURN(Inputs inputs, Inputs::create(program, options));
  KernelBenchReport report;
  report.entry = options.entry;
  report.device = program.device() ? program.device()->name() : "CPU";

  int64_t launches = program.context().launches;
  DSRT_RETURN_IF_ERROR(runOnce(program, entry, inputs, observer));
  report.kernels = program.context().launches - launches;
  if (reference) {
    DSRT_ASSIGN_OR_RETURN(int32_t other, findEntry(*reference, options.entry));
    DSRT_RETURN_IF_ERROR(allocate(*reference, options.pages));
    DSRT_RETURN_IF_ERROR(runOnce(*reference, other, inputs, observer));
    DSRT_RETURN_IF_ERROR(compareOutputs(program, *reference, options.tolerance, report));
  }

  // The same input must give the same bits.
  std::vector<Bytes> first;
  for (int32_t buffer : writtenBuffers(program, options.entry)) {
    DSRT_ASSIGN_OR_RETURN(Bytes bytes, readBuffer(program, buffer));
    if (options.print)
      report.values += valuesText(program.manifest().buffers[buffer], options.pages, bytes);
    first.push_back(std::move(bytes));
  }
  DSRT_RETURN_IF_ERROR(runOnce(program, entry, inputs, observer));
  size_t index = 0;
  for (int32_t buffer : writtenBuffers(program, options.entry)) {
    DSRT_ASSIGN_OR_RETURN(Bytes bytes, readBuffer(program, buffer));
    report.bitsChanged |= bytes != first[index++];
  }

  if (options.repeat > 0) {
    DSRT_ASSIGN_OR_RETURN(report.microseconds, timeRuns(program, entry, options, observer));
    report.runs = options.repeat;
  }
  report.bytes = bytesMoved(program, options);
  return report;
}

std::string KernelBenchReport::text() const {
  std::string out = values;
  char line[512];
  for (const OutputComparison &output : outputs) {
    if (output.isUntouched) {
      std::snprintf(line, sizeof(line), "%s: %s: not written by this entry\n", entry.c_str(), output.name.c_str());
    } else {
      std::snprintf(line, sizeof(line),
                    "%s: %s (%s, %lld elements): relative error %.2e (tolerance %.1e), largest %.3e, %lld mismatches: "
                    "%s\n",
                    entry.c_str(), output.name.c_str(), std::string(dtypeName(output.dtype)).c_str(),
                    static_cast<long long>(output.elements), output.relativeError, output.tolerance, output.maxError,
                    static_cast<long long>(output.mismatches), output.passes() ? "ok" : "MISS");
    }
    out += line;
  }
  if (bitsChanged)
    out += entry + ": a second run gave other bits: MISS\n";
  if (!outputs.empty() && std::all_of(outputs.begin(), outputs.end(), [](auto &o) { return o.isUntouched; }))
    out += entry + ": no output was written: MISS\n";
  if (runs > 0) {
    std::snprintf(line, sizeof(line), "%s: %.2f us on %s (median of %lld), %lld kernels", entry.c_str(), microseconds,
                  device.c_str(), static_cast<long long>(runs), static_cast<long long>(kernels));
    out += line;
    if (bytes > 0) {
      std::snprintf(line, sizeof(line), ", %.1f GB/s", bytes / (microseconds * 1e3));
      out += line;
    }
    out += "\n";
  }
  return out;
}

std::string KernelBenchReport::json() const {
  nlohmann::ordered_json report = {{"entry", entry},     {"device", device},
                                   {"passed", passed()}, {"kernels", kernels},
                                   {"runs", runs},       {"microseconds", microseconds},
                                   {"bytes", bytes},     {"outputs", nlohmann::ordered_json::array()}};
  for (const OutputComparison &output : outputs)
    report["outputs"].push_back({{"name", output.name},
                                 {"dtype", std::string(dtypeName(output.dtype))},
                                 {"relative_error", output.relativeError},
                                 {"max_error", output.maxError},
                                 {"mismatches", output.mismatches},
                                 {"tolerance", output.tolerance},
                                 {"untouched", output.isUntouched},
                                 {"passed", output.passes()}});
  return report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

} // namespace dsrt
