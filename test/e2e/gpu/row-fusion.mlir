// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^row-fusion$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Reductions; row-fusion-*.mlir have the other row
// operations.

// A row for each warp: one row, one chunk of it.
func.func @norm_one_row(%x: tensor<1x96xbf16>, %w: tensor<96xbf16>) -> tensor<1x96xbf16> {
  %y = kernel.row_fusion rows 1 whole [1] (%x, %w) : (tensor<1x96xbf16>, tensor<96xbf16>) -> tensor<1x96xbf16> {
  ^bb0(%r: tensor<96xbf16>, %g: tensor<96xbf16>):
    %0 = arith.extf %r : tensor<96xbf16> to tensor<96xf32>
    %1 = arith.mulf %0, %0 : tensor<96xf32>
    %2 = kernel.row_reduce add %1 : tensor<96xf32> -> tensor<f32>
    %n = arith.constant dense<96.0> : tensor<f32>
    %3 = arith.divf %2, %n : tensor<f32>
    %e = arith.constant dense<1.0e-6> : tensor<f32>
    %4 = arith.addf %3, %e : tensor<f32>
    %5 = math.rsqrt %4 : tensor<f32>
    %6 = kernel.row_broadcast %5 : tensor<f32> -> tensor<96xf32>
    %7 = arith.mulf %0, %6 : tensor<96xf32>
    %8 = arith.extf %g : tensor<96xbf16> to tensor<96xf32>
    %9 = arith.mulf %7, %8 : tensor<96xf32>
    %10 = arith.truncf %9 : tensor<96xf32> to tensor<96xbf16>
    kernel.row_yield %10 : tensor<96xbf16>
  }
  return %y : tensor<1x96xbf16>
}

// Rows at odd addresses, lanes without elements.
func.func @norm_tail(%x: tensor<3x257xbf16>, %w: tensor<257xbf16>) -> tensor<3x257xbf16> {
  %y = kernel.row_fusion rows 3 whole [1] (%x, %w) : (tensor<3x257xbf16>, tensor<257xbf16>) -> tensor<3x257xbf16> {
  ^bb0(%r: tensor<257xbf16>, %g: tensor<257xbf16>):
    %0 = arith.extf %r : tensor<257xbf16> to tensor<257xf32>
    %1 = arith.mulf %0, %0 : tensor<257xf32>
    %2 = kernel.row_reduce add %1 : tensor<257xf32> -> tensor<f32>
    %n = arith.constant dense<257.0> : tensor<f32>
    %3 = arith.divf %2, %n : tensor<f32>
    %e = arith.constant dense<1.0e-6> : tensor<f32>
    %4 = arith.addf %3, %e : tensor<f32>
    %5 = math.rsqrt %4 : tensor<f32>
    %6 = kernel.row_broadcast %5 : tensor<f32> -> tensor<257xf32>
    %7 = arith.mulf %0, %6 : tensor<257xf32>
    %8 = arith.extf %g : tensor<257xbf16> to tensor<257xf32>
    %9 = arith.mulf %7, %8 : tensor<257xf32>
    %10 = arith.truncf %9 : tensor<257xf32> to tensor<257xbf16>
    kernel.row_yield %10 : tensor<257xbf16>
  }
  return %y : tensor<3x257xbf16>
}

// Four rows for each CTA.
func.func @norm_many_rows(%x: tensor<1100x80xbf16>, %w: tensor<80xbf16>) -> tensor<1100x80xbf16> {
  %y = kernel.row_fusion rows 1100 whole [1] (%x, %w) : (tensor<1100x80xbf16>, tensor<80xbf16>) -> tensor<1100x80xbf16> {
  ^bb0(%r: tensor<80xbf16>, %g: tensor<80xbf16>):
    %0 = arith.extf %r : tensor<80xbf16> to tensor<80xf32>
    %1 = arith.mulf %0, %0 : tensor<80xf32>
    %2 = kernel.row_reduce add %1 : tensor<80xf32> -> tensor<f32>
    %n = arith.constant dense<80.0> : tensor<f32>
    %3 = arith.divf %2, %n : tensor<f32>
    %e = arith.constant dense<1.0e-6> : tensor<f32>
    %4 = arith.addf %3, %e : tensor<f32>
    %5 = math.rsqrt %4 : tensor<f32>
    %6 = kernel.row_broadcast %5 : tensor<f32> -> tensor<80xf32>
    %7 = arith.mulf %0, %6 : tensor<80xf32>
    %8 = arith.extf %g : tensor<80xbf16> to tensor<80xf32>
    %9 = arith.mulf %7, %8 : tensor<80xf32>
    %10 = arith.truncf %9 : tensor<80xf32> to tensor<80xbf16>
    kernel.row_yield %10 : tensor<80xbf16>
  }
  return %y : tensor<1100x80xbf16>
}

