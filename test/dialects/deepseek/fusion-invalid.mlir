// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @fusion_c1(%x: tensor<8xbf16>) {
  // expected-error @+1 {{needs the name of its pattern}}
  %0 = deepseek.fusion "" -> tensor<8xbf16> {
    deepseek.yield %x : tensor<8xbf16>
  }
  return
}

// -----

func.func @fusion_c2(%x: tensor<8xbf16>) {
  // expected-error @+1 {{results must be the 1 yielded values' types}}
  %0 = deepseek.fusion "x" -> tensor<8xf32> {
    // expected-note @+1 {{yielded here}}
    deepseek.yield %x : tensor<8xbf16>
  }
  return
}
