// The deepseek dialect: model-level operations on tensors, in the words of the DeepSeek-V2 and V3 papers.
#ifndef DEEPSEEK_DIALECT_TD
#define DEEPSEEK_DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def DeepSeek_Dialect : Dialect {
  let name = "deepseek";
  let cppNamespace = "::mlir::deepseek";
  let summary = "DeepSeek models as dataflow graphs: MLA, MoE gating, FP8 block scaling, collectives";
  let description = [{
    Operations of DeepSeek-V2 and V3 models on tensors. No tile, no stream, no pointer. Numerics (accumulation type, rounding,
    tie-breaking, masking) are part of each operation. Letters used in shapes: `T` tokens of the entry, `D` hidden size,
    `H` heads, `r` kv_lora_rank, `dn`, `dr`, `dv` the nope, rope and value head sizes, `E` routed experts, `K` experts per
    token or reduction size, `S` sequences, `P` pages of a block-table row, `V` vocabulary.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{ void registerTypes(); }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

class DeepSeek_Op<string mnemonic, list<Trait> traits = []> : Op<DeepSeek_Dialect, mnemonic, traits>;

#endif
