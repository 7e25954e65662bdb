// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^row-fusion-elementwise$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Programs without reductions.

// Slices of a wider row; nothing reduced, so several CTAs share a row.
func.func @swiglu(%x: tensor<64x2816xbf16>) -> tensor<64x1408xbf16> {
  %g = tensor.extract_slice %x[0, 0] [64, 1408] [1, 1] : tensor<64x2816xbf16> to tensor<64x1408xbf16>
  %u = tensor.extract_slice %x[0, 1408] [64, 1408] [1, 1] : tensor<64x2816xbf16> to tensor<64x1408xbf16>
  %y = kernel.row_fusion rows 64 whole [] (%g, %u) : (tensor<64x1408xbf16>, tensor<64x1408xbf16>) -> tensor<64x1408xbf16> {
  ^bb0(%a: tensor<1408xbf16>, %b: tensor<1408xbf16>):
    %0 = arith.extf %a : tensor<1408xbf16> to tensor<1408xf32>
    %1 = arith.extf %b : tensor<1408xbf16> to tensor<1408xf32>
    %2 = arith.negf %0 : tensor<1408xf32>
    %3 = math.exp %2 : tensor<1408xf32>
    %one = arith.constant dense<1.0> : tensor<1408xf32>
    %4 = arith.addf %3, %one : tensor<1408xf32>
    %5 = arith.divf %0, %4 : tensor<1408xf32>
    %6 = arith.mulf %5, %1 : tensor<1408xf32>
    %7 = arith.truncf %6 : tensor<1408xf32> to tensor<1408xbf16>
    kernel.row_yield %7 : tensor<1408xbf16>
  }
  return %y : tensor<64x1408xbf16>
}

// Many CTAs for each row.
func.func @swiglu_columns(%x: tensor<3x36864xbf16>) -> tensor<3x18432xbf16> {
  %g = tensor.extract_slice %x[0, 0] [3, 18432] [1, 1] : tensor<3x36864xbf16> to tensor<3x18432xbf16>
  %u = tensor.extract_slice %x[0, 18432] [3, 18432] [1, 1] : tensor<3x36864xbf16> to tensor<3x18432xbf16>
  %y = kernel.row_fusion rows 3 whole [] (%g, %u) : (tensor<3x18432xbf16>, tensor<3x18432xbf16>) -> tensor<3x18432xbf16> {
  ^bb0(%a: tensor<18432xbf16>, %b: tensor<18432xbf16>):
    %0 = arith.extf %a : tensor<18432xbf16> to tensor<18432xf32>
    %1 = arith.extf %b : tensor<18432xbf16> to tensor<18432xf32>
    %2 = arith.negf %0 : tensor<18432xf32>
    %3 = math.exp %2 : tensor<18432xf32>
    %one = arith.constant dense<1.0> : tensor<18432xf32>
    %4 = arith.addf %3, %one : tensor<18432xf32>
    %5 = arith.divf %0, %4 : tensor<18432xf32>
    %6 = arith.mulf %5, %1 : tensor<18432xf32>
    %7 = arith.truncf %6 : tensor<18432xf32> to tensor<18432xbf16>
    kernel.row_yield %7 : tensor<18432xbf16>
  }
  return %y : tensor<3x18432xbf16>
}

// The last of them incomplete, rows at odd addresses.
func.func @swiglu_columns_odd(%x: tensor<1x20002xbf16>) -> tensor<1x10001xbf16> {
  %g = tensor.extract_slice %x[0, 0] [1, 10001] [1, 1] : tensor<1x20002xbf16> to tensor<1x10001xbf16>
  %u = tensor.extract_slice %x[0, 10001] [1, 10001] [1, 1] : tensor<1x20002xbf16> to tensor<1x10001xbf16>
  %y = kernel.row_fusion rows 1 whole [] (%g, %u) : (tensor<1x10001xbf16>, tensor<1x10001xbf16>) -> tensor<1x10001xbf16> {
  ^bb0(%a: tensor<10001xbf16>, %b: tensor<10001xbf16>):
    %0 = arith.extf %a : tensor<10001xbf16> to tensor<10001xf32>
    %1 = arith.extf %b : tensor<10001xbf16> to tensor<10001xf32>
    %2 = arith.negf %0 : tensor<10001xf32>
    %3 = math.exp %2 : tensor<10001xf32>
    %one = arith.constant dense<1.0> : tensor<10001xf32>
    %4 = arith.addf %3, %one : tensor<10001xf32>
    %5 = arith.divf %0, %4 : tensor<10001xf32>
    %6 = arith.mulf %5, %1 : tensor<10001xf32>
    %7 = arith.truncf %6 : tensor<10001xf32> to tensor<10001xbf16>
    kernel.row_yield %7 : tensor<10001xbf16>
  }
  return %y : tensor<1x10001xbf16>
}

// Slices that begin at odd addresses.
func.func @swiglu_unaligned(%x: tensor<7x700xbf16>) -> tensor<7x257xbf16> {
  %g = tensor.extract_slice %x[0, 3] [7, 257] [1, 1] : tensor<7x700xbf16> to tensor<7x257xbf16>
  %u = tensor.extract_slice %x[0, 320] [7, 257] [1, 1] : tensor<7x700xbf16> to tensor<7x257xbf16>
  %y = kernel.row_fusion rows 7 whole [] (%g, %u) : (tensor<7x257xbf16>, tensor<7x257xbf16>) -> tensor<7x257xbf16> {
  ^bb0(%a: tensor<257xbf16>, %b: tensor<257xbf16>):
    %0 = arith.extf %a : tensor<257xbf16> to tensor<257xf32>
    %1 = arith.extf %b : tensor<257xbf16> to tensor<257xf32>
    %2 = arith.negf %0 : tensor<257xf32>
    %3 = math.exp %2 : tensor<257xf32>
    %one = arith.constant dense<1.0> : tensor<257xf32>
    %4 = arith.addf %3, %one : tensor<257xf32>
    %5 = arith.divf %0, %4 : tensor<257xf32>
    %6 = arith.mulf %5, %1 : tensor<257xf32>
    %7 = arith.truncf %6 : tensor<257xf32> to tensor<257xbf16>
    kernel.row_yield %7 : tensor<257xbf16>
  }
  return %y : tensor<7x257xbf16>
}

