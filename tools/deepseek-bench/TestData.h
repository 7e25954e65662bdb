// Seeded values for inputs: the same on every machine, so that a result can be reproduced from its command line.
#pragma once

#include "runtime/core/DType.h"

#include <optional>
#include <utility>

namespace dsrt {

// splitmix64.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t next();
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; } // in [0, 1)
  double normal();

private:
  uint64_t state;
};

// Floats are normal with standard deviation `scale`, or uniform in `range`; integers are uniform in `range`, both ends
// included (bytes in 0..255 without one); f8E8M0FNU scales are powers of two from 1/8 to 8.
struct Distribution {
  double scale = 1;
  std::optional<std::pair<double, double>> range;
};

struct Elements {
  DType dtype;
  void *data;
  size_t count;
};
void fillRandom(Elements elements, const Distribution &distribution, uint64_t seed);

} // namespace dsrt
