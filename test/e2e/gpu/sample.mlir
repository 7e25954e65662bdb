// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^sample$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Tokens must be equal. The reference sums f32 weights,
// the kernel fixed-point ones: logits are spread so that few tokens have weight, and no random number of these inputs falls within rounding
// of a boundary between two tokens.

// Temperature 0 and below: the largest logit, whatever else is asked for.
// range: greedy.arg2=0:50 greedy.arg4=0:1000000007 greedy.arg5=0:163839
// bench: greedy --range greedy.arg1=0:0 --range greedy.arg3=0:1
func.func @greedy(%l: tensor<100x1001xf32>, %t: tensor<100xf32>, %k: tensor<100xi32>, %p: tensor<100xf32>, %s: tensor<100xi64>, %q: tensor<100xi32>) -> tensor<100xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<100x1001xf32>, tensor<100xf32>, tensor<100xi32>, tensor<100xf32>, tensor<100xi64>, tensor<100xi32>) -> tensor<100xi32>
  return %n : tensor<100xi32>
}

// range: greedy_vocabulary.arg2=0:50 greedy_vocabulary.arg4=0:1000000007 greedy_vocabulary.arg5=0:163839
// bench: greedy_vocabulary --range greedy_vocabulary.arg1=-1:0 --range greedy_vocabulary.arg3=0:1
func.func @greedy_vocabulary(%l: tensor<3x129280xf32>, %t: tensor<3xf32>, %k: tensor<3xi32>, %p: tensor<3xf32>, %s: tensor<3xi64>, %q: tensor<3xi32>) -> tensor<3xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<3x129280xf32>, tensor<3xf32>, tensor<3xi32>, tensor<3xf32>, tensor<3xi64>, tensor<3xi32>) -> tensor<3xi32>
  return %n : tensor<3xi32>
}

// The first of the largest.
// range: greedy_ties.arg0=-3:3 greedy_ties.arg2=0:0 greedy_ties.arg4=0:1000000007 greedy_ties.arg5=0:163839
// bench: greedy_ties --range greedy_ties.arg1=0:0 --range greedy_ties.arg3=1:1
func.func @greedy_ties(%x: tensor<64x257xi32>, %t: tensor<64xf32>, %k: tensor<64xi32>, %p: tensor<64xf32>, %s: tensor<64xi64>, %q: tensor<64xi32>) -> tensor<64xi32> {
  %l = kernel.row_fusion rows 64 whole [] (%x) : (tensor<64x257xi32>) -> tensor<64x257xf32> {
  ^bb0(%u: tensor<257xi32>):
    %0 = arith.sitofp %u : tensor<257xi32> to tensor<257xf32>
    %zero = arith.constant dense<0> : tensor<257xi32>
    %1 = arith.cmpi eq, %u, %zero : tensor<257xi32>
    %none = arith.constant dense<0xFF800000> : tensor<257xf32>
    %2 = arith.select %1, %none, %0 : tensor<257xi1>, tensor<257xf32>
    kernel.row_yield %2 : tensor<257xf32>
  }
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<64x257xf32>, tensor<64xf32>, tensor<64xi32>, tensor<64xf32>, tensor<64xi64>, tensor<64xi32>) -> tensor<64xi32>
  return %n : tensor<64xi32>
}

// No limit.
// range: all_candidates.arg2=0:0 all_candidates.arg4=0:1000000007 all_candidates.arg5=0:163839
// bench: all_candidates --range all_candidates.arg1=0.5:1.5 --range all_candidates.arg3=1:1 --scale all_candidates.arg0=3
func.func @all_candidates(%l: tensor<64x96xf32>, %t: tensor<64xf32>, %k: tensor<64xi32>, %p: tensor<64xf32>, %s: tensor<64xi64>, %q: tensor<64xi32>) -> tensor<64xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<64x96xf32>, tensor<64xf32>, tensor<64xi32>, tensor<64xf32>, tensor<64xi64>, tensor<64xi32>) -> tensor<64xi32>
  return %n : tensor<64xi32>
}