// f16, f32 and bf16 in one program.
func.func @mixed_types(%a: tensor<3x80xf16>, %b: tensor<3x80xf32>, %c: tensor<3x80xbf16>) -> (tensor<3x80xf16>, tensor<3x80xf32>, tensor<3x80xbf16>) {
  %x, %y, %z = kernel.row_fusion rows 3 whole [] (%a, %b, %c) : (tensor<3x80xf16>, tensor<3x80xf32>, tensor<3x80xbf16>) -> (tensor<3x80xf16>, tensor<3x80xf32>, tensor<3x80xbf16>) {
  ^bb0(%r: tensor<80xf16>, %s: tensor<80xf32>, %t: tensor<80xbf16>):
    %0 = arith.extf %r : tensor<80xf16> to tensor<80xf32>
    %1 = arith.extf %t : tensor<80xbf16> to tensor<80xf32>
    %2 = math.fma %0, %s, %1 : tensor<80xf32>
    %3 = arith.truncf %2 : tensor<80xf32> to tensor<80xf16>
    %4 = arith.truncf %2 : tensor<80xf32> to tensor<80xbf16>
    kernel.row_yield %3, %2, %4 : tensor<80xf16>, tensor<80xf32>, tensor<80xbf16>
  }
  return %x, %y, %z : tensor<3x80xf16>, tensor<3x80xf32>, tensor<3x80xbf16>
}

// The other elementwise operations on floats, in three results so that none hides another.
func.func @float_operations(%x: tensor<7x96xf32>, %z: tensor<7x96xf32>) -> (tensor<7x96xf32>, tensor<7x96xf32>, tensor<7x96xf32>) {
  %a, %b, %c = kernel.row_fusion rows 7 whole [] (%x, %z) : (tensor<7x96xf32>, tensor<7x96xf32>) -> (tensor<7x96xf32>, tensor<7x96xf32>, tensor<7x96xf32>) {
  ^bb0(%r: tensor<96xf32>, %s: tensor<96xf32>):
    %0 = math.absf %r : tensor<96xf32>
    %1 = math.sqrt %0 : tensor<96xf32>
    %one = arith.constant dense<1.0> : tensor<96xf32>
    %2 = arith.addf %0, %one : tensor<96xf32>
    %3 = math.rsqrt %2 : tensor<96xf32>
    %4 = arith.subf %1, %3 : tensor<96xf32>
    %5 = math.exp2 %r : tensor<96xf32>
    %6 = arith.minimumf %5, %s : tensor<96xf32>
    %7 = arith.maxnumf %r, %s : tensor<96xf32>
    %8 = arith.minnumf %7, %one : tensor<96xf32>
    %9 = arith.maximumf %6, %8 : tensor<96xf32>
    %10 = arith.cmpf olt, %r, %s : tensor<96xf32>
    %11 = arith.negf %s : tensor<96xf32>
    %12 = arith.select %10, %r, %11 : tensor<96xi1>, tensor<96xf32>
    kernel.row_yield %4, %9, %12 : tensor<96xf32>, tensor<96xf32>, tensor<96xf32>
  }
  return %a, %b, %c : tensor<7x96xf32>, tensor<7x96xf32>, tensor<7x96xf32>
}

// Integers, exactly: on elements, and on the row's number.
// range: integers.arg0=-1000:1000 integers.arg1=1:37
func.func @integers(%x: tensor<100x77xi32>, %d: tensor<100x77xi32>) -> (tensor<100x77xi32>, tensor<100xi32>, tensor<100x77xf32>) {
  %a, %b, %c = kernel.row_fusion rows 100 whole [] (%x, %d) : (tensor<100x77xi32>, tensor<100x77xi32>) -> (tensor<100x77xi32>, tensor<100xi32>, tensor<100x77xf32>) {
  ^bb0(%r: tensor<77xi32>, %s: tensor<77xi32>):
    %0 = arith.divsi %r, %s : tensor<77xi32>
    %1 = arith.remsi %r, %s : tensor<77xi32>
    %2 = arith.muli %0, %1 : tensor<77xi32>
    %3 = arith.xori %2, %r : tensor<77xi32>
    %4 = arith.maxsi %3, %s : tensor<77xi32>
    %5 = arith.minui %4, %r : tensor<77xi32>
    %two = arith.constant dense<2> : tensor<77xi32>
    %6 = arith.shli %5, %two : tensor<77xi32>
    %7 = arith.shrsi %3, %two : tensor<77xi32>
    %8 = arith.subi %6, %7 : tensor<77xi32>
    %9 = arith.sitofp %8 : tensor<77xi32> to tensor<77xf32>
    %i = kernel.row_index : tensor<i32>
    %six = arith.constant dense<6> : tensor<i32>
    %10 = arith.divui %i, %six : tensor<i32>
    %11 = arith.remui %i, %six : tensor<i32>
    %12 = arith.shli %11, %10 : tensor<i32>
    kernel.row_yield %8, %12, %9 : tensor<77xi32>, tensor<i32>, tensor<77xf32>
  }
  return %a, %b, %c : tensor<100x77xi32>, tensor<100xi32>, tensor<100x77xf32>
}
