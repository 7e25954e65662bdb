// RUN: deepseek-opt %s -convert-host-to-llvm -split-input-file -verify-diagnostics

// The runtime knows no such element.
// expected-error@+1 {{buffer 'x' has type 'tensor<8xi1>', whose elements an artefact cannot hold}}
kernel.buffer @x input : tensor<8xi1>

// -----

kernel.buffer @y output : tensor<8xf32>
llvm.func @missing()
func.func @f() attributes {deepseek.entry = {kind = "function"}} {
  // expected-error@+1 {{kernel 'missing' has no kernel.binary (-convert-nvvm-to-binary)}}
  kernel.launch @missing grid [1, 1, 1] threads 32 cluster 1 shared 0 args [#kernel.pointer<@y + 0>]
  return
}