// The widest row of a warp, and one element more: a row for the CTA.
func.func @norm_warp_limit(%x: tensor<7x512xbf16>, %w: tensor<512xbf16>) -> tensor<7x512xbf16> {
  %y = kernel.row_fusion rows 7 whole [1] (%x, %w) : (tensor<7x512xbf16>, tensor<512xbf16>) -> tensor<7x512xbf16> {
  ^bb0(%r: tensor<512xbf16>, %g: tensor<512xbf16>):
    %0 = arith.extf %r : tensor<512xbf16> to tensor<512xf32>
    %1 = arith.mulf %0, %0 : tensor<512xf32>
    %2 = kernel.row_reduce add %1 : tensor<512xf32> -> tensor<f32>
    %n = arith.constant dense<512.0> : tensor<f32>
    %3 = arith.divf %2, %n : tensor<f32>
    %e = arith.constant dense<1.0e-6> : tensor<f32>
    %4 = arith.addf %3, %e : tensor<f32>
    %5 = math.rsqrt %4 : tensor<f32>
    %6 = kernel.row_broadcast %5 : tensor<f32> -> tensor<512xf32>
    %7 = arith.mulf %0, %6 : tensor<512xf32>
    %8 = arith.extf %g : tensor<512xbf16> to tensor<512xf32>
    %9 = arith.mulf %7, %8 : tensor<512xf32>
    %10 = arith.truncf %9 : tensor<512xf32> to tensor<512xbf16>
    kernel.row_yield %10 : tensor<512xbf16>
  }
  return %y : tensor<7x512xbf16>
}

func.func @norm_cta(%x: tensor<7x513xbf16>, %w: tensor<513xbf16>) -> tensor<7x513xbf16> {
  %y = kernel.row_fusion rows 7 whole [1] (%x, %w) : (tensor<7x513xbf16>, tensor<513xbf16>) -> tensor<7x513xbf16> {
  ^bb0(%r: tensor<513xbf16>, %g: tensor<513xbf16>):
    %0 = arith.extf %r : tensor<513xbf16> to tensor<513xf32>
    %1 = arith.mulf %0, %0 : tensor<513xf32>
    %2 = kernel.row_reduce add %1 : tensor<513xf32> -> tensor<f32>
    %n = arith.constant dense<513.0> : tensor<f32>
    %3 = arith.divf %2, %n : tensor<f32>
    %e = arith.constant dense<1.0e-6> : tensor<f32>
    %4 = arith.addf %3, %e : tensor<f32>
    %5 = math.rsqrt %4 : tensor<f32>
    %6 = kernel.row_broadcast %5 : tensor<f32> -> tensor<513xf32>
    %7 = arith.mulf %0, %6 : tensor<513xf32>
    %8 = arith.extf %g : tensor<513xbf16> to tensor<513xf32>
    %9 = arith.mulf %7, %8 : tensor<513xf32>
    %10 = arith.truncf %9 : tensor<513xf32> to tensor<513xbf16>
    kernel.row_yield %10 : tensor<513xbf16>
  }
  return %y : tensor<7x513xbf16>
}

