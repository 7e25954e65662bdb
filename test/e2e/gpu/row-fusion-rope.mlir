// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^row-fusion-rope$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Angles, rotations and the paged cache.

// Cosines and sines alone, up to the longest context, and of the padding's position -1.
// range: angles.arg0=-1:163839
func.func @angles(%p: tensor<100xi32>) -> tensor<100x5x2xf32> {
  %y = kernel.row_fusion rows 100 whole [] (%p) : (tensor<100xi32>) -> tensor<100x5x2xf32> {
  ^bb0(%q: tensor<i32>):
    %0 = kernel.row_angles %q {frequencies = array<f64: 1.0, 0.31622776, 0.01, 0.0007, 1.0e-06>, magnitude = 1.2} : tensor<i32> -> tensor<5x2xf32>
    kernel.row_yield %0 : tensor<5x2xf32>
  }
  return %y : tensor<100x5x2xf32>
}

// One key.
// range: interleaved.arg1=-1:163839
func.func @interleaved(%x: tensor<100x64xbf16>, %p: tensor<100xi32>) -> tensor<100x64xbf16> {
  %y = kernel.row_fusion rows 100 whole [] (%x, %p) : (tensor<100x64xbf16>, tensor<100xi32>) -> tensor<100x64xbf16> {
  ^bb0(%r: tensor<64xbf16>, %q: tensor<i32>):
    %a = kernel.row_angles %q {frequencies = array<f64: 1.0, 0.749894209, 0.562341325, 0.421696503, 0.316227766, 0.237137371, 0.177827941, 0.133352143, 0.1, 0.074989421, 0.056234133, 0.04216965, 0.031622777, 0.023713737, 0.017782794, 0.013335214, 0.01, 0.007498942, 0.005623413, 0.004216965, 0.003162278, 0.002371374, 0.001778279, 0.001333521, 0.001, 0.000749894, 0.000562341, 0.000421697, 0.000316228, 0.000237137, 0.000177828, 0.000133352>, magnitude = 1.0} : tensor<i32> -> tensor<32x2xf32>
    %0 = arith.extf %r : tensor<64xbf16> to tensor<64xf32>
    %1 = kernel.row_rope %0, %a interleaved : tensor<64xf32>, tensor<32x2xf32> -> tensor<64xf32>
    %2 = arith.truncf %1 : tensor<64xf32> to tensor<64xbf16>
    kernel.row_yield %2 : tensor<64xbf16>
  }
  return %y : tensor<100x64xbf16>
}

// All heads of a token: several CTAs for each row.
// range: interleaved_heads.arg1=-1:163839
func.func @interleaved_heads(%x: tensor<7x128x64xbf16>, %p: tensor<7xi32>) -> tensor<7x128x64xbf16> {
  %y = kernel.row_fusion rows 7 whole [] (%x, %p) : (tensor<7x128x64xbf16>, tensor<7xi32>) -> tensor<7x128x64xbf16> {
  ^bb0(%r: tensor<128x64xbf16>, %q: tensor<i32>):
    %a = kernel.row_angles %q {frequencies = array<f64: 1.0, 0.749894209, 0.562341325, 0.421696503, 0.316227766, 0.237137371, 0.177827941, 0.133352143, 0.1, 0.074989421, 0.056234133, 0.04216965, 0.031622777, 0.023713737, 0.017782794, 0.013335214, 0.01, 0.007498942, 0.005623413, 0.004216965, 0.003162278, 0.002371374, 0.001778279, 0.001333521, 0.001, 0.000749894, 0.000562341, 0.000421697, 0.000316228, 0.000237137, 0.000177828, 0.000133352>, magnitude = 1.0} : tensor<i32> -> tensor<32x2xf32>
    %0 = arith.extf %r : tensor<128x64xbf16> to tensor<128x64xf32>
    %1 = kernel.row_rope %0, %a interleaved : tensor<128x64xf32>, tensor<32x2xf32> -> tensor<128x64xf32>
    %2 = arith.truncf %1 : tensor<128x64xf32> to tensor<128x64xbf16>
    kernel.row_yield %2 : tensor<128x64xbf16>
  }
  return %y : tensor<7x128x64xbf16>
}

