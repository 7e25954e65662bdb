#include "runtime/session/InputBuffer.h"

#include <cstring>

namespace dsrt {

InputBuffer::InputBuffer(Program &program, const char *name) : memory(program.memory()) {
  int32_t buffer = program.manifest().findBuffer(name); // checkModelBuffers has found it
  address = static_cast<char *>(program.address(buffer));
  shadow.assign(static_cast<size_t>(program.bufferBytes(buffer)), 0);
}

Status InputBuffer::setBytes(size_t offset, const void *bytes, size_t size) {
  if (offset > shadow.size() || size > shadow.size() - offset)
    return Status::error("an input of " + std::to_string(size) + " bytes at " + std::to_string(offset) +
                         " does not fit its buffer of " + std::to_string(shadow.size()));
  if (size == 0 || std::memcmp(shadow.data() + offset, bytes, size) == 0)
    return Status();
  std::memcpy(shadow.data() + offset, bytes, size);
  return memory.write(address + offset, bytes, size);
}

} // namespace dsrt
