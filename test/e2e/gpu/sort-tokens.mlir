// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^sort-tokens$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). All results are integers and must be equal. The
// choices of a token may name one group twice: more than models do.

// Fewer pairs than lanes, more groups than pairs.
// range: one_token.arg0=0:255
func.func @one_token(%i: tensor<1x8xi32>) -> (tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 256 : tensor<1x8xi32> -> tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>
  return %o, %r, %t : tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>
}

// range: decode.arg0=0:63
func.func @decode(%i: tensor<64x6xi32>) -> (tensor<65xi32>, tensor<64x6xi32>, tensor<384xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<64x6xi32> -> tensor<65xi32>, tensor<64x6xi32>, tensor<384xi32>
  return %o, %r, %t : tensor<65xi32>, tensor<64x6xi32>, tensor<384xi32>
}

// Twenty-one pairs of five groups.
// range: odd.arg0=0:4
func.func @odd(%i: tensor<7x3xi32>) -> (tensor<6xi32>, tensor<7x3xi32>, tensor<21xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 5 : tensor<7x3xi32> -> tensor<6xi32>, tensor<7x3xi32>, tensor<21xi32>
  return %o, %r, %t : tensor<6xi32>, tensor<7x3xi32>, tensor<21xi32>
}

// range: one_choice.arg0=0:79
func.func @one_choice(%i: tensor<100x1xi32>) -> (tensor<81xi32>, tensor<100x1xi32>, tensor<100xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 80 : tensor<100x1xi32> -> tensor<81xi32>, tensor<100x1xi32>, tensor<100xi32>
  return %o, %r, %t : tensor<81xi32>, tensor<100x1xi32>, tensor<100xi32>
}

// A run of pairs for each warp, the last one incomplete.
// range: prefill.arg0=0:255
func.func @prefill(%i: tensor<1001x8xi32>) -> (tensor<257xi32>, tensor<1001x8xi32>, tensor<8008xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 256 : tensor<1001x8xi32> -> tensor<257xi32>, tensor<1001x8xi32>, tensor<8008xi32>
  return %o, %r, %t : tensor<257xi32>, tensor<1001x8xi32>, tensor<8008xi32>
}

// Several rounds of 32 pairs in every run.
// range: many_pairs.arg0=0:159
func.func @many_pairs(%i: tensor<4096x6xi32>) -> (tensor<161xi32>, tensor<4096x6xi32>, tensor<24576xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 160 : tensor<4096x6xi32> -> tensor<161xi32>, tensor<4096x6xi32>, tensor<24576xi32>
  return %o, %r, %t : tensor<161xi32>, tensor<4096x6xi32>, tensor<24576xi32>
}

// Nothing to sort.
// range: one_group.arg0=0:0
func.func @one_group(%i: tensor<100x6xi32>) -> (tensor<2xi32>, tensor<100x6xi32>, tensor<600xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 1 : tensor<100x6xi32> -> tensor<2xi32>, tensor<100x6xi32>, tensor<600xi32>
  return %o, %r, %t : tensor<2xi32>, tensor<100x6xi32>, tensor<600xi32>
}

// All pairs in one group of many.
// range: same_group.arg0=17:17
func.func @same_group(%i: tensor<100x6xi32>) -> (tensor<65xi32>, tensor<100x6xi32>, tensor<600xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<100x6xi32> -> tensor<65xi32>, tensor<100x6xi32>, tensor<600xi32>
  return %o, %r, %t : tensor<65xi32>, tensor<100x6xi32>, tensor<600xi32>
}

// The last group, not a multiple of the lanes.
// range: last_group.arg0=32:32
func.func @last_group(%i: tensor<3x2xi32>) -> (tensor<34xi32>, tensor<3x2xi32>, tensor<6xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 33 : tensor<3x2xi32> -> tensor<34xi32>, tensor<3x2xi32>, tensor<6xi32>
  return %o, %r, %t : tensor<34xi32>, tensor<3x2xi32>, tensor<6xi32>
}

// Two neighbours of many: empty groups on both sides.
// range: two_groups.arg0=30:31
func.func @two_groups(%i: tensor<257x4xi32>) -> (tensor<81xi32>, tensor<257x4xi32>, tensor<1028xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 80 : tensor<257x4xi32> -> tensor<81xi32>, tensor<257x4xi32>, tensor<1028xi32>
  return %o, %r, %t : tensor<81xi32>, tensor<257x4xi32>, tensor<1028xi32>
}

// More groups than threads.
// range: many_groups.arg0=0:1000
func.func @many_groups(%i: tensor<96x4xi32>) -> (tensor<1002xi32>, tensor<96x4xi32>, tensor<384xi32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 1001 : tensor<96x4xi32> -> tensor<1002xi32>, tensor<96x4xi32>, tensor<384xi32>
  return %o, %r, %t : tensor<1002xi32>, tensor<96x4xi32>, tensor<384xi32>
}
