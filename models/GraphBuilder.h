// What the parts of the importer share: parameters by name, linear projections that hide block scaling, and locations
// that name each value as the papers do.
#pragma once

#include "dialects/deepseek/DeepSeekOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "models/Importer.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::deepseek::models {

/// The input of linear projections: as computed and, when the weights are block-scaled, quantised once for all of them.
struct LinearInput {
  Value plain;
  Value scaled; // null unless weights are block-scaled
};

/// The values that every layer of an entry reads.
struct EntryValues {
  Value positions, blockTable, cache, angles;
};

class GraphBuilder {
public:
  GraphBuilder(ModuleOp module, const ModelConfig &config, const ImportOptions &options);

  // The parts of a model; x and the result are [T, hidden].
  Value attention(Value x, int64_t layer, const EntryValues &entry);            // Attention.cpp
  Value denseMlp(const LinearInput &x, StringRef prefix, int64_t intermediate); // FeedForward.cpp
  Value moe(const LinearInput &x, int64_t layer);
  Value decoderLayer(Value x, int64_t layer, const EntryValues &entry); // Importer.cpp

  /// Opens a scope of locations ("layer.3.attn"); loc("q_nope") is a name within it.
  void setScope(const Twine &name);
  Location loc(StringRef name);

  /// The parameter `name`, declared in the module when it is first used.
  Value parameter(StringRef name, ArrayRef<int64_t> shape, Type element);
  /// [out, in], block-scaled or not as the checkpoint stores linear weights.
  Value linearWeight(StringRef name, int64_t out, int64_t in);
  /// One weight for each of `count` experts, [count, out, in]; `name(i)` names them without ".weight".
  Value expertWeights(function_ref<std::string(int64_t)> name, int64_t count, int64_t out, int64_t in);
  /// Quantises x if linear weights are block-scaled.
  LinearInput linearInput(Value x, StringRef name);
  /// x W^T with the parameter `name`.weight; elements of the result are of type `element`.
  Value linear(const LinearInput &x, StringRef name, int64_t out, StringRef valueName, Type element);
  Value rmsNorm(Value x, StringRef name, double eps, StringRef valueName);

  RankedTensorType tensor(ArrayRef<int64_t> shape, Type element) const { return RankedTensorType::get(shape, element); }
  RankedTensorType activations(ArrayRef<int64_t> shape) const { return tensor(shape, activation); }
  BlockScaledType scaledType(ArrayRef<int64_t> shape, ArrayRef<int64_t> block) const;
  bool blockScaled() const { return config.scaleFormat.has_value(); }

  const ModelConfig &config;
  const ImportOptions &options;
  OpBuilder builder;
  Type activation, storage, f32, i32;

private:
  Value latentNorm(Value x, StringRef name, StringRef valueName);
  std::pair<Value, Value> query(const LinearInput &x, StringRef prefix, const EntryValues &entry);
  void appendLatent(const LinearInput &x, StringRef prefix, int64_t layer, const EntryValues &entry);
  Value columns(Value x, int64_t begin, int64_t size, StringRef name);

  ModuleOp module;
  Operation *lastParameter = nullptr;
  llvm::StringSet<> declared;
  Location scope;
};

/// Rows of a 2-d or 3-d value.
inline int64_t rowsOf(Value x) { return cast<RankedTensorType>(x.getType()).getDimSize(0); }
inline int64_t widthOf(Value x) { return cast<RankedTensorType>(x.getType()).getShape().back(); }

/// A Hugging Face tensor name as DeepSeek's converter renames it.
std::string inferenceTensorName(StringRef name);

} // namespace mlir::deepseek::models
