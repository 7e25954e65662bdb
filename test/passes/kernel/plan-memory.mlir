// RUN: deepseek-opt %s -kernel-plan-memory -split-input-file | FileCheck %s
// RUN: deepseek-opt %s -kernel-plan-memory -split-input-file --remark-format=emitRemark --remarks-filter=kernel-plan-memory -o %t.ignored 2>&1 | FileCheck %s --check-prefix=REMARK

kernel.buffer @x input : tensor<8x256xbf16>
kernel.buffer @w parameter : tensor<256x256xbf16>
kernel.buffer @y output : tensor<8x256xbf16>
// Four products in a row: the first's result is dead when the third writes, so they share bytes; the last writes to the output itself.
// CHECK:       kernel.buffer @workspace workspace : tensor<8192xi8>
// CHECK-LABEL: func.func @chain
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@workspace + 0>]
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@workspace + 4096>]
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@workspace + 0>]
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@y + 0>]
// CHECK-NOT:     kernel.store_buffer
// REMARK:      Function=chain | Remark="3 results in 8192 bytes of workspace, 12288 without reuse"
func.func @chain() {
  %x = kernel.load_buffer @x : tensor<8x256xbf16>
  %w = kernel.load_buffer @w : tensor<256x256xbf16>
  %0 = kernel.skinny_gemm %x, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %1 = kernel.skinny_gemm %0, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %2 = kernel.skinny_gemm %1, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %3 = kernel.skinny_gemm %2, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  kernel.store_buffer %3, @y : tensor<8x256xbf16>
  return
}

// -----

kernel.buffer @x input : tensor<8x256xbf16>
kernel.buffer @w parameter : tensor<256x256xbf16>
kernel.buffer @y output : tensor<8x128xbf16>
// A slice is read in place, and its root lives as long as the slice is used: the second result may not take its bytes.
// CHECK-LABEL: func.func @keeps_root_of_view
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@workspace + 0>]
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@workspace + 4096>]
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@y + 0>]
func.func @keeps_root_of_view() {
  %x = kernel.load_buffer @x : tensor<8x256xbf16>
  %w = kernel.load_buffer @w : tensor<256x256xbf16>
  %0 = kernel.skinny_gemm %x, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %v = tensor.extract_slice %0[0, 128] [8, 128] [1, 1] : tensor<8x256xbf16> to tensor<8x128xbf16>
  %1 = kernel.skinny_gemm %x, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %u = tensor.extract_slice %1[0, 0] [8, 128] [1, 1] : tensor<8x256xbf16> to tensor<8x128xbf16>
  %2 = kernel.skinny_gemm %v, %u : tensor<8x128xbf16>, tensor<8x128xbf16> -> tensor<8x8xbf16>
  %3 = kernel.skinny_gemm %2, %2 : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
  kernel.store_buffer %3, @y : tensor<8x8xbf16>
  return
}

// -----

kernel.buffer @x input : tensor<8x256xbf16>
kernel.buffer @y output : tensor<8x256xbf16>
// An input has no kernel that could write it to the output: it is copied.
// CHECK-LABEL: func.func @copies_input
// CHECK:         kernel.row_fusion rows 8 {{.*}}placement = [#kernel.pointer<@y + 0>]
// CHECK-NOT:     kernel.store_buffer
func.func @copies_input() {
  %x = kernel.load_buffer @x : tensor<8x256xbf16>
  kernel.store_buffer %x, @y : tensor<8x256xbf16>
  return
}

// -----

kernel.buffer @x input : tensor<8x256xbf16>
kernel.buffer @w parameter : tensor<256x256xbf16>
kernel.buffer @y output : tensor<8x256xbf16>
kernel.buffer @z output : tensor<8x256xbf16>
// A kernel writes to one place: the second buffer gets a copy of the first.
// CHECK-LABEL: func.func @stored_to_two_buffers
// CHECK:         %[[Y:.+]] = kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@y + 0>]
// CHECK:         kernel.row_fusion rows 8 whole [](%[[Y]]) {placement = [#kernel.pointer<@z + 0>]}
func.func @stored_to_two_buffers() {
  %x = kernel.load_buffer @x : tensor<8x256xbf16>
  %w = kernel.load_buffer @w : tensor<256x256xbf16>
  %0 = kernel.skinny_gemm %x, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  kernel.store_buffer %0, @y : tensor<8x256xbf16>
  kernel.store_buffer %0, @z : tensor<8x256xbf16>
  return
}

// -----

