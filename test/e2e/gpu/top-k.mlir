// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^top-k$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Values are copies, so values and indices must be equal.

// k = 1 is an argmax.
// bench: one --tolerance 1e-12
func.func @one(%x: tensor<7x1001xf32>) -> (tensor<7x1xf32>, tensor<7x1xi32>) {
  %v, %i = kernel.top_k %x k 1 : tensor<7x1001xf32> -> tensor<7x1xf32>, tensor<7x1xi32>
  return %v, %i : tensor<7x1xf32>, tensor<7x1xi32>
}

// bench: one_of_one --tolerance 1e-12
func.func @one_of_one(%x: tensor<3x1xf32>) -> (tensor<3x1xf32>, tensor<3x1xi32>) {
  %v, %i = kernel.top_k %x k 1 : tensor<3x1xf32> -> tensor<3x1xf32>, tensor<3x1xi32>
  return %v, %i : tensor<3x1xf32>, tensor<3x1xi32>
}

// bench: five --tolerance 1e-12
func.func @five(%x: tensor<100x80xf32>) -> (tensor<100x5xf32>, tensor<100x5xi32>) {
  %v, %i = kernel.top_k %x k 5 : tensor<100x80xf32> -> tensor<100x5xf32>, tensor<100x5xi32>
  return %v, %i : tensor<100x5xf32>, tensor<100x5xi32>
}

// Rows at odd addresses.
// bench: odd --tolerance 1e-12
func.func @odd(%x: tensor<3x257xf32>) -> (tensor<3x16xf32>, tensor<3x16xi32>) {
  %v, %i = kernel.top_k %x k 16 : tensor<3x257xf32> -> tensor<3x16xf32>, tensor<3x16xi32>
  return %v, %i : tensor<3x16xf32>, tensor<3x16xi32>
}

// Everything is chosen: a sort.
// bench: whole_row --tolerance 1e-12
func.func @whole_row(%x: tensor<7x96xf32>) -> (tensor<7x96xf32>, tensor<7x96xi32>) {
  %v, %i = kernel.top_k %x k 96 : tensor<7x96xf32> -> tensor<7x96xf32>, tensor<7x96xi32>
  return %v, %i : tensor<7x96xf32>, tensor<7x96xi32>
}

// bench: vocabulary --tolerance 1e-12
func.func @vocabulary(%x: tensor<3x129280xf32>) -> (tensor<3x50xf32>, tensor<3x50xi32>) {
  %v, %i = kernel.top_k %x k 50 : tensor<3x129280xf32> -> tensor<3x50xf32>, tensor<3x50xi32>
  return %v, %i : tensor<3x50xf32>, tensor<3x50xi32>
}

// More members than threads.
// bench: many --tolerance 1e-12
func.func @many(%x: tensor<1x10001xf32>) -> (tensor<1x700xf32>, tensor<1x700xi32>) {
  %v, %i = kernel.top_k %x k 700 : tensor<1x10001xf32> -> tensor<1x700xf32>, tensor<1x700xi32>
  return %v, %i : tensor<1x700xf32>, tensor<1x700xi32>
}

// Columns of a wider matrix.
// bench: slices --tolerance 1e-12
func.func @slices(%x: tensor<7x300xf32>) -> (tensor<7x6xf32>, tensor<7x6xi32>) {
  %s = tensor.extract_slice %x[0, 43] [7, 257] [1, 1] : tensor<7x300xf32> to tensor<7x257xf32>
  %v, %i = kernel.top_k %s k 6 : tensor<7x257xf32> -> tensor<7x6xf32>, tensor<7x6xi32>
  return %v, %i : tensor<7x6xf32>, tensor<7x6xi32>
}

