// Collectives among the ranks of a group, blocking and started/awaited.
#ifndef DEEPSEEK_COMM_OPS_TD
#define DEEPSEEK_COMM_OPS_TD

include "dialects/deepseek/DeepSeekTypes.td"

class DeepSeek_Collective<string mnemonic, dag extra, string extraFormat> : DeepSeek_Op<mnemonic> {
  let arguments = !con((ins AnyRankedTensor:$x, I64Attr:$ranks), extra);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$x `ranks` $ranks" # extraFormat # " attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}
class DeepSeek_CollectiveStart<string mnemonic, dag extra, string extraFormat> : DeepSeek_Op<mnemonic> {
  let arguments = !con((ins AnyRankedTensor:$x, I64Attr:$ranks), extra);
  let results = (outs FutureType:$future);
  let assemblyFormat = "$x `ranks` $ranks" # extraFormat # " attr-dict `:` type($x) `->` type($future)";
  let hasVerifier = 1;
}

def AllReduceOp : DeepSeek_Collective<"all_reduce", (ins ReductionAttr:$reduction), " $reduction"> {
  let summary = "elementwise reduction over all ranks; every rank gets the result";
  let description = [{
    Constraints:
    - C1: `ranks` is positive.
    - C2: the result has the type of `x`.

    ```mlir
    %0 = deepseek.all_reduce %x ranks 4 sum : tensor<8x256xbf16> -> tensor<8x256xbf16>
    ```
  }];
}
def AllReduceStartOp : DeepSeek_CollectiveStart<"all_reduce_start", (ins ReductionAttr:$reduction), " $reduction"> {
  let summary = "start an all_reduce";
  let description = [{
    Constraints and result as the blocking form; the result is what the future will hold.

    ```mlir
    %0 = deepseek.all_reduce_start %x ranks 4 sum : tensor<8x256xbf16> -> !deepseek.future<tensor<8x256xbf16>>
    ```
  }];
}
def AllGatherOp : DeepSeek_Collective<"all_gather", (ins I64Attr:$dim), " `dim` $dim"> {
  let summary = "concatenate every rank's tensor along `dim`";
  let description = [{
    Constraints:
    - C1: `ranks` is positive.
    - C2: `dim` is a dimension of `x`.
    - C3: the result is `x` with `dim` times `ranks`.

    ```mlir
    %1 = deepseek.all_gather %x ranks 4 dim 1 : tensor<8x256xbf16> -> tensor<8x1024xbf16>
    ```
  }];
}
def AllGatherStartOp : DeepSeek_CollectiveStart<"all_gather_start", (ins I64Attr:$dim), " `dim` $dim"> {
  let summary = "start an all_gather";
  let description = [{
    Constraints and result as the blocking form; the result is what the future will hold.

    ```mlir
    %1 = deepseek.all_gather_start %x ranks 4 dim 1 : tensor<8x256xbf16> -> !deepseek.future<tensor<8x1024xbf16>>
    ```
  }];
}
def ReduceScatterOp : DeepSeek_Collective<"reduce_scatter", (ins ReductionAttr:$reduction, I64Attr:$dim), " $reduction `dim` $dim"> {
  let summary = "reduce over all ranks; rank i keeps the i-th slice along `dim`";
  let description = [{
    Constraints:
    - C1: `ranks` is positive.
    - C2: `dim` is a dimension of `x`.
    - C3: its size is a multiple of `ranks`.
    - C4: the result is `x` with `dim` divided by `ranks`.

    ```mlir
    %2 = deepseek.reduce_scatter %x ranks 4 max dim 1 : tensor<8x256xbf16> -> tensor<8x64xbf16>
    ```
  }];
}
def ReduceScatterStartOp : DeepSeek_CollectiveStart<"reduce_scatter_start", (ins ReductionAttr:$reduction, I64Attr:$dim),
                                                    " $reduction `dim` $dim"> {
  let summary = "start a reduce_scatter";
  let description = [{
    Constraints and result as the blocking form; the result is what the future will hold.

    ```mlir
    %2 = deepseek.reduce_scatter_start %x ranks 4 sum dim 1 : tensor<8x256xbf16> -> !deepseek.future<tensor<8x64xbf16>>
    ```
  }];
}
def AllToAllOp : DeepSeek_Collective<"all_to_all", (ins I64Attr:$dim), " `dim` $dim"> {
  let summary = "rank i's j-th slice along `dim` goes to rank j's i-th slice";
  let description = [{
    Constraints:
    - C1: `ranks` is positive.
    - C2: `dim` is a dimension of `x`.
    - C3: its size is a multiple of `ranks`.
    - C4: the result has the type of `x`.

    ```mlir
    %3 = deepseek.all_to_all %x ranks 4 dim 0 : tensor<8x256xbf16> -> tensor<8x256xbf16>
    ```
  }];
}
def AllToAllStartOp : DeepSeek_CollectiveStart<"all_to_all_start", (ins I64Attr:$dim), " `dim` $dim"> {
  let summary = "start an all_to_all";
  let description = [{
    Constraints and result as the blocking form; the result is what the future will hold.

    ```mlir
    %3 = deepseek.all_to_all_start %x ranks 4 dim 0 : tensor<8x256xbf16> -> !deepseek.future<tensor<8x256xbf16>>
    ```
  }];
}
def WaitOp : DeepSeek_Op<"wait"> {
  let summary = "the result of a started collective";
  let description = [{
    Constraints:
    - C1: the result is what the future holds.

    ```mlir
    %4 = deepseek.wait %0 : !deepseek.future<tensor<8x256xbf16>> -> tensor<8x256xbf16>
    ```
  }];
  let arguments = (ins FutureType:$future);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$future attr-dict `:` type($future) `->` type($result)";
  let hasVerifier = 1;
}

#endif