// A limit for each row, 1 among them.
// range: top_k.arg2=1:40 top_k.arg4=0:1000000007 top_k.arg5=0:163839
// bench: top_k --range top_k.arg1=0.3:1 --range top_k.arg3=1:1 --scale top_k.arg0=3
func.func @top_k(%l: tensor<100x257xf32>, %t: tensor<100xf32>, %k: tensor<100xi32>, %p: tensor<100xf32>, %s: tensor<100xi64>, %q: tensor<100xi32>) -> tensor<100xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<100x257xf32>, tensor<100xf32>, tensor<100xi32>, tensor<100xf32>, tensor<100xi64>, tensor<100xi32>) -> tensor<100xi32>
  return %n : tensor<100xi32>
}

// A mass for each row.
// range: top_p.arg2=0:0 top_p.arg4=0:1000000007 top_p.arg5=0:163839
// bench: top_p --range top_p.arg1=0.5:1 --range top_p.arg3=0.05:1 --scale top_p.arg0=1.5
func.func @top_p(%l: tensor<100x257xf32>, %t: tensor<100xf32>, %k: tensor<100xi32>, %p: tensor<100xf32>, %s: tensor<100xi64>, %q: tensor<100xi32>) -> tensor<100xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<100x257xf32>, tensor<100xf32>, tensor<100xi32>, tensor<100xf32>, tensor<100xi64>, tensor<100xi32>) -> tensor<100xi32>
  return %n : tensor<100xi32>
}

// Both, for some rows one of them without effect.
// range: top_k_top_p.arg2=0:60 top_k_top_p.arg4=0:1000000007 top_k_top_p.arg5=0:163839
// bench: top_k_top_p --range top_k_top_p.arg1=0.3:1 --range top_k_top_p.arg3=0.3:1.1 --scale top_k_top_p.arg0=2
func.func @top_k_top_p(%l: tensor<100x1001xf32>, %t: tensor<100xf32>, %k: tensor<100xi32>, %p: tensor<100xf32>, %s: tensor<100xi64>, %q: tensor<100xi32>) -> tensor<100xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<100x1001xf32>, tensor<100xf32>, tensor<100xi32>, tensor<100xf32>, tensor<100xi64>, tensor<100xi32>) -> tensor<100xi32>
  return %n : tensor<100xi32>
}

// range: more_than_all.arg2=70:90 more_than_all.arg4=0:1000000007 more_than_all.arg5=0:163839
// bench: more_than_all --range more_than_all.arg1=0.5:1 --range more_than_all.arg3=0.2:1 --scale more_than_all.arg0=3
func.func @more_than_all(%l: tensor<7x80xf32>, %t: tensor<7xf32>, %k: tensor<7xi32>, %p: tensor<7xf32>, %s: tensor<7xi64>, %q: tensor<7xi32>) -> tensor<7xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<7x80xf32>, tensor<7xf32>, tensor<7xi32>, tensor<7xf32>, tensor<7xi64>, tensor<7xi32>) -> tensor<7xi32>
  return %n : tensor<7xi32>
}

// A mass of nothing: the best token stays.
// range: best_alone.arg2=0:0 best_alone.arg4=0:1000000007 best_alone.arg5=0:163839
// bench: best_alone --range best_alone.arg1=0.5:1 --range best_alone.arg3=-0.5:0
func.func @best_alone(%l: tensor<64x1001xf32>, %t: tensor<64xf32>, %k: tensor<64xi32>, %p: tensor<64xf32>, %s: tensor<64xi64>, %q: tensor<64xi32>) -> tensor<64xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<64x1001xf32>, tensor<64xf32>, tensor<64xi32>, tensor<64xf32>, tensor<64xi64>, tensor<64xi32>) -> tensor<64xi32>
  return %n : tensor<64xi32>
}

// Greedy rows among others.
// range: some_greedy.arg2=0:20 some_greedy.arg4=0:1000000007 some_greedy.arg5=0:163839
// bench: some_greedy --range some_greedy.arg1=-1:1 --range some_greedy.arg3=0.5:1 --scale some_greedy.arg0=3
func.func @some_greedy(%l: tensor<100x80xf32>, %t: tensor<100xf32>, %k: tensor<100xi32>, %p: tensor<100xf32>, %s: tensor<100xi64>, %q: tensor<100xi32>) -> tensor<100xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<100x80xf32>, tensor<100xf32>, tensor<100xi32>, tensor<100xf32>, tensor<100xi64>, tensor<100xi32>) -> tensor<100xi32>
  return %n : tensor<100xi32>
}

