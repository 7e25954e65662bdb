// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/kernels.mlir -convert-kernel-to-nvvm -o %t/nvvm.mlir && FileCheck %t/kernels.mlir --input-file=%t/nvvm.mlir
// RUN: deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/kernels.mlir --check-prefix=WARP --input-file=%t/row_fusion_0.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=CTA --input-file=%t/row_fusion_1.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=LOOP --input-file=%t/row_fusion_2.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=COLUMNS --input-file=%t/row_fusion_3.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=ODD --input-file=%t/row_fusion_4.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=ACT --input-file=%t/row_fusion_5.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=EXACT --input-file=%t/row_fusion_6.ptx
// RUN: %if ptxas %{ deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary -o %t.ignored %}
// RUN: deepseek-opt %t/invalid.mlir -convert-kernel-to-nvvm -split-input-file -verify-diagnostics

//--- kernels.mlir
kernel.buffer @x input : tensor<512x8xbf16>
kernel.buffer @workspace workspace : tensor<8192xi8>
kernel.buffer @w parameter : tensor<512xbf16>
kernel.buffer @y output : tensor<8x512xbf16>
kernel.buffer @big input : tensor<3x7168xbf16>
kernel.buffer @bigw parameter : tensor<7168xbf16>
kernel.buffer @data output : tensor<3x7168xf8E4M3FN>
kernel.buffer @scales output : tensor<3x56xf32>
kernel.buffer @long input : tensor<3x40000xf32>
kernel.buffer @sums output : tensor<3xf32>
kernel.buffer @longy output : tensor<3x40000xf32>
kernel.buffer @gu input : tensor<3x36864xbf16>
kernel.buffer @act output : tensor<3x18432xbf16>
kernel.buffer @many input : tensor<4096x14336xbf16>
kernel.buffer @manydata output : tensor<4096x7168xf8E4M3FN>
kernel.buffer @manyscales output : tensor<4096x56xf32>
kernel.buffer @oddx input : tensor<7x1001xbf16>
kernel.buffer @oddy output : tensor<7x1001xbf16>

