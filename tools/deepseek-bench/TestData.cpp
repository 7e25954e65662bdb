#include "tools/deepseek-bench/TestData.h"

#include <algorithm>
#include <cmath>

namespace dsrt {

uint64_t Random::next() {
  uint64_t value = state += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// The sum of twelve uniform numbers has variance 1.
double Random::normal() {
  double sum = -6;
  for (int i = 0; i < 12; ++i)
    sum += uniform();
  return sum;
}

void fillRandom(Elements elements, const Distribution &distribution, uint64_t seed) {
  Random random(seed);
  bool isInteger = !isFloat(elements.dtype);
  auto range = distribution.range;
  if (isInteger && !range)
    range = {0, elements.dtype == DType::U8 ? 255 : 0};
  for (size_t i = 0; i < elements.count; ++i) {
    double value;
    if (elements.dtype == DType::F8E8M0 && !range)
      value = std::ldexp(1.0, static_cast<int>(random.next() % 7) - 3);
    else if (isInteger)
      value = range->first + std::floor(random.uniform() * (range->second - range->first + 1));
    else if (range)
      value = range->first + random.uniform() * (range->second - range->first);
    else
      value = random.normal() * distribution.scale;
    storeElement(elements.dtype, elements.data, i, value);
  }
}

} // namespace dsrt
