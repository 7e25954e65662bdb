// Turns a model's config into a graph: a module of the deepseek dialect with the checkpoint's parameters and one
// function for each bucket. The graph is the published model, unfused, with attention in its naive form; passes do the
// rest.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "models/ModelConfig.h"

namespace mlir::deepseek::models {

enum class ActivationType { F32, BF16 };

/// Whose names the checkpoint's tensors have.
enum class TensorNames {
  HuggingFace, // model.layers.0.self_attn.q_a_proj.weight
  Inference    // layers.0.attn.wq_a.weight, as DeepSeek's converter writes them
};

struct ImportOptions {
  ActivationType activation = ActivationType::F32; // of the operands of products and of the latent cache; sums stay f32
  llvm::SmallVector<int64_t> decodeBuckets = {1, 8};
  llvm::SmallVector<int64_t> prefillBuckets = {128};
  int64_t prefillRows = 0; // tokens of a prefill whose logits are computed; 0: the largest decode bucket
  int64_t maxContext = 0;  // tokens; 0: min(the model's, 4096)
  int64_t pageSize = 64;   // tokens per page of the latent cache
  TensorNames tensorNames = TensorNames::HuggingFace;
};

/// The graph, verified. Loads the dialects that it needs into `context`. Errors name the option, its value and what was
/// expected.
llvm::Expected<OwningOpRef<ModuleOp>> importModel(MLIRContext &context, const ModelConfig &config,
                                                  const ImportOptions &options);

} // namespace mlir::deepseek::models
