// A kernel that reads half a gigabyte: it empties the second-level cache of everything else without leaving lines there
// that must be written back, and its own time is the read bandwidth that others are compared with. In PTX, so that the
// yardstick does not come out of the compiler that is measured.
#pragma once

#include "runtime/core/Device.h"
#include "runtime/core/Memory.h"

namespace dsrt {

class ReadStream {
public:
  static constexpr size_t bytes = size_t(512) << 20;

  // A device and a memory of its own: it outlives the artefacts that are measured.
  static StatusOr<ReadStream> create(int device);
  ReadStream(ReadStream &&other) noexcept;
  ReadStream &operator=(ReadStream &&other) = delete;
  ~ReadStream();

  Status run(CuStream stream) const { return run(bytes, stream); }
  // Bytes per second: what as many bytes again add to the time, so that the launch does not count.
  StatusOr<double> bandwidth() const;

private:
  ReadStream() = default;
  Status run(size_t count, CuStream stream) const;
  std::unique_ptr<Device> device;
  std::unique_ptr<Memory> memory;
  CuModule module = nullptr;
  CuFunction function = nullptr;
  void *buffer = nullptr;
};

} // namespace dsrt
