// The artefact's manifest: JSON of the module's buffers, parameters, entries and kernels.
#include "lowering/HostToLlvm/HostAbi.h"
#include "runtime/abi/DsrtAbi.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::deepseek;
using llvm::json::OStream;

/// The manifest's name of an element type; empty for one that it does not know.
static StringRef dtypeName(Type type) {
  if (type.isF32())
    return "f32";
  if (type.isF16())
    return "f16";
  if (type.isBF16())
    return "bf16";
  if (isa<Float8E4M3FNType>(type))
    return "f8E4M3FN";
  if (isa<Float8E8M0FNUType>(type))
    return "f8E8M0FNU";
  if (type.isInteger(32))
    return "i32";
  if (type.isInteger(64))
    return "i64";
  if (type.isInteger(8))
    return "u8";
  return {};
}

static void writeAttribute(OStream &json, Attribute attr) {
  if (auto boolean = dyn_cast<BoolAttr>(attr))
    json.value(boolean.getValue());
  else if (auto integer = dyn_cast<IntegerAttr>(attr))
    json.value(integer.getInt());
  else if (auto number = dyn_cast<FloatAttr>(attr))
    json.value(number.getValueAsDouble());
  else if (auto string = dyn_cast<StringAttr>(attr))
    json.value(string.getValue());
  else if (auto array = dyn_cast<ArrayAttr>(attr))
    json.array([&] {
      for (Attribute element : array)
        writeAttribute(json, element);
    });
  else if (auto integers = dyn_cast<DenseI64ArrayAttr>(attr))
    json.array([&] {
      for (int64_t element : integers.asArrayRef())
        json.value(element);
    });
  else if (auto dictionary = dyn_cast<DictionaryAttr>(attr))
    json.object([&] {
      for (NamedAttribute entry : dictionary) {
        json.attributeBegin(entry.getName());
        writeAttribute(json, entry.getValue());
        json.attributeEnd();
      }
    });
  else
    json.value(nullptr);
}

static void writeType(OStream &json, ShapedType type) {
  json.attribute("dtype", dtypeName(type.getElementType()));
  json.attributeArray("shape", [&] {
    for (int64_t dim : type.getShape())
      json.value(ShapedType::isDynamic(dim) ? -1 : dim);
  });
}

static LogicalResult writeBuffers(OStream &json, ModuleOp module) {
  for (auto buffer : module.getOps<kernel::BufferOp>()) {
    auto type = dyn_cast<ShapedType>(buffer.getType());
    if (!type || dtypeName(type.getElementType()).empty())
      return buffer.emitError() << "buffer '" << buffer.getSymName() << "' has type " << buffer.getType()
                                << ", whose elements an artefact cannot hold";
    json.object([&] {
      json.attribute("name", buffer.getSymName());
      json.attribute("role", kernel::stringifyBufferRole(buffer.getRole()));
      writeType(json, type);
    });
  }
  return success();
}

static void writeParameters(OStream &json, ModuleOp module) {
  for (auto [index, buffer] : llvm::enumerate(module.getOps<kernel::BufferOp>())) {
    if (buffer.getRole() != kernel::BufferRole::Parameter || !buffer.getSources())
      continue;
    for (auto source : buffer.getSources()->getAsRange<kernel::SourceAttr>())
      json.object([&] {
        json.attribute("tensor", source.getTensor());
        writeType(json, source.getType());
        json.attribute("buffer", int64_t(index));
        json.attribute("offset", source.getOffset());
      });
  }
}

static void writeEntries(OStream &json, ModuleOp module) {
  for (auto func : module.getOps<func::FuncOp>()) {
    auto entry = func->getAttrOfType<DictionaryAttr>(kEntryAttrName);
    if (!entry)
      continue;
    json.object([&] {
      json.attribute("name", func.getName());
      for (NamedAttribute field : entry) {
        json.attributeBegin(field.getName());
        writeAttribute(json, field.getValue());
        json.attributeEnd();
      }
    });
  }
}

static void writeKernels(OStream &json, ModuleOp module) {
  int64_t offset = 0;
  for (auto binary : module.getOps<kernel::BinaryOp>()) {
    int64_t size = binary.getObject().size();
    json.object([&] {
      json.attribute("name", binary.getSymName());
      json.attribute("symbol", binary.getSymName());
      json.attribute("offset", offset);
      json.attribute("size", size);
      json.attribute("shared_bytes", int64_t(binary.getSharedBytes()));
      json.attribute("registers", int64_t(binary.getRegisters()));
    });
    offset += size;
  }
}

FailureOr<std::string> mlir::deepseek::buildManifest(ModuleOp module, StringRef target, StringRef cpu) {
  std::string text;
  llvm::raw_string_ostream os(text);
  OStream json(os);
  LogicalResult buffers = success();
  json.object([&] {
    json.attribute("abi", DSRT_ABI_VERSION);
    json.attribute("target", target);
    json.attribute("cpu", cpu);
    if (auto model = module->getAttrOfType<DictionaryAttr>("deepseek.model")) {
      json.attributeBegin("model");
      writeAttribute(json, model);
      json.attributeEnd();
    }
    if (auto config = module->getAttrOfType<StringAttr>("deepseek.config")) {
      json.attributeBegin("config");
      json.rawValue(config.getValue());
      json.attributeEnd();
    }
    json.attributeArray("buffers", [&] { buffers = writeBuffers(json, module); });
    json.attributeArray("parameters", [&] { writeParameters(json, module); });
    json.attributeArray("entries", [&] { writeEntries(json, module); });
    if (!module.getOps<kernel::BinaryOp>().empty())
      json.attributeArray("kernels", [&] { writeKernels(json, module); });
  });
  if (failed(buffers))
    return failure();
  return text;
}
