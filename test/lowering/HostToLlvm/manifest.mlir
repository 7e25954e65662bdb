// RUN: deepseek-opt %s -convert-host-to-llvm="target=sm_90a cpu=x86-64-v4" | FileCheck %s
// The manifest (docs/artifact.md), a JSON text: here every kind of thing that it can hold, in order. \22 is the quotation mark.
// CHECK: llvm.mlir.global private constant @dsrt_manifest("{\22abi\22:{{[0-9]+}},\22target\22:\22sm_90a\22,\22cpu\22:\22x86-64-v4\22,

// The model's dictionary: integers, numbers, truth values, text, lists; config.json verbatim.
// CHECK-SAME: \22model\22:{\22activation_dtype\22:\22bf16\22,\22eos_token_id\22:[1,2],\22factor\22:0.5,\22layers\22:2,\22tied\22:false},
// CHECK-SAME: \22config\22:{\22dim\22: 256},

// Roles, element types, shapes: -1 pages of a cache.
// CHECK-SAME: \22buffers\22:[
// CHECK-SAME: {\22name\22:\22tokens\22,\22role\22:\22input\22,\22dtype\22:\22i32\22,\22shape\22:[8]},
// CHECK-SAME: {\22name\22:\22seed\22,\22role\22:\22input\22,\22dtype\22:\22i64\22,\22shape\22:[8]},
// CHECK-SAME: {\22name\22:\22w\22,\22role\22:\22parameter\22,\22dtype\22:\22bf16\22,\22shape\22:[6,4]},
// CHECK-SAME: {\22name\22:\22q\22,\22role\22:\22derived\22,\22dtype\22:\22f8E4M3FN\22,\22shape\22:[6,4]},
// CHECK-SAME: {\22name\22:\22logits\22,\22role\22:\22output\22,\22dtype\22:\22f32\22,\22shape\22:[8,16]},
// CHECK-SAME: {\22name\22:\22cache\22,\22role\22:\22cache\22,\22dtype\22:\22bf16\22,\22shape\22:[-1,2,64,80]},
// CHECK-SAME: {\22name\22:\22workspace\22,\22role\22:\22workspace\22,\22dtype\22:\22u8\22,\22shape\22:[4096]}],

// Where each tensor of the checkpoint goes: two of them share buffer 2, the second after 2 x 4 x 2 bytes. Derived buffers are not loaded.
// CHECK-SAME: \22parameters\22:[
// CHECK-SAME: {\22tensor\22:\22q_a\22,\22dtype\22:\22bf16\22,\22shape\22:[2,4],\22buffer\22:2,\22offset\22:0},
// CHECK-SAME: {\22tensor\22:\22kv_a\22,\22dtype\22:\22bf16\22,\22shape\22:[4,4],\22buffer\22:2,\22offset\22:16}],

// Entries with the fields of their attribute; a function without one is none.
// CHECK-SAME: \22entries\22:[{\22name\22:\22initialize\22,\22kind\22:\22initialize\22},{\22name\22:\22decode_8\22,\22kind\22:\22decode\22,\22rows\22:8,\22tokens\22:8}],

// Binaries lie one after another.
// CHECK-SAME: \22kernels\22:[
// CHECK-SAME: {\22name\22:\22first\22,\22symbol\22:\22first\22,\22offset\22:0,\22size\22:3,\22shared_bytes\22:0,\22registers\22:32},
// CHECK-SAME: {\22name\22:\22second\22,\22symbol\22:\22second\22,\22offset\22:3,\22size\22:5,\22shared_bytes\22:1024,\22registers\22:64}]}")
// CHECK:      llvm.mlir.global private constant @dsrt_kernels("onethree") {{.*}}section = ".deepseek.kernels"
module attributes {
  deepseek.model = {layers = 2 : i64, factor = 0.5 : f64, tied = false, activation_dtype = "bf16", eos_token_id = [1, 2]},
  deepseek.config = "{\22dim\22: 256}"} {
  kernel.buffer @tokens input : tensor<8xi32>
  kernel.buffer @seed input : tensor<8xi64>
  kernel.buffer @w parameter sources [#kernel.source<"q_a" at 0 : tensor<2x4xbf16>>, #kernel.source<"kv_a" at 16 : tensor<4x4xbf16>>] : tensor<6x4xbf16>
  kernel.buffer @q derived : tensor<6x4xf8E4M3FN>
  kernel.buffer @logits output : tensor<8x16xf32>
  kernel.buffer @cache cache : memref<?x2x64x80xbf16>
  kernel.buffer @workspace workspace : tensor<4096xi8>
  kernel.binary @first shared 0 registers 32 : "one"
  kernel.binary @second shared 1024 registers 64 : "three"
  func.func @initialize() attributes {deepseek.entry = {kind = "initialize"}} {
    return
  }
  func.func @decode_8() attributes {deepseek.entry = {kind = "decode", tokens = 8 : i64, rows = 8 : i64}} {
    return
  }
  func.func private @helper() {
    return
  }
}
