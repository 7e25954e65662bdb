// RUN: deepseek-opt %s -bind-buffers -split-input-file -verify-diagnostics | FileCheck %s

// Two entries share buffers: the table has the largest shape of each, entries read a prefix.
// CHECK-DAG: kernel.buffer @tokens input : tensor<16xi32>
// CHECK-DAG: kernel.buffer @logits output : tensor<4x8xf32>
// CHECK-DAG: kernel.buffer @table parameter sources [#kernel.source<"table" at 0 : tensor<32x8xbf16>>] : tensor<32x8xbf16>
// CHECK-NOT: unused
deepseek.parameter @table : tensor<32x8xbf16>
deepseek.parameter @unused : tensor<4xbf16>

// CHECK-LABEL: func.func @prefill_16()
// CHECK-SAME:    deepseek.entry
// CHECK:         %[[TOKENS:.+]] = kernel.load_buffer @tokens : tensor<16xi32>
// CHECK:         %[[TABLE:.+]] = kernel.load_buffer @table : tensor<32x8xbf16>
// CHECK:         %[[X:.+]] = deepseek.embedding %[[TOKENS]], %[[TABLE]]
// CHECK:         %[[Y:.+]] = tensor.extract_slice %[[X]]
// CHECK:         kernel.store_buffer %[[Y]], @logits : tensor<1x8xf32>
// CHECK-NEXT:    return{{$}}
func.func @prefill_16(%tokens: tensor<16xi32> {deepseek.buffer = "tokens"}) -> (tensor<1x8xf32> {deepseek.buffer = "logits"})
    attributes {deepseek.entry = {kind = "prefill", tokens = 16 : i64, rows = 1 : i64}} {
  %table = deepseek.load_parameter @table : tensor<32x8xbf16>
  %x = deepseek.embedding %tokens, %table : tensor<16xi32>, tensor<32x8xbf16> -> tensor<16x8xf32>
  %y = tensor.extract_slice %x[0, 0] [1, 8] [1, 1] : tensor<16x8xf32> to tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}
// CHECK-LABEL: func.func @decode_4()
// CHECK:         kernel.load_buffer @tokens : tensor<4xi32>
// CHECK:         kernel.store_buffer %{{.+}}, @logits : tensor<4x8xf32>
func.func @decode_4(%tokens: tensor<4xi32> {deepseek.buffer = "tokens"}) -> (tensor<4x8xf32> {deepseek.buffer = "logits"})
    attributes {deepseek.entry = {kind = "decode", tokens = 4 : i64, rows = 4 : i64}} {
  %table = deepseek.load_parameter @table : tensor<32x8xbf16>
  %x = deepseek.embedding %tokens, %table : tensor<4xi32>, tensor<32x8xbf16> -> tensor<4x8xf32>
  return %x : tensor<4x8xf32>
}

// -----

// A function that is no entry gets buffers named after it, and becomes an entry of kind "function". The cache is a memref.
// CHECK-DAG: kernel.buffer @append.arg0 input : tensor<2x8xf32>
// CHECK-DAG: kernel.buffer @append.arg2 cache : memref<?x3x64x12xf32>
// CHECK-DAG: kernel.buffer @append.result0 output : tensor<2x8xf32>
// CHECK-LABEL: func.func @append() attributes {deepseek.entry = {kind = "function"}}
// CHECK:         %[[MEMREF:.+]] = kernel.buffer_memref @append.arg2 : memref<?x3x64x12xf32>
// CHECK:         %[[CACHE:.+]] = builtin.unrealized_conversion_cast %[[MEMREF]] : memref<?x3x64x12xf32> to !deepseek.latent_cache
// CHECK:         deepseek.latent_cache_append {{.+}} to %[[CACHE]][1]
func.func @append(%latent: tensor<2x8xf32>, %key: tensor<2x4xf32>,
                  %cache: !deepseek.latent_cache<layers = 3, page = 64, latent = 8, rope = 4, element = f32>,
                  %positions: tensor<2xi32>, %table: tensor<2x5xi32>) -> tensor<2x8xf32> {
  deepseek.latent_cache_append %latent, %key to %cache[1] at %positions, %table
    : tensor<2x8xf32>, tensor<2x4xf32>, !deepseek.latent_cache<layers = 3, page = 64, latent = 8, rope = 4, element = f32>,
      tensor<2xi32>, tensor<2x5xi32>
  return %latent : tensor<2x8xf32>
}

// -----