kernel.buffer @w parameter : tensor<256x128xbf16>
kernel.buffer @v derived : tensor<4x24x128xbf16>
// A slice of a parameter is copied, a whole result under another shape is not.
// CHECK-LABEL: func.func @initialize
// CHECK:         %[[S:.+]] = tensor.extract_slice
// CHECK:         kernel.row_fusion rows 4 whole [](%[[S]]) {placement = [#kernel.pointer<@v + 0>]}
// CHECK:         ^bb0(%[[R:.+]]: tensor<24x128xbf16>):
// CHECK:           kernel.row_yield %[[R]]
// CHECK:         kernel.transpose {{.*}}placement = [#kernel.pointer<@t + 0>]
// CHECK-NOT:     kernel.row_fusion
kernel.buffer @t derived : tensor<512x40xbf16>
func.func @initialize() {
  %w = kernel.load_buffer @w : tensor<256x128xbf16>
  %h = tensor.expand_shape %w [[0, 1], [2]] output_shape [4, 64, 128] : tensor<256x128xbf16> into tensor<4x64x128xbf16>
  %s = tensor.extract_slice %h[0, 40, 0] [4, 24, 128] [1, 1, 1] : tensor<4x64x128xbf16> to tensor<4x24x128xbf16>
  kernel.store_buffer %s, @v : tensor<4x24x128xbf16>
  %k = tensor.extract_slice %h[0, 0, 0] [4, 40, 128] [1, 1, 1] : tensor<4x64x128xbf16> to tensor<4x40x128xbf16>
  %t = kernel.transpose %k : tensor<4x40x128xbf16> -> tensor<4x128x40xbf16>
  %f = tensor.collapse_shape %t [[0, 1], [2]] : tensor<4x128x40xbf16> into tensor<512x40xbf16>
  kernel.store_buffer %f, @t : tensor<512x40xbf16>
  return
}

// -----

kernel.buffer @x input : tensor<1000xf32>
kernel.buffer @y output : tensor<1000xf32>
// A vector is copied as one row.
// CHECK-LABEL: func.func @copies_vector
// CHECK:         %[[ROW:.+]] = tensor.expand_shape %{{.+}} into tensor<1x1000xf32>
// CHECK:         kernel.row_fusion rows 1 whole [](%[[ROW]]) {placement = [#kernel.pointer<@y + 0>]}
func.func @copies_vector() {
  %x = kernel.load_buffer @x : tensor<1000xf32>
  kernel.store_buffer %x, @y : tensor<1000xf32>
  return
}

// -----

kernel.buffer @x input : tensor<8x4x48xbf16>
kernel.buffer @w parameter : tensor<16x128xbf16>
kernel.buffer @y output : tensor<8x16xbf16>
// The heads' slices lie apart; as one row they must be copied together first.
// CHECK-LABEL: func.func @joins_slices
// CHECK:         %[[S:.+]] = tensor.extract_slice
// CHECK:         %[[C:.+]] = kernel.row_fusion rows 8 whole [](%[[S]]) {placement = [#kernel.pointer<@workspace + 0>]}
// CHECK:         %[[F:.+]] = tensor.collapse_shape %[[C]]
// CHECK:         kernel.skinny_gemm %[[F]]
func.func @joins_slices() {
  %x = kernel.load_buffer @x : tensor<8x4x48xbf16>
  %w = kernel.load_buffer @w : tensor<16x128xbf16>
  %s = tensor.extract_slice %x[0, 0, 0] [8, 4, 32] [1, 1, 1] : tensor<8x4x48xbf16> to tensor<8x4x32xbf16>
  %f = tensor.collapse_shape %s [[0], [1, 2]] : tensor<8x4x32xbf16> into tensor<8x128xbf16>
  %0 = kernel.skinny_gemm %f, %w : tensor<8x128xbf16>, tensor<16x128xbf16> -> tensor<8x16xbf16>
  kernel.store_buffer %0, @y : tensor<8x16xbf16>
  return
}

// -----

kernel.buffer @l input : tensor<8x16xf32>
kernel.buffer @i output : tensor<8x4xi32>
// Every result has a place, used or not; two entries share the workspace, whose size is the larger one's.
// CHECK:       kernel.buffer @workspace workspace : tensor<512xi8>
// CHECK-LABEL: func.func @unused_result
// CHECK:         kernel.route {{.*}}placement = [#kernel.pointer<@workspace + 0>, #kernel.pointer<@i + 0>]
// CHECK-LABEL: func.func @larger_entry
// CHECK:         kernel.top_k {{.*}}placement = [#kernel.pointer<@workspace + 0>, #kernel.pointer<@workspace + 256>]
func.func @unused_result() {
  %l = kernel.load_buffer @l : tensor<8x16xf32>
  %w, %i = kernel.route %l {topK = 4, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  kernel.store_buffer %i, @i : tensor<8x4xi32>
  return
}
func.func @larger_entry() {
  %l = kernel.load_buffer @l : tensor<8x16xf32>
  %v, %j = kernel.top_k %l k 1 : tensor<8x16xf32> -> tensor<8x1xf32>, tensor<8x1xi32>
  return
}