func.func @norm_odd(%x: tensor<64x1001xbf16>, %w: tensor<1001xbf16>) -> tensor<64x1001xbf16> {
  %y = kernel.row_fusion rows 64 whole [1] (%x, %w) : (tensor<64x1001xbf16>, tensor<1001xbf16>) -> tensor<64x1001xbf16> {
  ^bb0(%r: tensor<1001xbf16>, %g: tensor<1001xbf16>):
    %0 = arith.extf %r : tensor<1001xbf16> to tensor<1001xf32>
    %1 = arith.mulf %0, %0 : tensor<1001xf32>
    %2 = kernel.row_reduce add %1 : tensor<1001xf32> -> tensor<f32>
    %n = arith.constant dense<1001.0> : tensor<f32>
    %3 = arith.divf %2, %n : tensor<f32>
    %e = arith.constant dense<1.0e-6> : tensor<f32>
    %4 = arith.addf %3, %e : tensor<f32>
    %5 = math.rsqrt %4 : tensor<f32>
    %6 = kernel.row_broadcast %5 : tensor<f32> -> tensor<1001xf32>
    %7 = arith.mulf %0, %6 : tensor<1001xf32>
    %8 = arith.extf %g : tensor<1001xbf16> to tensor<1001xf32>
    %9 = arith.mulf %7, %8 : tensor<1001xf32>
    %10 = arith.truncf %9 : tensor<1001xf32> to tensor<1001xbf16>
    kernel.row_yield %10 : tensor<1001xbf16>
  }
  return %y : tensor<64x1001xbf16>
}

func.func @norm_wide(%x: tensor<3x7168xbf16>, %w: tensor<7168xbf16>) -> tensor<3x7168xbf16> {
  %y = kernel.row_fusion rows 3 whole [1] (%x, %w) : (tensor<3x7168xbf16>, tensor<7168xbf16>) -> tensor<3x7168xbf16> {
  ^bb0(%r: tensor<7168xbf16>, %g: tensor<7168xbf16>):
    %0 = arith.extf %r : tensor<7168xbf16> to tensor<7168xf32>
    %1 = arith.mulf %0, %0 : tensor<7168xf32>
    %2 = kernel.row_reduce add %1 : tensor<7168xf32> -> tensor<f32>
    %n = arith.constant dense<7168.0> : tensor<f32>
    %3 = arith.divf %2, %n : tensor<f32>
    %e = arith.constant dense<1.0e-6> : tensor<f32>
    %4 = arith.addf %3, %e : tensor<f32>
    %5 = math.rsqrt %4 : tensor<f32>
    %6 = kernel.row_broadcast %5 : tensor<f32> -> tensor<7168xf32>
    %7 = arith.mulf %0, %6 : tensor<7168xf32>
    %8 = arith.extf %g : tensor<7168xbf16> to tensor<7168xf32>
    %9 = arith.mulf %7, %8 : tensor<7168xf32>
    %10 = arith.truncf %9 : tensor<7168xf32> to tensor<7168xbf16>
    kernel.row_yield %10 : tensor<7168xbf16>
  }
  return %y : tensor<3x7168xbf16>
}

// Too wide for registers: read again for the sum and for the results.
func.func @norm_streamed(%x: tensor<3x40000xbf16>, %w: tensor<40000xbf16>) -> tensor<3x40000xbf16> {
  %y = kernel.row_fusion rows 3 whole [1] (%x, %w) : (tensor<3x40000xbf16>, tensor<40000xbf16>) -> tensor<3x40000xbf16> {
  ^bb0(%r: tensor<40000xbf16>, %g: tensor<40000xbf16>):
    %0 = arith.extf %r : tensor<40000xbf16> to tensor<40000xf32>
    %1 = arith.mulf %0, %0 : tensor<40000xf32>
    %2 = kernel.row_reduce add %1 : tensor<40000xf32> -> tensor<f32>
    %n = arith.constant dense<40000.0> : tensor<f32>
    %3 = arith.divf %2, %n : tensor<f32>
    %e = arith.constant dense<1.0e-6> : tensor<f32>
    %4 = arith.addf %3, %e : tensor<f32>
    %5 = math.rsqrt %4 : tensor<f32>
    %6 = kernel.row_broadcast %5 : tensor<f32> -> tensor<40000xf32>
    %7 = arith.mulf %0, %6 : tensor<40000xf32>
    %8 = arith.extf %g : tensor<40000xbf16> to tensor<40000xf32>
    %9 = arith.mulf %7, %8 : tensor<40000xf32>
    %10 = arith.truncf %9 : tensor<40000xf32> to tensor<40000xbf16>
    kernel.row_yield %10 : tensor<40000xbf16>
  }
  return %y : tensor<3x40000xbf16>
}

