// Buffers: verifiers. The labels name the constraints in BufferOps.td.
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/Verify.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

static int64_t byteSize(ShapedType type) {
  return type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

/// Sources lie within the buffer and do not overlap.
static LogicalResult verifySources(BufferOp op, RankedTensorType type) {
  SmallVector<SourceAttr> sources(op.getSourcesAttr().getAsRange<SourceAttr>());
  for (SourceAttr source : sources) {
    if (source.getType().getElementType() != type.getElementType())
      return op.emitOpError() << "source \"" << source.getTensor() << "\" has element type "
                              << source.getType().getElementType() << ", the buffer " << type.getElementType();
    if (source.getOffset() < 0 || source.getOffset() + byteSize(source.getType()) > byteSize(type))
      return op.emitOpError() << "source \"" << source.getTensor() << "\" occupies bytes " << source.getOffset()
                              << " to " << source.getOffset() + byteSize(source.getType()) << " of a buffer of "
                              << byteSize(type);
  }
  llvm::sort(sources, [](SourceAttr a, SourceAttr b) { return a.getOffset() < b.getOffset(); });
  for (size_t i = 1; i < sources.size(); ++i)
    if (sources[i].getOffset() < sources[i - 1].getOffset() + byteSize(sources[i - 1].getType()))
      return op.emitOpError() << "sources \"" << sources[i - 1].getTensor() << "\" and \"" << sources[i].getTensor()
                              << "\" overlap";
  return success();
}

LogicalResult BufferOp::verify() {
  // buffer_c1
  auto memref = dyn_cast<MemRefType>(getType());
  auto tensor = dyn_cast<RankedTensorType>(getType());
  bool cache = getRole() == BufferRole::Cache;
  bool valid = cache ? memref && memref.getRank() == 4 && memref.isDynamicDim(0) && memref.getNumDynamicDims() == 1
                     : tensor && tensor.hasStaticShape();
  if (!valid)
    return emitOpError() << (cache ? "a cache is a memref of 4 dimensions, dynamic in its first only; got "
                                   : "the type must be a static tensor, got ")
                         << getType();
  // buffer_c2
  if (!getSources())
    return success();
  if (getRole() != BufferRole::Parameter)
    return emitOpError() << "only a parameter has sources, role is " << stringifyBufferRole(getRole());
  return verifySources(*this, tensor);
}

static FailureOr<BufferOp> lookupBuffer(Operation *op, SymbolTableCollection &symbols, FlatSymbolRefAttr name) {
  auto buffer = symbols.lookupNearestSymbolFrom<BufferOp>(op, name);
  if (!buffer)
    return op->emitOpError() << "names " << name << ", which is no kernel.buffer of this module";
  return buffer;
}

/// `type` describes a prefix of the buffer.
static LogicalResult verifyPrefix(Operation *op, BufferOp buffer, RankedTensorType type) {
  auto whole = dyn_cast<RankedTensorType>(buffer.getType());
  if (whole && type.hasStaticShape() && whole.getElementType() == type.getElementType() &&
      type.getNumElements() <= whole.getNumElements())
    return success();
  InFlightDiagnostic diag = op->emitOpError() << "has type " << type << ", which is no prefix of " << buffer.getType();
  diag.attachNote(buffer.getLoc()) << "buffer declared here";
  return diag;
}

static LogicalResult roleError(Operation *op, BufferOp buffer, StringRef access) {
  InFlightDiagnostic diag = op->emitOpError()
                            << access << " a buffer whose role is " << stringifyBufferRole(buffer.getRole());
  diag.attachNote(buffer.getLoc()) << "buffer declared here";
  return diag;
}

LogicalResult LoadBufferOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<BufferOp> buffer = lookupBuffer(*this, symbols, getBufferAttr());
  // load_buffer_c2
  if (succeeded(buffer) && (buffer->getRole() == BufferRole::Output || buffer->getRole() == BufferRole::Cache))
    return roleError(*this, *buffer, "loads");
  // load_buffer_c1
  return failure(failed(buffer) || failed(verifyPrefix(*this, *buffer, cast<RankedTensorType>(getType()))));
}

LogicalResult BufferMemRefOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // buffer_memref_c1
  FailureOr<BufferOp> buffer = lookupBuffer(*this, symbols, getBufferAttr());
  if (failed(buffer))
    return failure();
  auto type = cast<ShapedType>(buffer->getType());
  if (cast<MemRefType>(getType()).getElementType() != type.getElementType())
    return emitOpError() << "has element type " << cast<MemRefType>(getType()).getElementType() << ", the buffer "
                         << type.getElementType();
  // buffer_memref_c2
  int64_t layer = getLayer(), layers = buffer->getRole() == BufferRole::Cache ? type.getDimSize(1) : 1;
  if (layer >= 0 && layer < layers)
    return success();
  InFlightDiagnostic diag = emitOpError() << "layer is " << layer << ", but the buffer has " << layers;
  diag.attachNote(buffer->getLoc()) << "buffer declared here";
  return diag;
}

LogicalResult StoreBufferOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<BufferOp> buffer = lookupBuffer(*this, symbols, getBufferAttr());
  // store_buffer_c2
  if (succeeded(buffer) && buffer->getRole() != BufferRole::Output && buffer->getRole() != BufferRole::Derived)
    return roleError(*this, *buffer, "stores to");
  // store_buffer_c1
  return failure(failed(buffer) || failed(verifyPrefix(*this, *buffer, cast<RankedTensorType>(getValue().getType()))));
}
