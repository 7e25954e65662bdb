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
}
def AllReduceStartOp : DeepSeek_CollectiveStart<"all_reduce_start", (ins ReductionAttr:$reduction), " $reduction"> {
  let summary = "start an all_reduce";
}
def AllGatherOp : DeepSeek_Collective<"all_gather", (ins I64Attr:$dim), " `dim` $dim"> {
  let summary = "concatenate every rank's tensor along `dim`";
}
def AllGatherStartOp : DeepSeek_CollectiveStart<"all_gather_start", (ins I64Attr:$dim), " `dim` $dim"> {
  let summary = "start an all_gather";
}
def ReduceScatterOp : DeepSeek_Collective<"reduce_scatter", (ins ReductionAttr:$reduction, I64Attr:$dim), " $reduction `dim` $dim"> {
  let summary = "reduce over all ranks; rank i keeps the i-th slice along `dim`";
}
def ReduceScatterStartOp : DeepSeek_CollectiveStart<"reduce_scatter_start", (ins ReductionAttr:$reduction, I64Attr:$dim),
                                                    " $reduction `dim` $dim"> {
  let summary = "start a reduce_scatter";
}
def AllToAllOp : DeepSeek_Collective<"all_to_all", (ins I64Attr:$dim), " `dim` $dim"> {
  let summary = "rank i's j-th slice along `dim` goes to rank j's i-th slice";
}
def AllToAllStartOp : DeepSeek_CollectiveStart<"all_to_all_start", (ins I64Attr:$dim), " `dim` $dim"> {
  let summary = "start an all_to_all";
}
def WaitOp : DeepSeek_Op<"wait"> {
  let summary = "the result of a started collective";
  let arguments = (ins FutureType:$future);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$future attr-dict `:` type($future) `->` type($result)";
  let hasVerifier = 1;
}

#endif
