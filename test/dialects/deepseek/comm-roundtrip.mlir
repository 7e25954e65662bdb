// RUN: deepseek-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @blocking
func.func @blocking(%x: tensor<8x256xbf16>) -> (tensor<8x256xbf16>, tensor<8x1024xbf16>, tensor<8x64xbf16>, tensor<8x256xbf16>) {
  // CHECK: deepseek.all_reduce %{{.+}} ranks 4 sum : tensor<8x256xbf16> -> tensor<8x256xbf16>
  %0 = deepseek.all_reduce %x ranks 4 sum : tensor<8x256xbf16> -> tensor<8x256xbf16>
  // CHECK: deepseek.all_gather %{{.+}} ranks 4 dim 1 : tensor<8x256xbf16> -> tensor<8x1024xbf16>
  %1 = deepseek.all_gather %x ranks 4 dim 1 : tensor<8x256xbf16> -> tensor<8x1024xbf16>
  // CHECK: deepseek.reduce_scatter %{{.+}} ranks 4 max dim 1 : tensor<8x256xbf16> -> tensor<8x64xbf16>
  %2 = deepseek.reduce_scatter %x ranks 4 max dim 1 : tensor<8x256xbf16> -> tensor<8x64xbf16>
  // CHECK: deepseek.all_to_all %{{.+}} ranks 4 dim 0 : tensor<8x256xbf16> -> tensor<8x256xbf16>
  %3 = deepseek.all_to_all %x ranks 4 dim 0 : tensor<8x256xbf16> -> tensor<8x256xbf16>
  return %0, %1, %2, %3 : tensor<8x256xbf16>, tensor<8x1024xbf16>, tensor<8x64xbf16>, tensor<8x256xbf16>
}

// CHECK-LABEL: func.func @started
func.func @started(%x: tensor<8x256xbf16>) -> (tensor<8x256xbf16>, tensor<8x64xbf16>) {
  // CHECK: %[[R:.+]] = deepseek.all_reduce_start %{{.+}} ranks 4 sum : tensor<8x256xbf16> -> <tensor<8x256xbf16>>
  %0 = deepseek.all_reduce_start %x ranks 4 sum : tensor<8x256xbf16> -> !deepseek.future<tensor<8x256xbf16>>
  // CHECK: deepseek.all_gather_start
  %1 = deepseek.all_gather_start %x ranks 4 dim 1 : tensor<8x256xbf16> -> !deepseek.future<tensor<8x1024xbf16>>
  // CHECK: deepseek.reduce_scatter_start
  %2 = deepseek.reduce_scatter_start %x ranks 4 sum dim 1 : tensor<8x256xbf16> -> !deepseek.future<tensor<8x64xbf16>>
  // CHECK: deepseek.all_to_all_start
  %3 = deepseek.all_to_all_start %x ranks 4 dim 0 : tensor<8x256xbf16> -> !deepseek.future<tensor<8x256xbf16>>
  // CHECK: deepseek.wait %[[R]] : <tensor<8x256xbf16>> -> tensor<8x256xbf16>
  %4 = deepseek.wait %0 : !deepseek.future<tensor<8x256xbf16>> -> tensor<8x256xbf16>
  %5 = deepseek.wait %2 : !deepseek.future<tensor<8x64xbf16>> -> tensor<8x64xbf16>
  return %4, %5 : tensor<8x256xbf16>, tensor<8x64xbf16>
}
