// RUN: deepseek-opt %s -arith-expand-float8 | FileCheck %s
// What comes out of it, all 256 patterns and every kind of rounding: test/e2e/cpu/ops/float8.mlir.

// CHECK-LABEL: func.func @extends
// CHECK-SAME:    %[[X:[^:]+]]: f8E4M3FN
// CHECK-NOT:     arith.extf
// CHECK:         %[[BITS:.+]] = arith.bitcast %[[X]] : f8E4M3FN to i8
// CHECK:         arith.extui %[[BITS]] : i8 to i32
// CHECK:         arith.bitcast %{{.+}} : i32 to f32
func.func @extends(%x: f8E4M3FN) -> f32 {
  %0 = arith.extf %x : f8E4M3FN to f32
  return %0 : f32
}

// CHECK-LABEL: func.func @truncates
// CHECK-NOT:     arith.truncf
// CHECK:         %[[BITS:.+]] = arith.trunci %{{.+}} : i32 to i8
// CHECK:         arith.bitcast %[[BITS]] : i8 to f8E4M3FN
func.func @truncates(%x: f32) -> f8E4M3FN {
  %0 = arith.truncf %x : f32 to f8E4M3FN
  return %0 : f8E4M3FN
}

// CHECK-LABEL: func.func @vectors
// CHECK-NOT:     arith.extf
// CHECK:         arith.bitcast %{{.+}} : vector<8xi32> to vector<8xf32>
func.func @vectors(%x: vector<8xf8E4M3FN>) -> vector<8xf32> {
  %0 = arith.extf %x : vector<8xf8E4M3FN> to vector<8xf32>
  return %0 : vector<8xf32>
}

// Other types are left alone.
// CHECK-LABEL: func.func @others
// CHECK:         arith.extf %{{.+}} : bf16 to f32
// CHECK:         arith.truncf %{{.+}} : f32 to f8E5M2
func.func @others(%x: bf16, %y: f32) -> (f32, f8E5M2) {
  %0 = arith.extf %x : bf16 to f32
  %1 = arith.truncf %y : f32 to f8E5M2
  return %0, %1 : f32, f8E5M2
}
