// The kernel dialect: one operation is one kernel.
#ifndef KERNEL_DIALECT_TD
#define KERNEL_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::mlir::deepseek::kernel";
  let summary = "one operation is one kernel, with its schedule";
  let description = [{
    A handful of kernel families on tensors, each one operation, with a schedule attribute that the cost model chooses, and regions for fused
    work. Nothing here knows a model: sizes, element types and scale blocks only. Operands may be views (`tensor.extract_slice`,
    `tensor.expand_shape`, `tensor.collapse_shape`) of other values: a kernel reads through them (`getBufferView`), nothing is copied.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

class Kernel_Op<string mnemonic, list<Trait> traits = []> : Op<Kernel_Dialect, mnemonic, traits>;

class Kernel_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::deepseek::kernel";
  let genSpecializedAttr = 0;
}
class Kernel_EnumAttr<I32EnumAttr e, string mnemonic> : EnumAttr<Kernel_Dialect, e, mnemonic>;

def BufferRoleEnum : Kernel_Enum<"BufferRole", "who fills a buffer (docs/artifact.md)", [
  I32EnumAttrCase<"Parameter", 0, "parameter">, I32EnumAttrCase<"Derived", 1, "derived">, I32EnumAttrCase<"Input", 2, "input">,
  I32EnumAttrCase<"Output", 3, "output">, I32EnumAttrCase<"Cache", 4, "cache">, I32EnumAttrCase<"Workspace", 5, "workspace">]>;
def BufferRoleAttr : Kernel_EnumAttr<BufferRoleEnum, "role">;

def RopePairsEnum : Kernel_Enum<"RopePairs", "which elements a rotation pairs", [
  I32EnumAttrCase<"Interleaved", 0, "interleaved">, I32EnumAttrCase<"HalfSplit", 1, "half_split">]>;
def RopePairsAttr : Kernel_EnumAttr<RopePairsEnum, "pairs">;

def RowReduceEnum : Kernel_Enum<"RowReduceKind", "reduction over a row", [
  I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Max", 1, "max">]>;
def RowReduceAttr : Kernel_EnumAttr<RowReduceEnum, "row_reduce_kind">;

def RouteScoreEnum : Kernel_Enum<"RouteScore", "how logits become scores", [
  I32EnumAttrCase<"Softmax", 0, "softmax">, I32EnumAttrCase<"Sigmoid", 1, "sigmoid">]>;
def RouteScoreAttr : Kernel_EnumAttr<RouteScoreEnum, "route_score">;
def RouteGroupEnum : Kernel_Enum<"RouteGroup", "how a group is scored", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Max", 1, "max">, I32EnumAttrCase<"Top2Sum", 2, "top2_sum">]>;
def RouteGroupAttr : Kernel_EnumAttr<RouteGroupEnum, "route_group">;

def ScheduleAttr : AttrDef<Kernel_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "how a kernel does its work; chosen by passes/cost, obeyed by the builder";
  let description = [{
    `tile` = (m, n, k) elements of one task; `stages` of the copy pipeline; `cluster` CTAs; `split` of the reduction (split-K, split-KV);
    `warps` of a CTA. A family ignores what it has no use for.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$tile, DefaultValuedParameter<"int64_t", "1">:$stages,
                        DefaultValuedParameter<"int64_t", "1">:$cluster, DefaultValuedParameter<"int64_t", "1">:$split,
                        DefaultValuedParameter<"int64_t", "4">:$warps);
  let assemblyFormat = "`<` `tile` `=` `[` $tile `]` (`,` struct($stages, $cluster, $split, $warps)^)? `>`";
}

def SourceAttr : AttrDef<Kernel_Dialect, "Source"> {
  let mnemonic = "source";
  let summary = "a checkpoint tensor that is loaded into a slice of a parameter buffer";
  let parameters = (ins StringRefParameter<>:$tensor, "int64_t":$offset, "::mlir::RankedTensorType":$type);
  let assemblyFormat = "`<` $tensor `at` $offset `:` $type `>`";
}

def KRankedFloat : RankedTensorOf<[F32, BF16, F16]>;
def KRankedData : RankedTensorOf<[F32, BF16, F16, F8E4M3FN]>;
def KRankedF32 : RankedTensorOf<[F32]>;
def KRankedI32 : RankedTensorOf<[I32]>;

#endif