// Three pairs: no vectors wider than a pair.
// range: interleaved_odd.arg1=-1:163839
func.func @interleaved_odd(%x: tensor<3x3x6xbf16>, %p: tensor<3xi32>) -> tensor<3x3x6xbf16> {
  %y = kernel.row_fusion rows 3 whole [] (%x, %p) : (tensor<3x3x6xbf16>, tensor<3xi32>) -> tensor<3x3x6xbf16> {
  ^bb0(%r: tensor<3x6xbf16>, %q: tensor<i32>):
    %a = kernel.row_angles %q {frequencies = array<f64: 1.0, 0.046415888, 0.002154435>, magnitude = 0.8} : tensor<i32> -> tensor<3x2xf32>
    %0 = arith.extf %r : tensor<3x6xbf16> to tensor<3x6xf32>
    %1 = kernel.row_rope %0, %a interleaved : tensor<3x6xf32>, tensor<3x2xf32> -> tensor<3x6xf32>
    %2 = arith.truncf %1 : tensor<3x6xf32> to tensor<3x6xbf16>
    kernel.row_yield %2 : tensor<3x6xbf16>
  }
  return %y : tensor<3x3x6xbf16>
}

// Partners half a row away.
// range: half_split.arg1=-1:163839
func.func @half_split(%x: tensor<100x64xbf16>, %p: tensor<100xi32>) -> tensor<100x64xbf16> {
  %y = kernel.row_fusion rows 100 whole [] (%x, %p) : (tensor<100x64xbf16>, tensor<100xi32>) -> tensor<100x64xbf16> {
  ^bb0(%r: tensor<64xbf16>, %q: tensor<i32>):
    %a = kernel.row_angles %q {frequencies = array<f64: 1.0, 0.749894209, 0.562341325, 0.421696503, 0.316227766, 0.237137371, 0.177827941, 0.133352143, 0.1, 0.074989421, 0.056234133, 0.04216965, 0.031622777, 0.023713737, 0.017782794, 0.013335214, 0.01, 0.007498942, 0.005623413, 0.004216965, 0.003162278, 0.002371374, 0.001778279, 0.001333521, 0.001, 0.000749894, 0.000562341, 0.000421697, 0.000316228, 0.000237137, 0.000177828, 0.000133352>, magnitude = 1.0} : tensor<i32> -> tensor<32x2xf32>
    %0 = arith.extf %r : tensor<64xbf16> to tensor<64xf32>
    %1 = kernel.row_rope %0, %a half_split : tensor<64xf32>, tensor<32x2xf32> -> tensor<64xf32>
    %2 = arith.truncf %1 : tensor<64xf32> to tensor<64xbf16>
    kernel.row_yield %2 : tensor<64xbf16>
  }
  return %y : tensor<100x64xbf16>
}

// The same with heads.
// range: half_split_heads.arg1=-1:163839
func.func @half_split_heads(%x: tensor<7x128x64xbf16>, %p: tensor<7xi32>) -> tensor<7x128x64xbf16> {
  %y = kernel.row_fusion rows 7 whole [] (%x, %p) : (tensor<7x128x64xbf16>, tensor<7xi32>) -> tensor<7x128x64xbf16> {
  ^bb0(%r: tensor<128x64xbf16>, %q: tensor<i32>):
    %a = kernel.row_angles %q {frequencies = array<f64: 1.0, 0.749894209, 0.562341325, 0.421696503, 0.316227766, 0.237137371, 0.177827941, 0.133352143, 0.1, 0.074989421, 0.056234133, 0.04216965, 0.031622777, 0.023713737, 0.017782794, 0.013335214, 0.01, 0.007498942, 0.005623413, 0.004216965, 0.003162278, 0.002371374, 0.001778279, 0.001333521, 0.001, 0.000749894, 0.000562341, 0.000421697, 0.000316228, 0.000237137, 0.000177828, 0.000133352>, magnitude = 1.2} : tensor<i32> -> tensor<32x2xf32>
    %0 = arith.extf %r : tensor<128x64xbf16> to tensor<128x64xf32>
    %1 = kernel.row_rope %0, %a half_split : tensor<128x64xf32>, tensor<32x2xf32> -> tensor<128x64xf32>
    %2 = arith.truncf %1 : tensor<128x64xf32> to tensor<128x64xbf16>
    kernel.row_yield %2 : tensor<128x64xbf16>
  }
  return %y : tensor<7x128x64xbf16>
}

