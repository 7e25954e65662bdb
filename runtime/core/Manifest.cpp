#include "runtime/core/Manifest.h"

#include "runtime/abi/DsrtAbi.h"
#include "runtime/core/JsonFields.h"

#include <algorithm>
#include <unordered_set>

namespace dsrt {

using nlohmann::json;

namespace {
// Bounds that no real artefact comes near; they keep every product of this file within 64 bits.
constexpr int64_t maxDimension = int64_t(1) << 40;
constexpr int64_t maxBufferBytes = int64_t(1) << 46;
constexpr size_t maxRank = 8;
constexpr size_t maxNameLength = 512;

constexpr std::string_view roleNames[] = {"input", "output", "parameter", "derived", "cache", "workspace"};
constexpr std::string_view kindNames[] = {"initialize", "prefill", "decode", "function"};

template <typename Enum, size_t n>
StatusOr<Enum> parseEnum(const std::string &text, const std::string_view (&names)[n], const std::string &where) {
  for (size_t i = 0; i < n; ++i)
    if (names[i] == text)
      return static_cast<Enum>(i);
  std::string known;
  for (std::string_view name : names)
    known += (known.empty() ? "" : ", ") + std::string(name);
  return Status::error(where + " is '" + text + "', expected one of " + known);
}

StatusOr<std::string> parseName(const JsonObject &object, const char *field) {
  DSRT_ASSIGN_OR_RETURN(std::string name, object.string(field));
  if (name.empty() || name.size() > maxNameLength || name.find('\0') != std::string::npos)
    return Status::error(object.where(field) + " must be a name of 1 to " + std::to_string(maxNameLength) +
                         " characters, got " + std::to_string(name.size()));
  return name;
}

StatusOr<DType> parseDType(const JsonObject &object, const char *field) {
  DSRT_ASSIGN_OR_RETURN(std::string name, object.string(field));
  if (auto type = dtypeFromName(name))
    return *type;
  return Status::error(object.where(field) + " is '" + name +
                       "', expected one of f32, f16, bf16, f8E4M3FN, f8E8M0FNU, i32, i64, u8");
}

// The product of the dimensions times the element size, refused where it exceeds maxBufferBytes. -1 counts as 1.
Status checkExtent(const std::vector<int64_t> &shape, DType dtype, const std::string &where) {
  if (shape.size() > maxRank)
    return Status::error(where + " has rank " + std::to_string(shape.size()) + ", expected at most " +
                         std::to_string(maxRank));
  int64_t bytes = static_cast<int64_t>(dtypeBytes(dtype));
  for (int64_t dim : shape) {
    if (dim > 0 && bytes > maxBufferBytes / dim)
      return Status::error(where + " " + shapeText(shape) + " is larger than " + std::to_string(maxBufferBytes) +
                           " bytes");
    bytes *= dim < 0 ? 1 : dim;
  }
  return Status();
}

StatusOr<BufferInfo> parseBuffer(const JsonObject &object) {
  BufferInfo buffer;
  DSRT_ASSIGN_OR_RETURN(buffer.name, parseName(object, "name"));
  DSRT_ASSIGN_OR_RETURN(std::string role, object.string("role"));
  DSRT_ASSIGN_OR_RETURN(buffer.role, parseEnum<BufferRole>(role, roleNames, object.where("role")));
  DSRT_ASSIGN_OR_RETURN(buffer.dtype, parseDType(object, "dtype"));
  DSRT_ASSIGN_OR_RETURN(buffer.shape, object.integers("shape", -1, maxDimension));
  for (size_t i = 0; i < buffer.shape.size(); ++i)
    if (buffer.shape[i] < 0 && (i != 0 || buffer.role != BufferRole::Cache))
      return Status::error(object.where("shape") + " " + shapeText(buffer.shape) +
                           ": -1 is allowed only as the first dimension of a cache");
  DSRT_RETURN_IF_ERROR(checkExtent(buffer.shape, buffer.dtype, object.where("shape")));
  if (const json *range = object.find("range")) {
    DSRT_ASSIGN_OR_RETURN(auto ends, jsonIntegers(*range, object.where("range"), INT64_MIN, INT64_MAX));
    if (ends.size() != 2 || ends[0] > ends[1])
      return Status::error(object.where("range") + " must be two integers, lowest first");
    buffer.range = {ends[0], ends[1]};
  }
  return buffer;
}

StatusOr<ParameterInfo> parseParameter(const JsonObject &object, const Manifest &manifest) {
  ParameterInfo parameter;
  DSRT_ASSIGN_OR_RETURN(parameter.tensor, parseName(object, "tensor"));
  DSRT_ASSIGN_OR_RETURN(parameter.dtype, parseDType(object, "dtype"));
  DSRT_ASSIGN_OR_RETURN(parameter.shape, object.integers("shape", 0, maxDimension));
  DSRT_RETURN_IF_ERROR(checkExtent(parameter.shape, parameter.dtype, object.where("shape")));
  DSRT_ASSIGN_OR_RETURN(int64_t index, object.integer("buffer", 0, int64_t(manifest.buffers.size()) - 1));
  parameter.buffer = static_cast<int32_t>(index);
  DSRT_ASSIGN_OR_RETURN(parameter.offset, object.integer("offset", 0, maxBufferBytes));
  const BufferInfo &buffer = manifest.buffers[index];
  if (buffer.role != BufferRole::Parameter)
    return Status::error(object.where("buffer") + " is '" + buffer.name + "', whose role is " +
                         std::string(bufferRoleName(buffer.role)) + ", expected parameter");
  if (parameter.offset + parameter.bytes() > buffer.bytes(0))
    return Status::error(object.where() + " (" + parameter.tensor + ") ends at byte " +
                         std::to_string(parameter.offset + parameter.bytes()) + " of buffer '" + buffer.name +
                         "', which has " + std::to_string(buffer.bytes(0)));
  return parameter;
}

StatusOr<EntryInfo> parseEntry(const JsonObject &object) {
  EntryInfo entry;
  DSRT_ASSIGN_OR_RETURN(entry.name, parseName(object, "name"));
  DSRT_ASSIGN_OR_RETURN(std::string kind, object.string("kind"));
  DSRT_ASSIGN_OR_RETURN(entry.kind, parseEnum<EntryKind>(kind, kindNames, object.where("kind")));
  if (entry.kind == EntryKind::Prefill || entry.kind == EntryKind::Decode) {
    DSRT_ASSIGN_OR_RETURN(entry.tokens, object.integer("tokens", 1, 1 << 24));
    DSRT_ASSIGN_OR_RETURN(entry.rows, object.integer("rows", 1, 1 << 24));
    if (entry.rows > entry.tokens || (entry.kind == EntryKind::Decode && entry.rows != entry.tokens))
      return Status::error(object.where("rows") + " is " + std::to_string(entry.rows) + " for " +
                           std::to_string(entry.tokens) + " tokens, expected " +
                           (entry.kind == EntryKind::Decode ? "as many" : "at most as many"));
  }
  if (const json *estimate = object.find("estimate_us")) {
    if (!estimate->is_number())
      return Status::error(object.where("estimate_us") + " must be a number, got " + describeJson(*estimate));
    entry.estimate = estimate->get<double>();
  }
  if (const json *plan = object.find("plan")) {
    const bool isTexts =
        plan->is_array() && std::all_of(plan->begin(), plan->end(), [](const json &e) { return e.is_string(); });
    if (!isTexts)
      return Status::error(object.where("plan") + " must be a list of texts, got " + describeJson(*plan));
    entry.plan = plan->get<std::vector<std::string>>();
  }
  return entry;
}

StatusOr<KernelInfo> parseKernel(const JsonObject &object, uint64_t kernelBytes) {
  KernelInfo kernel;
  DSRT_ASSIGN_OR_RETURN(kernel.name, parseName(object, "name"));
  DSRT_ASSIGN_OR_RETURN(kernel.symbol, parseName(object, "symbol"));
  DSRT_ASSIGN_OR_RETURN(int64_t offset, object.integer("offset", 0, maxBufferBytes));
  DSRT_ASSIGN_OR_RETURN(int64_t size, object.integer("size", 1, maxBufferBytes));
  DSRT_ASSIGN_OR_RETURN(kernel.sharedBytes, object.integer("shared_bytes", 0, 1 << 20));
  DSRT_ASSIGN_OR_RETURN(kernel.registers, object.integer("registers", 0, 1 << 10));
  kernel.offset = static_cast<uint64_t>(offset);
  kernel.size = static_cast<uint64_t>(size);
  if (kernel.offset + kernel.size > kernelBytes)
    return Status::error(object.where() + " (" + kernel.name + ") ends at byte " +
                         std::to_string(kernel.offset + kernel.size) + " of the kernel section, which has " +
                         std::to_string(kernelBytes));
  return kernel;
}

StatusOr<ModelInfo> parseModel(const JsonObject &object) {
  ModelInfo model;
  DSRT_ASSIGN_OR_RETURN(model.vocabSize, object.integer("vocab_size", 1, INT32_MAX));
  DSRT_ASSIGN_OR_RETURN(model.maxContext, object.integer("max_context", 1, 1 << 28));
  DSRT_ASSIGN_OR_RETURN(model.pageSize, object.integer("page_size", 1, 1 << 16));
  DSRT_ASSIGN_OR_RETURN(model.layers, object.integer("layers", 1, 1 << 16));
  DSRT_ASSIGN_OR_RETURN(model.maxBatch, object.integer("max_batch", 1, 1 << 24));
  DSRT_ASSIGN_OR_RETURN(model.maxPrefill, object.integer("max_prefill", 1, 1 << 24));
  DSRT_ASSIGN_OR_RETURN(model.activation, parseDType(object, "activation_dtype"));
  if (const json *bos = object.find("bos_token_id")) {
    DSRT_ASSIGN_OR_RETURN(model.bosToken, jsonInteger(*bos, object.where("bos_token_id"), 0, INT32_MAX));
  }
  if (const json *eos = object.find("eos_token_id")) {
    DSRT_ASSIGN_OR_RETURN(model.eosTokens, jsonIntegers(eos->is_array() ? *eos : json::array({*eos}),
                                                        object.where("eos_token_id"), 0, INT32_MAX));
  }
  return model;
}

// Parses each element of the array `field` with `parse` and hands it to `add`.
template <typename Parse, typename Add>
Status parseEach(const JsonObject &object, const char *field, Parse parse, Add add) {
  DSRT_ASSIGN_OR_RETURN(const json *array, object.array(field));
  for (size_t i = 0; i < array->size(); ++i) {
    DSRT_ASSIGN_OR_RETURN(JsonObject element,
                          JsonObject::of((*array)[i], object.where(field) + "[" + std::to_string(i) + "]"));
    DSRT_ASSIGN_OR_RETURN(auto parsed, parse(element));
    DSRT_RETURN_IF_ERROR(add(element, std::move(parsed)));
  }
  return Status();
}

// Appends to `list`, refusing a second element of the same name.
template <typename T> auto appendUnique(std::vector<T> &list, std::unordered_set<std::string> &names) {
  return [&](const JsonObject &where, T value) {
    if (!names.insert(value.name).second)
      return Status::error(where.where("name") + " '" + value.name + "' occurs twice");
    list.push_back(std::move(value));
    return Status();
  };
}

Status parseTarget(const JsonObject &root, Manifest &manifest, const std::string &where) {
  DSRT_ASSIGN_OR_RETURN(int64_t abi, root.integer("abi", 0, INT32_MAX));
  if (abi != DSRT_ABI_VERSION)
    return Status::error(where + ".abi is " + std::to_string(abi) + ", this runtime has ABI " +
                         std::to_string(DSRT_ABI_VERSION));
  DSRT_ASSIGN_OR_RETURN(manifest.target, root.string("target"));
  if (manifest.target != "cpu" && manifest.capability() == 0)
    return Status::error(where + ".target is '" + manifest.target + "', expected cpu or sm_<capability>");
  DSRT_ASSIGN_OR_RETURN(manifest.cpu, root.string("cpu"));
  return Status();
}
} // namespace

std::string_view bufferRoleName(BufferRole role) { return roleNames[static_cast<size_t>(role)]; }
std::string_view entryKindName(EntryKind kind) { return kindNames[static_cast<size_t>(kind)]; }

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

static int64_t product(const std::vector<int64_t> &shape, int64_t pages) {
  int64_t count = 1;
  for (int64_t dim : shape)
    count *= dim < 0 ? pages : dim;
  return count;
}

int64_t BufferInfo::elements(int64_t pages) const { return product(shape, pages); }
int64_t ParameterInfo::elements() const { return product(shape, 0); }

int Manifest::capability() const {
  if (target.size() < 5 || target.size() > 7 || target.compare(0, 3, "sm_") != 0)
    return 0;
  int value = 0;
  for (size_t i = 3; i < target.size(); ++i) {
    bool isSuffix = i + 1 == target.size() && (target[i] == 'a' || target[i] == 'f');
    if (!isSuffix && (target[i] < '0' || target[i] > '9'))
      return 0;
    value = isSuffix ? value : value * 10 + (target[i] - '0');
  }
  return value;
}

int32_t Manifest::findBuffer(std::string_view name) const {
  auto it = std::find_if(buffers.begin(), buffers.end(), [&](const BufferInfo &b) { return b.name == name; });
  return it == buffers.end() ? -1 : static_cast<int32_t>(it - buffers.begin());
}

int32_t Manifest::findEntry(std::string_view name) const {
  auto it = std::find_if(entries.begin(), entries.end(), [&](const EntryInfo &e) { return e.name == name; });
  return it == entries.end() ? -1 : static_cast<int32_t>(it - entries.begin());
}

StatusOr<Manifest> parseManifest(std::string_view text, const std::string &file, uint64_t kernelBytes) {
  std::string where = file + ": manifest";
  DSRT_ASSIGN_OR_RETURN(json parsed, parseJson(text, where));
  DSRT_ASSIGN_OR_RETURN(JsonObject root, JsonObject::of(parsed, where));
  Manifest manifest;
  DSRT_RETURN_IF_ERROR(parseTarget(root, manifest, where));
  if (root.find("model")) {
    DSRT_ASSIGN_OR_RETURN(JsonObject model, root.object("model"));
    DSRT_ASSIGN_OR_RETURN(manifest.model, parseModel(model));
  }
  if (const json *config = root.find("config"))
    manifest.config = config->dump();

  std::unordered_set<std::string> buffers, entries, kernels;
  DSRT_RETURN_IF_ERROR(parseEach(root, "buffers", parseBuffer, appendUnique(manifest.buffers, buffers)));
  DSRT_RETURN_IF_ERROR(parseEach(root, "entries", parseEntry, appendUnique(manifest.entries, entries)));
  auto parseOneKernel = [&](const JsonObject &object) { return parseKernel(object, kernelBytes); };
  if (root.find("kernels"))
    DSRT_RETURN_IF_ERROR(parseEach(root, "kernels", parseOneKernel, appendUnique(manifest.kernels, kernels)));
  auto parseOneParameter = [&](const JsonObject &object) { return parseParameter(object, manifest); };
  auto addParameter = [&](const JsonObject &, ParameterInfo parameter) {
    manifest.parameters.push_back(std::move(parameter));
    return Status();
  };
  if (root.find("parameters"))
    DSRT_RETURN_IF_ERROR(parseEach(root, "parameters", parseOneParameter, addParameter));

  if (manifest.model)
    DSRT_RETURN_IF_ERROR(checkModelBuffers(manifest, where));
  return manifest;
}

} // namespace dsrt