// 512 elements belong to one warp: no barrier, no shared memory. The weight is a parameter: read before the wait for the kernel that makes the rows.
// CHECK-LABEL: func.func @warp_row
// CHECK:         kernel.launch @row_fusion_0 grid [8, 1, 1] threads 32 cluster 1 shared 0 programmatic args [#kernel.pointer<@workspace + 0>, #kernel.pointer<@w + 0>, #kernel.pointer<@y + 0>]
// WARP-COUNT-2:  ld.global.v4.b32
// WARP-NOT:      ld.global
// WARP:          griddepcontrol.wait
// WARP-COUNT-2:  ld.global.v4.b32
// WARP-COUNT-5:  shfl.sync.bfly.b32
// WARP-NOT:      bar.sync
// WARP-COUNT-2:  st.global.v4.b32
func.func @warp_row() {
  %z = kernel.load_buffer @x : tensor<512x8xbf16>
  %x = kernel.transpose %z {placement = [#kernel.pointer<@workspace + 0>]} : tensor<512x8xbf16> -> tensor<8x512xbf16>
  %w = kernel.load_buffer @w : tensor<512xbf16>
  %y = kernel.row_fusion rows 8 whole [1] (%x, %w) {placement = [#kernel.pointer<@y + 0>]} : (tensor<8x512xbf16>, tensor<512xbf16>) -> tensor<8x512xbf16> {
  ^bb0(%r: tensor<512xbf16>, %g: tensor<512xbf16>):
    %0 = arith.extf %r : tensor<512xbf16> to tensor<512xf32>
    %1 = arith.mulf %0, %0 : tensor<512xf32>
    %2 = kernel.row_reduce add %1 : tensor<512xf32> -> tensor<f32>
    %3 = math.rsqrt %2 : tensor<f32>
    %4 = kernel.row_broadcast %3 : tensor<f32> -> tensor<512xf32>
    %5 = arith.mulf %0, %4 : tensor<512xf32>
    %6 = arith.extf %g : tensor<512xbf16> to tensor<512xf32>
    %7 = arith.mulf %5, %6 : tensor<512xf32>
    %8 = arith.truncf %7 : tensor<512xf32> to tensor<512xbf16>
    kernel.row_yield %8 : tensor<512xbf16>
  }
  return
}

// 7168 elements: two vectors of eight for each of 448 threads. The reduction has one barrier; a block of 128 lies in sixteen lanes, so that its scale needs no barrier.
// CHECK-LABEL: func.func @cta_row
// CHECK:         kernel.launch @row_fusion_1 grid [3, 1, 1] threads 448 cluster 1 shared 64
// CTA-COUNT-4:   ld.global.v4.b32
// CTA:           bar.sync
// CTA-NOT:       bar.sync
// CTA:           cvt.rn.satfinite.e4m3x2.f32
// CTA:           st.global.v2.b32
func.func @cta_row() {
  %x = kernel.load_buffer @big : tensor<3x7168xbf16>
  %w = kernel.load_buffer @bigw : tensor<7168xbf16>
  %d, %s = kernel.row_fusion rows 3 whole [1] (%x, %w) {placement = [#kernel.pointer<@data + 0>, #kernel.pointer<@scales + 0>]} : (tensor<3x7168xbf16>, tensor<7168xbf16>) -> (tensor<3x7168xf8E4M3FN>, tensor<3x56xf32>) {
  ^bb0(%r: tensor<7168xbf16>, %g: tensor<7168xbf16>):
    %0 = arith.extf %r : tensor<7168xbf16> to tensor<7168xf32>
    %1 = arith.mulf %0, %0 : tensor<7168xf32>
    %2 = kernel.row_reduce add %1 : tensor<7168xf32> -> tensor<f32>
    %3 = math.rsqrt %2 : tensor<f32>
    %4 = kernel.row_broadcast %3 : tensor<f32> -> tensor<7168xf32>
    %5 = arith.mulf %0, %4 : tensor<7168xf32>
    %6 = arith.extf %g : tensor<7168xbf16> to tensor<7168xf32>
    %7 = arith.mulf %5, %6 : tensor<7168xf32>
    %q, %t = kernel.row_quantize %7 : tensor<7168xf32> -> tensor<7168xf8E4M3FN>, tensor<56xf32>
    kernel.row_yield %q, %t : tensor<7168xf8E4M3FN>, tensor<56xf32>
  }
  return
}

// Too wide for registers: a loop for the maximum, another for the results, and the row is read twice.
// CHECK-LABEL: func.func @streamed_row
// CHECK:         kernel.launch @row_fusion_2 grid [3, 1, 1] threads 512
// LOOP:          ld.global{{(.nc)?}}.v4.b32
// LOOP:          bar.sync
// LOOP:          ld.global{{(.nc)?}}.v4.b32
// LOOP:          st.global.v4.b32
func.func @streamed_row() {
  %x = kernel.load_buffer @long : tensor<3x40000xf32>
  %s, %y = kernel.row_fusion rows 3 whole [] (%x) schedule <tile = [1, 1], warps = 16> {placement = [#kernel.pointer<@sums + 0>, #kernel.pointer<@longy + 0>]} : (tensor<3x40000xf32>) -> (tensor<3xf32>, tensor<3x40000xf32>) {
  ^bb0(%r: tensor<40000xf32>):
    %0 = kernel.row_reduce max %r : tensor<40000xf32> -> tensor<f32>
    %1 = kernel.row_broadcast %0 : tensor<f32> -> tensor<40000xf32>
    %2 = arith.subf %r, %1 : tensor<40000xf32>
    kernel.row_yield %0, %2 : tensor<f32>, tensor<40000xf32>
  }
  return
}

// Nothing is reduced: nine CTAs share each row. The operands are slices of one buffer.
// CHECK-LABEL: func.func @column_blocks
// CHECK:         kernel.launch @row_fusion_3 grid [3, 9, 1] threads 256 cluster 1 shared 0 programmatic args [#kernel.pointer<@gu + 0>, #kernel.pointer<@gu + 36864>, #kernel.pointer<@act + 0>]
// COLUMNS-COUNT-2: ld.global.v4.b32
// COLUMNS:       st.global.v4.b32
// COLUMNS-NOT:   st.global
func.func @column_blocks() {
  %x = kernel.load_buffer @gu : tensor<3x36864xbf16>
  %g = tensor.extract_slice %x[0, 0] [3, 18432] [1, 1] : tensor<3x36864xbf16> to tensor<3x18432xbf16>
  %u = tensor.extract_slice %x[0, 18432] [3, 18432] [1, 1] : tensor<3x36864xbf16> to tensor<3x18432xbf16>
  %y = kernel.row_fusion rows 3 whole [] (%g, %u) {placement = [#kernel.pointer<@act + 0>]} : (tensor<3x18432xbf16>, tensor<3x18432xbf16>) -> tensor<3x18432xbf16> {
  ^bb0(%a: tensor<18432xbf16>, %b: tensor<18432xbf16>):
    %0 = arith.extf %a : tensor<18432xbf16> to tensor<18432xf32>
    %1 = arith.extf %b : tensor<18432xbf16> to tensor<18432xf32>
    %2 = arith.mulf %0, %1 : tensor<18432xf32>
    %3 = arith.truncf %2 : tensor<18432xf32> to tensor<18432xbf16>
    kernel.row_yield %3 : tensor<18432xbf16>
  }
  return
}

// Rows of 2002 bytes: one element at a time.
// CHECK-LABEL: func.func @odd_row
// CHECK:         kernel.launch @row_fusion_4 grid [7, 1, 1] threads 128
// ODD-COUNT-8:   ld.global.nc.b16
// ODD-COUNT-8:   st.global.b16
func.func @odd_row() {
  %x = kernel.load_buffer @oddx : tensor<7x1001xbf16>
  %y = kernel.row_fusion rows 7 whole [] (%x) {placement = [#kernel.pointer<@oddy + 0>]} : (tensor<7x1001xbf16>) -> tensor<7x1001xbf16> {
  ^bb0(%a: tensor<1001xbf16>):
    %0 = arith.extf %a : tensor<1001xbf16> to tensor<1001xf32>
    %1 = arith.negf %0 : tensor<1001xf32>
    %2 = arith.truncf %1 : tensor<1001xf32> to tensor<1001xbf16>
    kernel.row_yield %2 : tensor<1001xbf16>
  }
  return
}

// Many rows: two vectors of each operand a thread, of 448 that share half a row. For each of the 16 elements one ex2, one rcp and a
// correction of two steps, for each of the two blocks a reciprocal; no division, and no branch but around the store of a scale.
// CHECK-LABEL: func.func @swiglu_quantize
// CHECK:         kernel.launch @row_fusion_5 grid [4096, 2, 1] threads 224 cluster 1 shared 0
// ACT-COUNT-4:   ld.global.v4.b32
// ACT-NOT:       ld.global
// ACT-NOT:       div
// ACT-COUNT-8:   ex2.approx.ftz.f32
// ACT:           rcp.approx.ftz.f32
// ACT-COUNT-4:   cvt.rn.satfinite.e4m3x2.f32
// ACT-COUNT-8:   ex2.approx.ftz.f32
// ACT-NOT:       {{div|ex2}}
// ACT-COUNT-4:   cvt.rn.satfinite.e4m3x2.f32
// ACT-NOT:       {{div|ex2}}
func.func @swiglu_quantize() {
  %x = kernel.load_buffer @many : tensor<4096x14336xbf16>
  %g = tensor.extract_slice %x[0, 0] [4096, 7168] [1, 1] : tensor<4096x14336xbf16> to tensor<4096x7168xbf16>
  %u = tensor.extract_slice %x[0, 7168] [4096, 7168] [1, 1] : tensor<4096x14336xbf16> to tensor<4096x7168xbf16>
  %d, %s = kernel.row_fusion rows 4096 whole [] (%g, %u) {placement = [#kernel.pointer<@manydata + 0>, #kernel.pointer<@manyscales + 0>]}
      : (tensor<4096x7168xbf16>, tensor<4096x7168xbf16>) -> (tensor<4096x7168xf8E4M3FN>, tensor<4096x56xf32>) {
  ^bb0(%a: tensor<7168xbf16>, %b: tensor<7168xbf16>):
    %0 = arith.extf %a : tensor<7168xbf16> to tensor<7168xf32>
    %1 = arith.extf %b : tensor<7168xbf16> to tensor<7168xf32>
    %one = arith.constant dense<1.0> : tensor<7168xf32>
    %2 = arith.negf %0 : tensor<7168xf32>
    %3 = math.exp %2 : tensor<7168xf32>
    %4 = arith.addf %one, %3 : tensor<7168xf32>
    %5 = arith.divf %0, %4 : tensor<7168xf32>
    %6 = arith.mulf %5, %1 : tensor<7168xf32>
    %q, %t = kernel.row_quantize %6 : tensor<7168xf32> -> tensor<7168xf8E4M3FN>, tensor<56xf32>
    kernel.row_yield %q, %t : tensor<7168xf8E4M3FN>, tensor<56xf32>
  }
  return
}

// The same without a rounding to come, and behind a sum, which may cancel: an exponential within two units and a division.
// CHECK-LABEL: func.func @accurate_sigmoid
// CHECK:         kernel.launch @row_fusion_6
// EXACT-NOT:     rcp.approx
// EXACT-COUNT-8: div.full.f32
func.func @accurate_sigmoid() {
  %x = kernel.load_buffer @gu : tensor<3x36864xbf16>
  %g = tensor.extract_slice %x[0, 0] [3, 7168] [1, 1] : tensor<3x36864xbf16> to tensor<3x7168xbf16>
  %u = tensor.extract_slice %x[0, 7168] [3, 7168] [1, 1] : tensor<3x36864xbf16> to tensor<3x7168xbf16>
  %d = kernel.row_fusion rows 3 whole [] (%g, %u) {placement = [#kernel.pointer<@data + 0>]}
      : (tensor<3x7168xbf16>, tensor<3x7168xbf16>) -> tensor<3x7168xf8E4M3FN> {
  ^bb0(%a: tensor<7168xbf16>, %b: tensor<7168xbf16>):
    %0 = arith.extf %a : tensor<7168xbf16> to tensor<7168xf32>
    %1 = arith.extf %b : tensor<7168xbf16> to tensor<7168xf32>
    %one = arith.constant dense<1.0> : tensor<7168xf32>
    %2 = arith.negf %0 : tensor<7168xf32>
    %3 = math.exp %2 : tensor<7168xf32>
    %4 = arith.addf %one, %3 : tensor<7168xf32>
    %5 = arith.divf %0, %4 : tensor<7168xf32>
    %6 = arith.addf %5, %1 : tensor<7168xf32>
    %q, %t = kernel.row_quantize %6 : tensor<7168xf32> -> tensor<7168xf8E4M3FN>, tensor<56xf32>
    kernel.row_yield %q : tensor<7168xf8E4M3FN>
  }
  return
}

// A cluster for each row where few rows load much: partial sums are read from the shared memory of all eight CTAs.
// CHECK-LABEL: func.func @cluster_row
// CHECK:         kernel.launch @row_fusion_[[#CLUSTER_ROW:]] grid [24, 1, 1] threads 320 cluster 8
// CHECK:         llvm.func @row_fusion_[[#CLUSTER_ROW]]
// CHECK:           nvvm.cluster.arrive
// CHECK:           nvvm.mapa
// CHECK:           nvvm.cluster.arrive
func.func @cluster_row() {
  %x = kernel.load_buffer @long : tensor<3x40000xf32>
  %s, %y = kernel.row_fusion rows 3 whole [] (%x) {placement = [#kernel.pointer<@sums + 0>, #kernel.pointer<@longy + 0>]} : (tensor<3x40000xf32>) -> (tensor<3xf32>, tensor<3x40000xf32>) {
  ^bb0(%r: tensor<40000xf32>):
    %0 = kernel.row_reduce max %r : tensor<40000xf32> -> tensor<f32>
    %1 = kernel.row_broadcast %0 : tensor<f32> -> tensor<40000xf32>
    %2 = arith.subf %r, %1 : tensor<40000xf32>
    kernel.row_yield %0, %2 : tensor<f32>, tensor<40000xf32>
  }
  return
}

//--- invalid.mlir
// Elements of a quantised row live in the lanes that hold their block.
kernel.buffer @x input : tensor<8x256xf32>
kernel.buffer @y output : tensor<8xf8E4M3FN>
func.func @quantized_elsewhere() {
  %x = kernel.load_buffer @x : tensor<8x256xf32>
  // expected-error@below {{no kernel was built for this operation}}
  %y = kernel.row_fusion rows 8 whole [] (%x) {placement = [#kernel.pointer<@y + 0>]} : (tensor<8x256xf32>) -> tensor<8xf8E4M3FN> {
  ^bb0(%r: tensor<256xf32>):
    // expected-error@below {{the results of row_quantize are used at other places of the row}}
    %d, %s = kernel.row_quantize %r : tensor<256xf32> -> tensor<256xf8E4M3FN>, tensor<2xf32>
    // expected-note@below {{here}}
    %0 = kernel.row_extract %d[7] : tensor<256xf8E4M3FN> -> tensor<f8E4M3FN>
    kernel.row_yield %0 : tensor<f8E4M3FN>
  }
  return
}

// -----

kernel.buffer @x input : tensor<8x256xf32>
kernel.buffer @y output : tensor<8x256xf32>
func.func @unknown_operation() {
  %x = kernel.load_buffer @x : tensor<8x256xf32>
  // expected-error@below {{no kernel was built for this operation}}
  %y = kernel.row_fusion rows 8 whole [] (%x) {placement = [#kernel.pointer<@y + 0>]} : (tensor<8x256xf32>) -> tensor<8x256xf32> {
  ^bb0(%r: tensor<256xf32>):
    // expected-error@below {{this operation cannot be part of a row program}}
    %0 = math.tanh %r : tensor<256xf32>
    kernel.row_yield %0 : tensor<256xf32>
  }
  return
}

// -----

kernel.buffer @x input : tensor<8x2xf32>
kernel.buffer @y output : tensor<8x2xf32>
func.func @constant_row() {
  %x = kernel.load_buffer @x : tensor<8x2xf32>
  // expected-error@below {{no kernel was built for this operation}}
  %y = kernel.row_fusion rows 8 whole [] (%x) {placement = [#kernel.pointer<@y + 0>]} : (tensor<8x2xf32>) -> tensor<8x2xf32> {
  ^bb0(%r: tensor<2xf32>):
    // expected-error@below {{constants of a row program must be splats}}
    %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %0 = arith.addf %r, %c : tensor<2xf32>
    kernel.row_yield %0 : tensor<2xf32>
  }
  return
}

// -----

kernel.buffer @x input : tensor<8x256xbf16>
kernel.buffer @y output : tensor<8x256xbf16>
func.func @rounded_arithmetic() {
  %x = kernel.load_buffer @x : tensor<8x256xbf16>
  // expected-error@below {{no kernel was built for this operation}}
  %y = kernel.row_fusion rows 8 whole [] (%x) {placement = [#kernel.pointer<@y + 0>]} : (tensor<8x256xbf16>) -> tensor<8x256xbf16> {
  ^bb0(%r: tensor<256xbf16>):
    // expected-error@below {{arithmetic of a row program is f32, got 'bf16'}}
    %0 = arith.addf %r, %r : tensor<256xbf16>
    kernel.row_yield %0 : tensor<256xbf16>
  }
  return
}

// -----

// A block of 128 needs accesses of four elements, pairs in halves of three allow one.
kernel.buffer @x input : tensor<8x6xf32>
kernel.buffer @p input : tensor<8xi32>
kernel.buffer @d output : tensor<8x6xf8E4M3FN>
kernel.buffer @s output : tensor<8x1xf32>
func.func @quantized_odd_rotation() {
  %x = kernel.load_buffer @x : tensor<8x6xf32>
  %p = kernel.load_buffer @p : tensor<8xi32>
  // expected-error@below {{no kernel was built for this operation}}
  // expected-error@below {{a row of 6 elements is both quantised in blocks of 128 and rotated in runs of 1}}
  %d, %s = kernel.row_fusion rows 8 whole [] (%x, %p) {placement = [#kernel.pointer<@d + 0>, #kernel.pointer<@s + 0>]}
      : (tensor<8x6xf32>, tensor<8xi32>) -> (tensor<8x6xf8E4M3FN>, tensor<8x1xf32>) {
  ^bb0(%r: tensor<6xf32>, %q: tensor<i32>):
    %a = kernel.row_angles %q {frequencies = array<f64: 1.0, 0.1, 0.01>, magnitude = 1.0} : tensor<i32> -> tensor<3x2xf32>
    %0 = kernel.row_rope %r, %a half_split : tensor<6xf32>, tensor<3x2xf32> -> tensor<6xf32>
    %1, %2 = kernel.row_quantize %0 : tensor<6xf32> -> tensor<6xf8E4M3FN>, tensor<1xf32>
    kernel.row_yield %1, %2 : tensor<6xf8E4M3FN>, tensor<1xf32>
  }
  return
}