// Joins along a leading dimension, nested ones too, are the loader's work: @initialize does nothing for them.
// CHECK-DAG: kernel.buffer @ab parameter sources [#kernel.source<"a" at 0 : tensor<2x4xbf16>>, #kernel.source<"b" at 16 : tensor<3x4xbf16>>] : tensor<5x4xbf16>
// CHECK-DAG: kernel.buffer @experts parameter sources [#kernel.source<"a" at 0 : tensor<2x4xbf16>>, #kernel.source<"c" at 16 : tensor<2x4xbf16>>, #kernel.source<"c" at 32 : tensor<2x4xbf16>>, #kernel.source<"a" at 48 : tensor<2x4xbf16>>] : tensor<2x4x4xbf16>
// A join of columns splits the rows of its inputs: it is computed.
// CHECK-DAG: kernel.buffer @columns derived : tensor<2x8xbf16>
// The join inside an entry has the sources of @ab, so it is that buffer.
// CHECK-LABEL: func.func @initialize()
// CHECK:         %[[JOINED:.+]] = deepseek.concat %{{.+}}, %{{.+}} dim 1
// CHECK-NEXT:    kernel.store_buffer %[[JOINED]], @columns
// CHECK-NEXT:    return
deepseek.parameter @a : tensor<2x4xbf16>
deepseek.parameter @b : tensor<3x4xbf16>
deepseek.parameter @c : tensor<2x4xbf16>
deepseek.parameter @ab derived : tensor<5x4xbf16>
deepseek.parameter @experts derived : tensor<2x4x4xbf16>
deepseek.parameter @columns derived : tensor<2x8xbf16>
func.func @initialize() attributes {deepseek.entry = {kind = "initialize"}} {
  %a = deepseek.load_parameter @a : tensor<2x4xbf16>
  %b = deepseek.load_parameter @b : tensor<3x4xbf16>
  %c = deepseek.load_parameter @c : tensor<2x4xbf16>
  %ab = deepseek.concat %a, %b dim 0 : (tensor<2x4xbf16>, tensor<3x4xbf16>) -> tensor<5x4xbf16>
  deepseek.store_parameter %ab, @ab : tensor<5x4xbf16>
  %gate = deepseek.stack %a, %c : (tensor<2x4xbf16>, tensor<2x4xbf16>) -> tensor<2x2x4xbf16>
  %up = deepseek.stack %c, %a : (tensor<2x4xbf16>, tensor<2x4xbf16>) -> tensor<2x2x4xbf16>
  %e0 = deepseek.concat %a, %c dim 0 : (tensor<2x4xbf16>, tensor<2x4xbf16>) -> tensor<4x4xbf16>
  %e1 = deepseek.concat %c, %a dim 0 : (tensor<2x4xbf16>, tensor<2x4xbf16>) -> tensor<4x4xbf16>
  %experts = deepseek.stack %e0, %e1 : (tensor<4x4xbf16>, tensor<4x4xbf16>) -> tensor<2x4x4xbf16>
  deepseek.store_parameter %experts, @experts : tensor<2x4x4xbf16>
  %columns = deepseek.concat %a, %c dim 1 : (tensor<2x4xbf16>, tensor<2x4xbf16>) -> tensor<2x8xbf16>
  deepseek.store_parameter %columns, @columns : tensor<2x8xbf16>
  return
}
// CHECK-LABEL: func.func @f()
// CHECK-DAG:     kernel.load_buffer @ab : tensor<5x4xbf16>
// CHECK-DAG:     kernel.load_buffer @columns : tensor<2x8xbf16>
// CHECK-DAG:     kernel.load_buffer @experts : tensor<2x4x4xbf16>
func.func @f() -> (tensor<5x4xbf16>, tensor<2x8xbf16>, tensor<2x4x4xbf16>) {
  %a = deepseek.load_parameter @a : tensor<2x4xbf16>
  %b = deepseek.load_parameter @b : tensor<3x4xbf16>
  %ab = deepseek.concat %a, %b dim 0 : (tensor<2x4xbf16>, tensor<3x4xbf16>) -> tensor<5x4xbf16>
  %columns = deepseek.load_parameter @columns : tensor<2x8xbf16>
  %experts = deepseek.load_parameter @experts : tensor<2x4x4xbf16>
  return %ab, %columns, %experts : tensor<5x4xbf16>, tensor<2x8xbf16>, tensor<2x4x4xbf16>
}

// -----

// The gates and ups of all experts, joined after they are stacked: each still lies in one piece.
// CHECK: kernel.buffer @"g0+3" parameter sources [#kernel.source<"g0" at 0 : tensor<2x4xf32>>, #kernel.source<"g1" at 64 : tensor<2x4xf32>>, #kernel.source<"u0" at 32 : tensor<2x4xf32>>, #kernel.source<"u1" at 96 : tensor<2x4xf32>>] : tensor<2x4x4xf32>
// CHECK-LABEL: func.func @joined_in_entry()
// CHECK-NEXT:    %[[W:.+]] = kernel.load_buffer @"g0+3"
// CHECK-NEXT:    kernel.store_buffer %[[W]], @joined_in_entry.result0
deepseek.parameter @g0 : tensor<2x4xf32>
deepseek.parameter @g1 : tensor<2x4xf32>
deepseek.parameter @u0 : tensor<2x4xf32>
deepseek.parameter @u1 : tensor<2x4xf32>
func.func @joined_in_entry() -> tensor<2x4x4xf32> {
  %g0 = deepseek.load_parameter @g0 : tensor<2x4xf32>
  %g1 = deepseek.load_parameter @g1 : tensor<2x4xf32>
  %u0 = deepseek.load_parameter @u0 : tensor<2x4xf32>
  %u1 = deepseek.load_parameter @u1 : tensor<2x4xf32>
  %gate = deepseek.stack %g0, %g1 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x2x4xf32>
  %up = deepseek.stack %u0, %u1 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x2x4xf32>
  %both = deepseek.concat %gate, %up dim 1 : (tensor<2x2x4xf32>, tensor<2x2x4xf32>) -> tensor<2x4x4xf32>
  return %both : tensor<2x4x4xf32>
}

// -----

// expected-error @below {{entry @no_name: argument 0 has no deepseek.buffer attribute}}
func.func @no_name(%x: tensor<4xf32>) attributes {deepseek.entry = {kind = "decode"}} {
  return
}

// -----

// expected-error @below {{argument 0 must be a static tensor, a latent cache or a cache memref, got 'f32'}}
func.func @scalar(%x: f32) {
  return
}

// -----

// expected-note @below {{buffer first used here}}
func.func @narrow(%x: tensor<4x2xf32> {deepseek.buffer = "x"}) attributes {deepseek.entry = {kind = "decode"}} {
  return
}
// expected-error @below {{buffer 'x' must have one element type and equal dimensions after the first in all entries, got 'tensor<4x3xf32>' and 'tensor<4x2xf32>'}}
func.func @wide(%x: tensor<4x3xf32> {deepseek.buffer = "x"}) attributes {deepseek.entry = {kind = "decode"}} {
  return
}