// The residual sum is a result too.
func.func @residual(%x: tensor<7x2048xbf16>, %r: tensor<7x2048xbf16>, %w: tensor<2048xbf16>) -> (tensor<7x2048xbf16>, tensor<7x2048xbf16>) {
  %s, %y = kernel.row_fusion rows 7 whole [2] (%x, %r, %w) : (tensor<7x2048xbf16>, tensor<7x2048xbf16>, tensor<2048xbf16>) -> (tensor<7x2048xbf16>, tensor<7x2048xbf16>) {
  ^bb0(%a: tensor<2048xbf16>, %b: tensor<2048xbf16>, %g: tensor<2048xbf16>):
    %0 = arith.extf %a : tensor<2048xbf16> to tensor<2048xf32>
    %1 = arith.extf %b : tensor<2048xbf16> to tensor<2048xf32>
    %2 = arith.addf %0, %1 : tensor<2048xf32>
    %3 = arith.truncf %2 : tensor<2048xf32> to tensor<2048xbf16>
    %4 = arith.extf %3 : tensor<2048xbf16> to tensor<2048xf32>
    %5 = arith.mulf %4, %4 : tensor<2048xf32>
    %6 = kernel.row_reduce add %5 : tensor<2048xf32> -> tensor<f32>
    %n = arith.constant dense<4.8828125e-4> : tensor<f32>
    %7 = arith.mulf %6, %n : tensor<f32>
    %8 = math.rsqrt %7 : tensor<f32>
    %9 = kernel.row_broadcast %8 : tensor<f32> -> tensor<2048xf32>
    %10 = arith.mulf %4, %9 : tensor<2048xf32>
    %11 = arith.extf %g : tensor<2048xbf16> to tensor<2048xf32>
    %12 = arith.mulf %10, %11 : tensor<2048xf32>
    %13 = arith.truncf %12 : tensor<2048xf32> to tensor<2048xbf16>
    kernel.row_yield %3, %13 : tensor<2048xbf16>, tensor<2048xbf16>
  }
  return %s, %y : tensor<7x2048xbf16>, tensor<7x2048xbf16>
}

// A maximum, then a sum that needs it. All elements are far below zero: what lies past the row must join neither.
// range: softmax_tail.arg0=-90:-70
func.func @softmax_tail(%x: tensor<100x257xf32>) -> tensor<100x257xf32> {
  %y = kernel.row_fusion rows 100 whole [] (%x) : (tensor<100x257xf32>) -> tensor<100x257xf32> {
  ^bb0(%r: tensor<257xf32>):
    %0 = kernel.row_reduce max %r : tensor<257xf32> -> tensor<f32>
    %1 = kernel.row_broadcast %0 : tensor<f32> -> tensor<257xf32>
    %2 = arith.subf %r, %1 : tensor<257xf32>
    %3 = math.exp %2 : tensor<257xf32>
    %4 = kernel.row_reduce add %3 : tensor<257xf32> -> tensor<f32>
    %5 = kernel.row_broadcast %4 : tensor<f32> -> tensor<257xf32>
    %6 = arith.divf %3, %5 : tensor<257xf32>
    kernel.row_yield %6 : tensor<257xf32>
  }
  return %y : tensor<100x257xf32>
}

// The same, across warps.
// range: softmax_odd.arg0=-90:-70
func.func @softmax_odd(%x: tensor<3x1001xf32>) -> tensor<3x1001xf32> {
  %y = kernel.row_fusion rows 3 whole [] (%x) : (tensor<3x1001xf32>) -> tensor<3x1001xf32> {
  ^bb0(%r: tensor<1001xf32>):
    %0 = kernel.row_reduce max %r : tensor<1001xf32> -> tensor<f32>
    %1 = kernel.row_broadcast %0 : tensor<f32> -> tensor<1001xf32>
    %2 = arith.subf %r, %1 : tensor<1001xf32>
    %3 = math.exp %2 : tensor<1001xf32>
    %4 = kernel.row_reduce add %3 : tensor<1001xf32> -> tensor<f32>
    %5 = kernel.row_broadcast %4 : tensor<f32> -> tensor<1001xf32>
    %6 = arith.divf %3, %5 : tensor<1001xf32>
    kernel.row_yield %6 : tensor<1001xf32>
  }
  return %y : tensor<3x1001xf32>
}