// Halves of three elements.
// range: half_split_odd.arg1=-1:163839
func.func @half_split_odd(%x: tensor<64x5x6xbf16>, %p: tensor<64xi32>) -> tensor<64x5x6xbf16> {
  %y = kernel.row_fusion rows 64 whole [] (%x, %p) : (tensor<64x5x6xbf16>, tensor<64xi32>) -> tensor<64x5x6xbf16> {
  ^bb0(%r: tensor<5x6xbf16>, %q: tensor<i32>):
    %a = kernel.row_angles %q {frequencies = array<f64: 1.0, 0.046415888, 0.002154435>, magnitude = 1.0} : tensor<i32> -> tensor<3x2xf32>
    %0 = arith.extf %r : tensor<5x6xbf16> to tensor<5x6xf32>
    %1 = kernel.row_rope %0, %a half_split : tensor<5x6xf32>, tensor<3x2xf32> -> tensor<5x6xf32>
    %2 = arith.truncf %1 : tensor<5x6xf32> to tensor<5x6xbf16>
    kernel.row_yield %2 : tensor<5x6xbf16>
  }
  return %y : tensor<64x5x6xbf16>
}

// The rotated part of each head of a projection.
// range: slices.arg1=0:4095
func.func @slices(%x: tensor<7x3x192xbf16>, %p: tensor<7xi32>) -> tensor<7x3x16xbf16> {
  %s = tensor.extract_slice %x[0, 0, 128] [7, 3, 16] [1, 1, 1] : tensor<7x3x192xbf16> to tensor<7x3x16xbf16>
  %y = kernel.row_fusion rows 7 whole [] (%s, %p) : (tensor<7x3x16xbf16>, tensor<7xi32>) -> tensor<7x3x16xbf16> {
  ^bb0(%r: tensor<3x16xbf16>, %q: tensor<i32>):
    %a = kernel.row_angles %q {frequencies = array<f64: 1.0, 0.316227766, 0.1, 0.031622777, 0.01, 0.003162278, 0.001, 0.000316228>, magnitude = 1.0} : tensor<i32> -> tensor<8x2xf32>
    %0 = arith.extf %r : tensor<3x16xbf16> to tensor<3x16xf32>
    %1 = kernel.row_rope %0, %a interleaved : tensor<3x16xf32>, tensor<8x2xf32> -> tensor<3x16xf32>
    %2 = arith.truncf %1 : tensor<3x16xf32> to tensor<3x16xbf16>
    kernel.row_yield %2 : tensor<3x16xbf16>
  }
  return %y : tensor<7x3x16xbf16>
}

// Records at positions 65 i, every third row padding (-1): whatever the block table says, no two rows write the same
// record. The rest of the cache must stay as it was.
// range: store.arg2=0:7
// bench: store --tolerance 1e-12
func.func @store(%l: tensor<63x80xbf16>, %k: tensor<63x16xbf16>, %b: tensor<1x63xi32>, %c: memref<?x2x64x96xbf16>) -> tensor<63xi32> {
  %y = kernel.row_fusion rows 63 whole [2, 3] (%l, %k, %b, %c) : (tensor<63x80xbf16>, tensor<63x16xbf16>, tensor<1x63xi32>, memref<?x2x64x96xbf16>) -> tensor<63xi32> {
  ^bb0(%r: tensor<80xbf16>, %s: tensor<16xbf16>, %t: tensor<1x63xi32>, %m: memref<?x2x64x96xbf16>):
    %i = kernel.row_index : tensor<i32>
    %three = arith.constant dense<3> : tensor<i32>
    %zero = arith.constant dense<0> : tensor<i32>
    %none = arith.constant dense<-1> : tensor<i32>
    %step = arith.constant dense<65> : tensor<i32>
    %0 = arith.remui %i, %three : tensor<i32>
    %1 = arith.cmpi eq, %0, %zero : tensor<i32>
    %2 = arith.muli %i, %step : tensor<i32>
    %p = arith.select %1, %none, %2 : tensor<i1>, tensor<i32>
    kernel.row_cache_store %r, %s, %m[1] at %p, %t : tensor<80xbf16>, tensor<16xbf16>, memref<?x2x64x96xbf16>, tensor<i32>, tensor<1x63xi32>
    kernel.row_yield %p : tensor<i32>
  }
  return %y : tensor<63xi32>
}

