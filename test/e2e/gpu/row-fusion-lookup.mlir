// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^row-fusion-lookup$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Rows and elements found by index; limits.

// Rows of a table, moved without change; row 0 for indices outside of it.
// range: gather.arg1=-5:25
// bench: gather --tolerance 1e-12
func.func @gather(%t: tensor<20x257xbf16>, %i: tensor<100xi32>) -> tensor<100x257xbf16> {
  %y = kernel.row_fusion rows 100 whole [0] (%t, %i) : (tensor<20x257xbf16>, tensor<100xi32>) -> tensor<100x257xbf16> {
  ^bb0(%w: tensor<20x257xbf16>, %j: tensor<i32>):
    %0 = kernel.row_gather %w[%j] : tensor<20x257xbf16>, tensor<i32> -> tensor<257xbf16>
    kernel.row_yield %0 : tensor<257xbf16>
  }
  return %y : tensor<100x257xbf16>
}

// Every row six times (permute), tables of rank 3 and 1, an element at a constant place.
// bench: permute --tolerance 1e-12
func.func @permute(%x: tensor<16x1024xbf16>, %t: tensor<16x3x16xf32>, %s: tensor<16xf32>) -> (tensor<96x1024xbf16>, tensor<96x3x16xf32>, tensor<96xf32>, tensor<96xbf16>) {
  %a, %b, %c, %d = kernel.row_fusion rows 96 whole [0, 1, 2] (%x, %t, %s) : (tensor<16x1024xbf16>, tensor<16x3x16xf32>, tensor<16xf32>)
      -> (tensor<96x1024xbf16>, tensor<96x3x16xf32>, tensor<96xf32>, tensor<96xbf16>) {
  ^bb0(%w: tensor<16x1024xbf16>, %u: tensor<16x3x16xf32>, %v: tensor<16xf32>):
    %i = kernel.row_index : tensor<i32>
    %six = arith.constant dense<6> : tensor<i32>
    %j = arith.divui %i, %six : tensor<i32>
    %0 = kernel.row_gather %w[%j] : tensor<16x1024xbf16>, tensor<i32> -> tensor<1024xbf16>
    %1 = kernel.row_gather %u[%j] : tensor<16x3x16xf32>, tensor<i32> -> tensor<3x16xf32>
    %2 = kernel.row_gather %v[%j] : tensor<16xf32>, tensor<i32> -> tensor<f32>
    %3 = kernel.row_extract %0[1023] : tensor<1024xbf16> -> tensor<bf16>
    kernel.row_yield %0, %1, %2, %3 : tensor<1024xbf16>, tensor<3x16xf32>, tensor<f32>, tensor<bf16>
  }
  return %a, %b, %c, %d : tensor<96x1024xbf16>, tensor<96x3x16xf32>, tensor<96xf32>, tensor<96xbf16>
}