// The same, in loops.
// range: softmax_streamed.arg0=-90:-70
func.func @softmax_streamed(%x: tensor<1x20001xf32>) -> tensor<1x20001xf32> {
  %y = kernel.row_fusion rows 1 whole [] (%x) : (tensor<1x20001xf32>) -> tensor<1x20001xf32> {
  ^bb0(%r: tensor<20001xf32>):
    %0 = kernel.row_reduce max %r : tensor<20001xf32> -> tensor<f32>
    %1 = kernel.row_broadcast %0 : tensor<f32> -> tensor<20001xf32>
    %2 = arith.subf %r, %1 : tensor<20001xf32>
    %3 = math.exp %2 : tensor<20001xf32>
    %4 = kernel.row_reduce add %3 : tensor<20001xf32> -> tensor<f32>
    %5 = kernel.row_broadcast %4 : tensor<f32> -> tensor<20001xf32>
    %6 = arith.divf %3, %5 : tensor<20001xf32>
    kernel.row_yield %6 : tensor<20001xf32>
  }
  return %y : tensor<1x20001xf32>
}

// Reductions of two widths in one level; results without dimensions; a maximum of rank 2.
func.func @two_widths(%x: tensor<64x80xf32>, %z: tensor<64x3x32xf32>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64x80xf32>) {
  %a, %b, %y = kernel.row_fusion rows 64 whole [] (%x, %z) : (tensor<64x80xf32>, tensor<64x3x32xf32>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64x80xf32>) {
  ^bb0(%r: tensor<80xf32>, %q: tensor<3x32xf32>):
    %0 = arith.mulf %r, %r : tensor<80xf32>
    %1 = kernel.row_reduce add %0 : tensor<80xf32> -> tensor<f32>
    %2 = kernel.row_reduce max %q : tensor<3x32xf32> -> tensor<f32>
    %3 = arith.mulf %1, %2 : tensor<f32>
    %4 = kernel.row_broadcast %3 : tensor<f32> -> tensor<80xf32>
    %5 = arith.addf %4, %r : tensor<80xf32>
    kernel.row_yield %1, %2, %5 : tensor<f32>, tensor<f32>, tensor<80xf32>
  }
  return %a, %b, %y : tensor<64xf32>, tensor<64xf32>, tensor<64x80xf32>
}

// A row for a cluster: two levels of reductions, and one that only the first CTA stores.
func.func @cluster_wide(%h: tensor<3x7168xf32>, %x: tensor<3x7168xbf16>, %w: tensor<7168xbf16>) -> (tensor<3x7168xf32>, tensor<3x7168xbf16>, tensor<3xf32>) {
  %s, %y, %m = kernel.row_fusion rows 3 whole [2] (%h, %x, %w) schedule <tile = [1, 1], cluster = 4, warps = 7> : (tensor<3x7168xf32>, tensor<3x7168xbf16>, tensor<7168xbf16>) -> (tensor<3x7168xf32>, tensor<3x7168xbf16>, tensor<3xf32>) {
  ^bb0(%p: tensor<7168xf32>, %q: tensor<7168xbf16>, %g: tensor<7168xbf16>):
    %0 = arith.extf %q : tensor<7168xbf16> to tensor<7168xf32>
    %1 = arith.addf %p, %0 : tensor<7168xf32>
    %2 = arith.mulf %1, %1 : tensor<7168xf32>
    %3 = kernel.row_reduce add %2 : tensor<7168xf32> -> tensor<f32>
    %4 = kernel.row_reduce max %1 : tensor<7168xf32> -> tensor<f32>
    %e = arith.constant dense<1.0> : tensor<f32>
    %5 = arith.addf %3, %e : tensor<f32>
    %6 = math.rsqrt %5 : tensor<f32>
    %7 = kernel.row_broadcast %6 : tensor<f32> -> tensor<7168xf32>
    %8 = arith.mulf %1, %7 : tensor<7168xf32>
    %9 = arith.extf %g : tensor<7168xbf16> to tensor<7168xf32>
    %10 = arith.mulf %8, %9 : tensor<7168xf32>
    %11 = kernel.row_reduce max %10 : tensor<7168xf32> -> tensor<f32>
    %12 = arith.addf %11, %4 : tensor<f32>
    %13 = arith.truncf %10 : tensor<7168xf32> to tensor<7168xbf16>
    kernel.row_yield %1, %13, %12 : tensor<7168xf32>, tensor<7168xbf16>, tensor<f32>
  }
  return %s, %y, %m : tensor<3x7168xf32>, tensor<3x7168xbf16>, tensor<3xf32>
}