// Hardly any temperature: weights that vanish.
// range: cold.arg2=0:0 cold.arg4=0:1000000007 cold.arg5=0:163839
// bench: cold --range cold.arg1=0.001:0.01 --range cold.arg3=0.5:1
func.func @cold(%l: tensor<64x1001xf32>, %t: tensor<64xf32>, %k: tensor<64xi32>, %p: tensor<64xf32>, %s: tensor<64xi64>, %q: tensor<64xi32>) -> tensor<64xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<64x1001xf32>, tensor<64xf32>, tensor<64xi32>, tensor<64xf32>, tensor<64xi64>, tensor<64xi32>) -> tensor<64xi32>
  return %n : tensor<64xi32>
}

// Whole vocabularies.
// range: vocabulary.arg2=20:60 vocabulary.arg4=0:1000000007 vocabulary.arg5=0:163839
// bench: vocabulary --range vocabulary.arg1=0.2:0.5 --range vocabulary.arg3=0.8:1 --scale vocabulary.arg0=2
func.func @vocabulary(%l: tensor<7x129280xf32>, %t: tensor<7xf32>, %k: tensor<7xi32>, %p: tensor<7xf32>, %s: tensor<7xi64>, %q: tensor<7xi32>) -> tensor<7xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<7x129280xf32>, tensor<7xf32>, tensor<7xi32>, tensor<7xf32>, tensor<7xi64>, tensor<7xi32>) -> tensor<7xi32>
  return %n : tensor<7xi32>
}

// range: one_row.arg2=50:50 one_row.arg4=0:1000000007 one_row.arg5=0:163839
// bench: one_row --range one_row.arg1=0.5:0.5 --range one_row.arg3=0.9:0.9 --scale one_row.arg0=2
func.func @one_row(%l: tensor<1x102400xf32>, %t: tensor<1xf32>, %k: tensor<1xi32>, %p: tensor<1xf32>, %s: tensor<1xi64>, %q: tensor<1xi32>) -> tensor<1xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<1x102400xf32>, tensor<1xf32>, tensor<1xi32>, tensor<1xf32>, tensor<1xi64>, tensor<1xi32>) -> tensor<1xi32>
  return %n : tensor<1xi32>
}

// A row that shared memory cannot hold; at odd addresses, too.
// range: long.arg2=0:60 long.arg4=0:1000000007 long.arg5=0:163839
// bench: long --range long.arg1=0.2:0.4 --range long.arg3=0.8:1 --scale long.arg0=2
func.func @long(%l: tensor<2x600000xf32>, %t: tensor<2xf32>, %k: tensor<2xi32>, %p: tensor<2xf32>, %s: tensor<2xi64>, %q: tensor<2xi32>) -> tensor<2xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<2x600000xf32>, tensor<2xf32>, tensor<2xi32>, tensor<2xf32>, tensor<2xi64>, tensor<2xi32>) -> tensor<2xi32>
  return %n : tensor<2xi32>
}

// range: long_odd.arg2=0:60 long_odd.arg4=0:1000000007 long_odd.arg5=0:163839
// bench: long_odd --range long_odd.arg1=0.2:0.4 --range long_odd.arg3=0.8:1 --scale long_odd.arg0=2
func.func @long_odd(%l: tensor<3x400001xf32>, %t: tensor<3xf32>, %k: tensor<3xi32>, %p: tensor<3xf32>, %s: tensor<3xi64>, %q: tensor<3xi32>) -> tensor<3xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<3x400001xf32>, tensor<3xf32>, tensor<3xi32>, tensor<3xf32>, tensor<3xi64>, tensor<3xi32>) -> tensor<3xi32>
  return %n : tensor<3xi32>
}