// A weighted sum of three rows that each row names, and a residual (combine).
// range: combine.arg1=0:20
func.func @combine(%t: tensor<21x1001xbf16>, %i: tensor<7x3xi32>, %w: tensor<7x3xf32>, %x: tensor<7x1001xbf16>) -> tensor<7x1001xbf16> {
  %y = kernel.row_fusion rows 7 whole [0] (%t, %i, %w, %x) : (tensor<21x1001xbf16>, tensor<7x3xi32>, tensor<7x3xf32>, tensor<7x1001xbf16>) -> tensor<7x1001xbf16> {
  ^bb0(%e: tensor<21x1001xbf16>, %j: tensor<3xi32>, %g: tensor<3xf32>, %r: tensor<1001xbf16>):
    %0 = arith.extf %r : tensor<1001xbf16> to tensor<1001xf32>
    %j0 = kernel.row_extract %j[0] : tensor<3xi32> -> tensor<i32>
    %g0 = kernel.row_extract %g[0] : tensor<3xf32> -> tensor<f32>
    %r0 = kernel.row_gather %e[%j0] : tensor<21x1001xbf16>, tensor<i32> -> tensor<1001xbf16>
    %f0 = arith.extf %r0 : tensor<1001xbf16> to tensor<1001xf32>
    %b0 = kernel.row_broadcast %g0 : tensor<f32> -> tensor<1001xf32>
    %p0 = arith.mulf %f0, %b0 : tensor<1001xf32>
    %1 = arith.addf %0, %p0 : tensor<1001xf32>
    %j1 = kernel.row_extract %j[1] : tensor<3xi32> -> tensor<i32>
    %g1 = kernel.row_extract %g[1] : tensor<3xf32> -> tensor<f32>
    %r1 = kernel.row_gather %e[%j1] : tensor<21x1001xbf16>, tensor<i32> -> tensor<1001xbf16>
    %f1 = arith.extf %r1 : tensor<1001xbf16> to tensor<1001xf32>
    %b1 = kernel.row_broadcast %g1 : tensor<f32> -> tensor<1001xf32>
    %p1 = arith.mulf %f1, %b1 : tensor<1001xf32>
    %2 = arith.addf %1, %p1 : tensor<1001xf32>
    %j2 = kernel.row_extract %j[2] : tensor<3xi32> -> tensor<i32>
    %g2 = kernel.row_extract %g[2] : tensor<3xf32> -> tensor<f32>
    %r2 = kernel.row_gather %e[%j2] : tensor<21x1001xbf16>, tensor<i32> -> tensor<1001xbf16>
    %f2 = arith.extf %r2 : tensor<1001xbf16> to tensor<1001xf32>
    %b2 = kernel.row_broadcast %g2 : tensor<f32> -> tensor<1001xf32>
    %p2 = arith.mulf %f2, %b2 : tensor<1001xf32>
    %3 = arith.addf %2, %p2 : tensor<1001xf32>
    %4 = arith.truncf %3 : tensor<1001xf32> to tensor<1001xbf16>
    kernel.row_yield %4 : tensor<1001xbf16>
  }
  return %y : tensor<7x1001xbf16>
}

// Rows past a limit are undefined: the second kernel puts zeros there, then both artefacts must agree.
// range: limit.arg1=-1:25
func.func @limit(%x: tensor<100x80xbf16>, %n: tensor<4xi32>) -> tensor<100x80xf32> {
  %s = kernel.row_fusion rows 100 limit(%n : tensor<4xi32>) whole [] (%x) : (tensor<100x80xbf16>) -> tensor<100x80xf32> {
  ^bb0(%r: tensor<80xbf16>):
    %0 = arith.extf %r : tensor<80xbf16> to tensor<80xf32>
    %1 = kernel.row_reduce add %0 : tensor<80xf32> -> tensor<f32>
    %2 = kernel.row_broadcast %1 : tensor<f32> -> tensor<80xf32>
    %3 = arith.addf %0, %2 : tensor<80xf32>
    kernel.row_yield %3 : tensor<80xf32>
  }
  %y = kernel.row_fusion rows 100 whole [1] (%s, %n) : (tensor<100x80xf32>, tensor<4xi32>) -> tensor<100x80xf32> {
  ^bb0(%r: tensor<80xf32>, %m: tensor<4xi32>):
    %i = kernel.row_index : tensor<i32>
    %size = arith.constant dense<25> : tensor<i32>
    %0 = arith.divui %i, %size : tensor<i32>
    %1 = arith.remui %i, %size : tensor<i32>
    %2 = kernel.row_gather %m[%0] : tensor<4xi32>, tensor<i32> -> tensor<i32>
    %3 = arith.cmpi slt, %1, %2 : tensor<i32>
    %one = arith.constant dense<1.0> : tensor<f32>
    %zero = arith.constant dense<0.0> : tensor<f32>
    %4 = arith.select %3, %one, %zero : tensor<i1>, tensor<f32>
    %5 = kernel.row_broadcast %4 : tensor<f32> -> tensor<80xf32>
    %zeros = arith.constant dense<0.0> : tensor<80xf32>
    %6 = arith.cmpf ogt, %5, %zeros : tensor<80xf32>
    %7 = arith.select %6, %r, %zeros : tensor<80xi1>, tensor<80xf32>
    kernel.row_yield %7 : tensor<80xf32>
  }
  return %y : tensor<100x80xf32>
}
