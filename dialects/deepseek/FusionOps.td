// Regions of operations that become one kernel.
#ifndef DEEPSEEK_FUSION_OPS_TD
#define DEEPSEEK_FUSION_OPS_TD

include "dialects/deepseek/DeepSeekTypes.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def FusionOp : DeepSeek_Op<"fusion", [SingleBlockImplicitTerminator<"YieldOp">, RecursiveMemoryEffects]> {
  let summary = "operations that lowering turns into one kernel";
  let description = [{
    Groups operations that one kernel computes together. `pattern` names the fusion that made it. The region uses values from above freely; its
    results are what the terminator yields. Executing the body in place is always a correct lowering (the CPU path does).
    ```mlir
    %h, %y = deepseek.fusion "add_norm" -> tensor<8x256xbf16>, tensor<8x256xbf16> {
      %0 = deepseek.add %x, %a : tensor<8x256xbf16>
      %1 = deepseek.rms_norm %0, %w eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
      deepseek.yield %0, %1 : tensor<8x256xbf16>, tensor<8x256xbf16>
    }
    ```

    Constraints:
    - C1: `pattern` is not empty.
    - C2: the results are what the terminator yields.
  }];
  let arguments = (ins StrAttr:$pattern);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$pattern (`->` type($results)^)? $body attr-dict";
  let hasVerifier = 1;
}

def YieldOp : DeepSeek_Op<"yield", [Pure, Terminator, ReturnLike, HasParent<"FusionOp">]> {
  let summary = "the results of a fusion";
  let description = [{
    ```mlir
    deepseek.yield %0, %1 : tensor<8x256xbf16>, tensor<8x256xbf16>
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
}

#endif