// A sequence for each row, records of 84 elements: 77 and 7.
// range: store_odd.arg2=0:7
// bench: store_odd --tolerance 1e-12
func.func @store_odd(%l: tensor<7x77xbf16>, %k: tensor<7x7xbf16>, %b: tensor<7x2xi32>, %c: memref<?x1x64x84xbf16>) -> tensor<7xi32> {
  %y = kernel.row_fusion rows 7 whole [2, 3] (%l, %k, %b, %c) : (tensor<7x77xbf16>, tensor<7x7xbf16>, tensor<7x2xi32>, memref<?x1x64x84xbf16>) -> tensor<7xi32> {
  ^bb0(%r: tensor<77xbf16>, %s: tensor<7xbf16>, %t: tensor<7x2xi32>, %m: memref<?x1x64x84xbf16>):
    %i = kernel.row_index : tensor<i32>
    %step = arith.constant dense<17> : tensor<i32>
    %p = arith.muli %i, %step : tensor<i32>
    kernel.row_cache_store %r, %s, %m[0] at %p, %t : tensor<77xbf16>, tensor<7xbf16>, memref<?x1x64x84xbf16>, tensor<i32>, tensor<7x2xi32>
    kernel.row_yield %p : tensor<i32>
  }
  return %y : tensor<7xi32>
}

// What a layer stores: the normalised latent and the rotated key, slices of one projection.
// range: latent_and_key.arg3=0:7
func.func @latent_and_key(%x: tensor<63x576xbf16>, %w: tensor<512xbf16>, %c: memref<?x3x64x576xbf16>, %b: tensor<1x63xi32>) -> tensor<63x64xf32> {
  %l = tensor.extract_slice %x[0, 0] [63, 512] [1, 1] : tensor<63x576xbf16> to tensor<63x512xbf16>
  %k = tensor.extract_slice %x[0, 512] [63, 64] [1, 1] : tensor<63x576xbf16> to tensor<63x64xbf16>
  %y = kernel.row_fusion rows 63 whole [2, 3, 4] (%l, %k, %w, %c, %b)
      : (tensor<63x512xbf16>, tensor<63x64xbf16>, tensor<512xbf16>, memref<?x3x64x576xbf16>, tensor<1x63xi32>) -> tensor<63x64xf32> {
  ^bb0(%r: tensor<512xbf16>, %s: tensor<64xbf16>, %g: tensor<512xbf16>, %m: memref<?x3x64x576xbf16>, %t: tensor<1x63xi32>):
    %0 = arith.extf %r : tensor<512xbf16> to tensor<512xf32>
    %1 = arith.mulf %0, %0 : tensor<512xf32>
    %2 = kernel.row_reduce add %1 : tensor<512xf32> -> tensor<f32>
    %3 = math.rsqrt %2 : tensor<f32>
    %4 = kernel.row_broadcast %3 : tensor<f32> -> tensor<512xf32>
    %5 = arith.mulf %0, %4 : tensor<512xf32>
    %6 = arith.extf %g : tensor<512xbf16> to tensor<512xf32>
    %7 = arith.mulf %5, %6 : tensor<512xf32>
    %8 = arith.truncf %7 : tensor<512xf32> to tensor<512xbf16>
    %i = kernel.row_index : tensor<i32>
    %step = arith.constant dense<65> : tensor<i32>
    %p = arith.muli %i, %step : tensor<i32>
    %a = kernel.row_angles %p {frequencies = array<f64: 1.0, 0.749894209, 0.562341325, 0.421696503, 0.316227766, 0.237137371, 0.177827941, 0.133352143, 0.1, 0.074989421, 0.056234133, 0.04216965, 0.031622777, 0.023713737, 0.017782794, 0.013335214, 0.01, 0.007498942, 0.005623413, 0.004216965, 0.003162278, 0.002371374, 0.001778279, 0.001333521, 0.001, 0.000749894, 0.000562341, 0.000421697, 0.000316228, 0.000237137, 0.000177828, 0.000133352>, magnitude = 1.0} : tensor<i32> -> tensor<32x2xf32>
    %9 = arith.extf %s : tensor<64xbf16> to tensor<64xf32>
    %10 = kernel.row_rope %9, %a half_split : tensor<64xf32>, tensor<32x2xf32> -> tensor<64xf32>
    %11 = arith.truncf %10 : tensor<64xf32> to tensor<64xbf16>
    kernel.row_cache_store %8, %11, %m[2] at %p, %t : tensor<512xbf16>, tensor<64xbf16>, memref<?x3x64x576xbf16>, tensor<i32>, tensor<1x63xi32>
    kernel.row_yield %10 : tensor<64xf32>
  }
  return %y : tensor<63x64xf32>
}