// The last CTA has less, rows at odd addresses.
func.func @cluster_odd(%h: tensor<7x8197xf32>, %x: tensor<7x8197xbf16>, %w: tensor<8197xbf16>) -> (tensor<7x8197xf32>, tensor<7x8197xbf16>, tensor<7xf32>) {
  %s, %y, %m = kernel.row_fusion rows 7 whole [2] (%h, %x, %w) schedule <tile = [1, 1], cluster = 8, warps = 5> : (tensor<7x8197xf32>, tensor<7x8197xbf16>, tensor<8197xbf16>) -> (tensor<7x8197xf32>, tensor<7x8197xbf16>, tensor<7xf32>) {
  ^bb0(%p: tensor<8197xf32>, %q: tensor<8197xbf16>, %g: tensor<8197xbf16>):
    %0 = arith.extf %q : tensor<8197xbf16> to tensor<8197xf32>
    %1 = arith.addf %p, %0 : tensor<8197xf32>
    %2 = arith.mulf %1, %1 : tensor<8197xf32>
    %3 = kernel.row_reduce add %2 : tensor<8197xf32> -> tensor<f32>
    %4 = kernel.row_reduce max %1 : tensor<8197xf32> -> tensor<f32>
    %e = arith.constant dense<1.0> : tensor<f32>
    %5 = arith.addf %3, %e : tensor<f32>
    %6 = math.rsqrt %5 : tensor<f32>
    %7 = kernel.row_broadcast %6 : tensor<f32> -> tensor<8197xf32>
    %8 = arith.mulf %1, %7 : tensor<8197xf32>
    %9 = arith.extf %g : tensor<8197xbf16> to tensor<8197xf32>
    %10 = arith.mulf %8, %9 : tensor<8197xf32>
    %11 = kernel.row_reduce max %10 : tensor<8197xf32> -> tensor<f32>
    %12 = arith.addf %11, %4 : tensor<f32>
    %13 = arith.truncf %10 : tensor<8197xf32> to tensor<8197xbf16>
    kernel.row_yield %1, %13, %12 : tensor<8197xf32>, tensor<8197xbf16>, tensor<f32>
  }
  return %s, %y, %m : tensor<7x8197xf32>, tensor<7x8197xbf16>, tensor<7xf32>
}

// A warp for each CTA of eight, some without elements.
func.func @cluster_of_warps(%h: tensor<5x1001xf32>, %x: tensor<5x1001xbf16>, %w: tensor<1001xbf16>) -> (tensor<5x1001xf32>, tensor<5x1001xbf16>, tensor<5xf32>) {
  %s, %y, %m = kernel.row_fusion rows 5 whole [2] (%h, %x, %w) schedule <tile = [1, 1], cluster = 8, warps = 1> : (tensor<5x1001xf32>, tensor<5x1001xbf16>, tensor<1001xbf16>) -> (tensor<5x1001xf32>, tensor<5x1001xbf16>, tensor<5xf32>) {
  ^bb0(%p: tensor<1001xf32>, %q: tensor<1001xbf16>, %g: tensor<1001xbf16>):
    %0 = arith.extf %q : tensor<1001xbf16> to tensor<1001xf32>
    %1 = arith.addf %p, %0 : tensor<1001xf32>
    %2 = arith.mulf %1, %1 : tensor<1001xf32>
    %3 = kernel.row_reduce add %2 : tensor<1001xf32> -> tensor<f32>
    %4 = kernel.row_reduce max %1 : tensor<1001xf32> -> tensor<f32>
    %e = arith.constant dense<1.0> : tensor<f32>
    %5 = arith.addf %3, %e : tensor<f32>
    %6 = math.rsqrt %5 : tensor<f32>
    %7 = kernel.row_broadcast %6 : tensor<f32> -> tensor<1001xf32>
    %8 = arith.mulf %1, %7 : tensor<1001xf32>
    %9 = arith.extf %g : tensor<1001xbf16> to tensor<1001xf32>
    %10 = arith.mulf %8, %9 : tensor<1001xf32>
    %11 = kernel.row_reduce max %10 : tensor<1001xf32> -> tensor<f32>
    %12 = arith.addf %11, %4 : tensor<f32>
    %13 = arith.truncf %10 : tensor<1001xf32> to tensor<1001xbf16>
    kernel.row_yield %1, %13, %12 : tensor<1001xf32>, tensor<1001xbf16>, tensor<f32>
  }
  return %s, %y, %m : tensor<5x1001xf32>, tensor<5x1001xbf16>, tensor<5xf32>
}

