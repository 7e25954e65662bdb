#include "runtime/text/StreamDecoder.h"
#include "runtime/text/Unicode.h"

#include <utility>

namespace dsrt {

std::string StreamDecoder::push(int32_t id) {
  if (skipSpecial && tokenizer->isSpecial(id))
    return {};
  pending += tokenizer->tokenBytes(id);
  // Only the last character can be incomplete.
  size_t end = pending.size();
  for (size_t tail = 1; tail <= 3 && tail <= pending.size(); ++tail) {
    size_t start = pending.size() - tail;
    if ((static_cast<unsigned char>(pending[start]) & 0xC0) == 0x80)
      continue;
    if (scanUtf8(std::string_view(pending).substr(start)).kind == Utf8Prefix::Incomplete)
      end = start;
    break;
  }
  std::string held = pending.substr(end);
  pending.resize(end);
  return toValidUtf8(std::exchange(pending, std::move(held)));
}

std::string StreamDecoder::finish() { return toValidUtf8(std::exchange(pending, {})); }

} // namespace dsrt