// A vocabulary of one.
// range: one_token.arg2=0:3 one_token.arg4=0:1000000007 one_token.arg5=0:163839
// bench: one_token --range one_token.arg1=0.5:1 --range one_token.arg3=0.5:1
func.func @one_token(%l: tensor<3x1xf32>, %t: tensor<3xf32>, %k: tensor<3xi32>, %p: tensor<3xf32>, %s: tensor<3xi64>, %q: tensor<3xi32>) -> tensor<3xi32> {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<3x1xf32>, tensor<3xf32>, tensor<3xi32>, tensor<3xf32>, tensor<3xi64>, tensor<3xi32>) -> tensor<3xi32>
  return %n : tensor<3xi32>
}

// Ties at the limit of top-k: the lower indices stay. Some tokens are masked.
// range: ties.arg0=-6:6 ties.arg2=1:30 ties.arg4=0:1000000007 ties.arg5=0:163839
// bench: ties --range ties.arg1=0.5:1 --range ties.arg3=1:1
func.func @ties(%x: tensor<100x96xi32>, %t: tensor<100xf32>, %k: tensor<100xi32>, %p: tensor<100xf32>, %s: tensor<100xi64>, %q: tensor<100xi32>) -> tensor<100xi32> {
  %l = kernel.row_fusion rows 100 whole [] (%x) : (tensor<100x96xi32>) -> tensor<100x96xf32> {
  ^bb0(%u: tensor<96xi32>):
    %0 = arith.sitofp %u : tensor<96xi32> to tensor<96xf32>
    %zero = arith.constant dense<0> : tensor<96xi32>
    %1 = arith.cmpi eq, %u, %zero : tensor<96xi32>
    %none = arith.constant dense<0xFF800000> : tensor<96xf32>
    %2 = arith.select %1, %none, %0 : tensor<96xi1>, tensor<96xf32>
    kernel.row_yield %2 : tensor<96xf32>
  }
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<100x96xf32>, tensor<100xf32>, tensor<100xi32>, tensor<100xf32>, tensor<100xi64>, tensor<100xi32>) -> tensor<100xi32>
  return %n : tensor<100xi32>
}

// Ties at the limit of top-p.
// range: ties_of_mass.arg0=-6:6 ties_of_mass.arg2=0:0 ties_of_mass.arg4=0:1000000007 ties_of_mass.arg5=0:163839
// bench: ties_of_mass --range ties_of_mass.arg1=0.7:1.3 --range ties_of_mass.arg3=0.3:0.9
func.func @ties_of_mass(%x: tensor<100x80xi32>, %t: tensor<100xf32>, %k: tensor<100xi32>, %p: tensor<100xf32>, %s: tensor<100xi64>, %q: tensor<100xi32>) -> tensor<100xi32> {
  %l = kernel.row_fusion rows 100 whole [] (%x) : (tensor<100x80xi32>) -> tensor<100x80xf32> {
  ^bb0(%u: tensor<80xi32>):
    %0 = arith.sitofp %u : tensor<80xi32> to tensor<80xf32>
    %zero = arith.constant dense<0> : tensor<80xi32>
    %1 = arith.cmpi eq, %u, %zero : tensor<80xi32>
    %none = arith.constant dense<0xFF800000> : tensor<80xf32>
    %2 = arith.select %1, %none, %0 : tensor<80xi1>, tensor<80xf32>
    kernel.row_yield %2 : tensor<80xf32>
  }
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<100x80xf32>, tensor<100xf32>, tensor<100xi32>, tensor<100xf32>, tensor<100xi64>, tensor<100xi32>) -> tensor<100xi32>
  return %n : tensor<100xi32>
}

// Logits that are columns of a wider matrix.
// range: slices.arg2=0:20 slices.arg4=0:1000000007 slices.arg5=0:163839
// bench: slices --range slices.arg1=0.5:1 --range slices.arg3=0.5:1 --scale slices.arg0=3
func.func @slices(%x: tensor<7x300xf32>, %t: tensor<7xf32>, %k: tensor<7xi32>, %p: tensor<7xf32>, %s: tensor<7xi64>, %q: tensor<7xi32>) -> tensor<7xi32> {
  %l = tensor.extract_slice %x[0, 43] [7, 257] [1, 1] : tensor<7x300xf32> to tensor<7x257xf32>
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<7x257xf32>, tensor<7xf32>, tensor<7xi32>, tensor<7xf32>, tensor<7xi64>, tensor<7xi32>) -> tensor<7xi32>
  return %n : tensor<7xi32>
}