// Seven different values, zero replaced by -inf: the lower index wins.
// range: ties.arg0=-3:3
// bench: ties --tolerance 1e-12
func.func @ties(%x: tensor<64x1001xi32>) -> (tensor<64x40xf32>, tensor<64x40xi32>) {
  %f = kernel.row_fusion rows 64 whole [] (%x) : (tensor<64x1001xi32>) -> tensor<64x1001xf32> {
  ^bb0(%q: tensor<1001xi32>):
    %0 = arith.sitofp %q : tensor<1001xi32> to tensor<1001xf32>
    %zero = arith.constant dense<0> : tensor<1001xi32>
    %1 = arith.cmpi eq, %q, %zero : tensor<1001xi32>
    %none = arith.constant dense<0xFF800000> : tensor<1001xf32>
    %2 = arith.select %1, %none, %0 : tensor<1001xi1>, tensor<1001xf32>
    kernel.row_yield %2 : tensor<1001xf32>
  }
  %v, %i = kernel.top_k %f k 40 : tensor<64x1001xf32> -> tensor<64x40xf32>, tensor<64x40xi32>
  return %v, %i : tensor<64x40xf32>, tensor<64x40xi32>
}

// The first of the largest.
// range: one_tie.arg0=1:4
// bench: one_tie --tolerance 1e-12
func.func @one_tie(%x: tensor<100x257xi32>) -> (tensor<100x1xf32>, tensor<100x1xi32>) {
  %f = kernel.row_fusion rows 100 whole [] (%x) : (tensor<100x257xi32>) -> tensor<100x257xf32> {
  ^bb0(%q: tensor<257xi32>):
    %0 = arith.sitofp %q : tensor<257xi32> to tensor<257xf32>
    %zero = arith.constant dense<0> : tensor<257xi32>
    %1 = arith.cmpi eq, %q, %zero : tensor<257xi32>
    %none = arith.constant dense<0xFF800000> : tensor<257xf32>
    %2 = arith.select %1, %none, %0 : tensor<257xi1>, tensor<257xf32>
    kernel.row_yield %2 : tensor<257xf32>
  }
  %v, %i = kernel.top_k %f k 1 : tensor<100x257xf32> -> tensor<100x1xf32>, tensor<100x1xi32>
  return %v, %i : tensor<100x1xf32>, tensor<100x1xi32>
}

// More are wanted than are finite: -inf in order of index.
// range: few_are_finite.arg0=0:2
// bench: few_are_finite --tolerance 1e-12
func.func @few_are_finite(%x: tensor<7x96xi32>) -> (tensor<7x80xf32>, tensor<7x80xi32>) {
  %f = kernel.row_fusion rows 7 whole [] (%x) : (tensor<7x96xi32>) -> tensor<7x96xf32> {
  ^bb0(%q: tensor<96xi32>):
    %0 = arith.sitofp %q : tensor<96xi32> to tensor<96xf32>
    %zero = arith.constant dense<0> : tensor<96xi32>
    %1 = arith.cmpi eq, %q, %zero : tensor<96xi32>
    %none = arith.constant dense<0xFF800000> : tensor<96xf32>
    %2 = arith.select %1, %none, %0 : tensor<96xi1>, tensor<96xf32>
    kernel.row_yield %2 : tensor<96xf32>
  }
  %v, %i = kernel.top_k %f k 80 : tensor<7x96xf32> -> tensor<7x80xf32>, tensor<7x80xi32>
  return %v, %i : tensor<7x80xf32>, tensor<7x80xi32>
}

// One value.
// range: all_equal.arg0=7:7
// bench: all_equal --tolerance 1e-12
func.func @all_equal(%x: tensor<3x4096xi32>) -> (tensor<3x100xf32>, tensor<3x100xi32>) {
  %f = kernel.row_fusion rows 3 whole [] (%x) : (tensor<3x4096xi32>) -> tensor<3x4096xf32> {
  ^bb0(%q: tensor<4096xi32>):
    %0 = arith.sitofp %q : tensor<4096xi32> to tensor<4096xf32>
    %zero = arith.constant dense<0> : tensor<4096xi32>
    %1 = arith.cmpi eq, %q, %zero : tensor<4096xi32>
    %none = arith.constant dense<0xFF800000> : tensor<4096xf32>
    %2 = arith.select %1, %none, %0 : tensor<4096xi1>, tensor<4096xf32>
    kernel.row_yield %2 : tensor<4096xf32>
  }
  %v, %i = kernel.top_k %f k 100 : tensor<3x4096xf32> -> tensor<3x100xf32>, tensor<3x100xi32>
  return %v, %i : tensor<3x100xf32>, tensor<3x100xi32>
}
