// Which kernel family and schedule suits a shape.
#include "passes/cost/Schedules.h"
#include <algorithm>

using namespace mlir::deepseek::cost;

namespace {
constexpr int64_t skinnyRows = 64;       // beyond, reading B once for each tile of rows costs more than tensor-core tiles that are partly empty
constexpr int64_t rowsPerSkinnyTile = 32;
constexpr int64_t headsPerTile = 16;     // rows of one mma.sync tile
constexpr int64_t positionsPerPart = 256; // fewer do not pay for joining the parts
} // namespace

GemmChoice mlir::deepseek::cost::chooseGemm(const GemmShape &s, bool tmaAddressable, const Machine &machine) {
  GemmChoice choice{};
  choice.family = s.m <= skinnyRows || !tmaAddressable ? GemmFamily::Skinny : GemmFamily::TensorCore;
  const double passes = choice.family == GemmFamily::Skinny ? double((s.m + rowsPerSkinnyTile - 1) / rowsPerSkinnyTile) : 1.0;
  const double bytes = double(s.heads) * double(s.elementBytes) * (passes * double(s.n) * double(s.k) + double(s.m) * double(s.k)) +
                       2.0 * double(s.heads) * double(s.m) * double(s.n);
  const double flops = 2.0 * double(s.heads) * double(s.m) * double(s.n) * double(s.k);
  const double byteTime = bytes / machine.readBandwidth, productTime = flops / machine.matrixRate;
  choice.limit = byteTime >= productTime ? "bytes" : "products";
  choice.seconds = std::max(byteTime, productTime) + machine.kernelOverhead;
  choice.tileM = s.m <= 8 ? 8 : s.m <= 16 ? 16 : 32;
  choice.tileN = s.m <= 16 ? 16 : 32;
  choice.warps = 8;
  return choice;
}

int64_t mlir::deepseek::cost::chooseDecodeSplit(int64_t tokens, int64_t sequences, int64_t heads, int64_t capacity,
                                                const Machine &machine) {
  const int64_t perSequence = (heads * (tokens / sequences) + headsPerTile - 1) / headsPerTile;
  const int64_t blocks = sequences * perSequence;
  const int64_t wanted = (machine.computeUnits + blocks - 1) / blocks;
  return std::clamp<int64_t>(capacity / positionsPerPart, 1, wanted);
}
