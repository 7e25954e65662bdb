// Whatever the bytes are, the reader returns an error or tensors that lie within them.
#include "runtime/weights/SafetensorsReader.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t dataStart = 0;
  auto entries = dsrt::readSafetensorsEntries({reinterpret_cast<const std::byte *>(data), size}, "fuzz", dataStart);
  if (!entries.ok())
    return 0;
  for (const dsrt::SafetensorsEntry &entry : *entries)
    if (entry.begin > entry.end || dataStart > size || entry.end > size - dataStart)
      std::abort();
  return 0;
}