// Each CTA's part is too wide for registers.
func.func @cluster_streamed(%h: tensor<2x32768xf32>, %x: tensor<2x32768xbf16>, %w: tensor<32768xbf16>) -> (tensor<2x32768xf32>, tensor<2x32768xbf16>, tensor<2xf32>) {
  %s, %y, %m = kernel.row_fusion rows 2 whole [2] (%h, %x, %w) schedule <tile = [1, 1], cluster = 2, warps = 4> : (tensor<2x32768xf32>, tensor<2x32768xbf16>, tensor<32768xbf16>) -> (tensor<2x32768xf32>, tensor<2x32768xbf16>, tensor<2xf32>) {
  ^bb0(%p: tensor<32768xf32>, %q: tensor<32768xbf16>, %g: tensor<32768xbf16>):
    %0 = arith.extf %q : tensor<32768xbf16> to tensor<32768xf32>
    %1 = arith.addf %p, %0 : tensor<32768xf32>
    %2 = arith.mulf %1, %1 : tensor<32768xf32>
    %3 = kernel.row_reduce add %2 : tensor<32768xf32> -> tensor<f32>
    %4 = kernel.row_reduce max %1 : tensor<32768xf32> -> tensor<f32>
    %e = arith.constant dense<1.0> : tensor<f32>
    %5 = arith.addf %3, %e : tensor<f32>
    %6 = math.rsqrt %5 : tensor<f32>
    %7 = kernel.row_broadcast %6 : tensor<f32> -> tensor<32768xf32>
    %8 = arith.mulf %1, %7 : tensor<32768xf32>
    %9 = arith.extf %g : tensor<32768xbf16> to tensor<32768xf32>
    %10 = arith.mulf %8, %9 : tensor<32768xf32>
    %11 = kernel.row_reduce max %10 : tensor<32768xf32> -> tensor<f32>
    %12 = arith.addf %11, %4 : tensor<f32>
    %13 = arith.truncf %10 : tensor<32768xf32> to tensor<32768xbf16>
    kernel.row_yield %1, %13, %12 : tensor<32768xf32>, tensor<32768xbf16>, tensor<f32>
  }
  return %s, %y, %m : tensor<2x32768xf32>, tensor<2x32768xbf16>, tensor<2xf32>
}

// Rows so wide that they take a cluster without being told to.
func.func @cluster_chosen(%x: tensor<3x40000xf32>) -> (tensor<3xf32>, tensor<3x40000xf32>) {
  %m, %y = kernel.row_fusion rows 3 whole [] (%x) : (tensor<3x40000xf32>) -> (tensor<3xf32>, tensor<3x40000xf32>) {
  ^bb0(%r: tensor<40000xf32>):
    %0 = kernel.row_reduce max %r : tensor<40000xf32> -> tensor<f32>
    %1 = kernel.row_broadcast %0 : tensor<f32> -> tensor<40000xf32>
    %2 = arith.subf %r, %1 : tensor<40000xf32>
    kernel.row_yield %0, %2 : tensor<f32>, tensor<40000xf32>
  }
  return %m, %y : tensor<3xf32>, tensor<3x40000xf32>
}

// Many rows: small CTAs with four vectors to a thread.
func.func @many_wide_rows(%x: tensor<1100x2056xf32>) -> (tensor<1100xf32>, tensor<1100x2056xf32>) {
  %m, %y = kernel.row_fusion rows 1100 whole [] (%x) : (tensor<1100x2056xf32>) -> (tensor<1100xf32>, tensor<1100x2056xf32>) {
  ^bb0(%r: tensor<2056xf32>):
    %0 = kernel.row_reduce add %r : tensor<2056xf32> -> tensor<f32>
    %1 = kernel.row_broadcast %0 : tensor<f32> -> tensor<2056xf32>
    %2 = arith.subf %r, %1 : tensor<2056xf32>
    kernel.row_yield %0, %2 : tensor<f32>, tensor<2056xf32>
  }
  return %m, %y : tensor<1100xf32>, tensor<1100x2056xf32>
}
