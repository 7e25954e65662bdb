// Which kernel family and schedule suits a shape.
#pragma once

#include "passes/cost/Machine.h"
#include <cstdint>

namespace mlir::deepseek::cost {

/// A matrix product D [m, n] = A [m, k] B [n, k]^T, `heads` times.
struct GemmShape {
  int64_t m, n, k, heads;
  int64_t elementBytes; // of A and B
};

enum class GemmFamily { Skinny, TensorCore };

struct GemmChoice {
  GemmFamily family;
  double seconds;              // estimate
  const char *limit;           // "bytes" or "products": what bounds it
  int64_t tileM, tileN, warps; // of the skinny family; the tensor-core family has its own table
};

/// `tmaAddressable`: rows of A and B start at multiples of 16 bytes.
GemmChoice chooseGemm(const GemmShape &shape, bool tmaAddressable, const Machine &machine);

/// Tile and pipeline of the tensor-core family: a CTA computes m x n elements of D, `stages` K blocks of 128 bytes are
/// under way.
struct TensorCoreTile {
  int64_t m, n, stages;
  double seconds; // estimate of the products alone
};
TensorCoreTile chooseTensorCoreTile(const GemmShape &shape, const Machine &machine);

/// Whether the groups of a grouped product, `rows` in all, have rows enough for tensor-core tiles.
bool fillsTensorCoreTiles(int64_t rows, int64_t groups);

/// Parts into which the positions of a sequence are cut in decode attention, so that all multiprocessors work.
/// `capacity`: positions a block table reaches.
int64_t chooseDecodeSplit(int64_t tokens, int64_t sequences, int64_t heads, int64_t capacity, const Machine &machine);

} // namespace mlir::deepseek::cost
