// One GPU: its primary context, the stream that all work of an artefact goes to, events for timing.
// A thread that calls the driver must make the context current first (`makeCurrent`); open() does so for its own
// thread.
#pragma once

#include "runtime/core/CudaDriver.h"
#include "runtime/core/Status.h"

#include <memory>
#include <string>

namespace dsrt {

class Device {
public:
  static StatusOr<std::unique_ptr<Device>> open(int index);
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;
  ~Device();

  const CudaDriver &driver() const { return *cuda; }
  CuStream stream() const { return mainStream; }
  int index() const { return ordinal; }
  const std::string &name() const { return deviceName; }
  const std::string &uuid() const { return deviceUuid; } // as nvidia-smi writes it
  int capability() const { return computeCapability; }   // major * 10 + minor
  int multiprocessors() const { return smCount; }
  double peakBandwidth() const { return bandwidth; } // bytes per second, from the memory clock; 0 if unknown

  Status makeCurrent() const;
  Status synchronize() const;
  StatusOr<size_t> freeBytes() const;

private:
  Device() = default;
  const CudaDriver *cuda = nullptr;
  CuDevice handle = 0;
  CuContext context = nullptr;
  CuStream mainStream = nullptr;
  int ordinal = 0, computeCapability = 0, smCount = 0;
  double bandwidth = 0;
  std::string deviceName, deviceUuid;
};

// A point in a stream, with a time stamp.
class Event {
public:
  static StatusOr<Event> create(const Device &device);
  Event(Event &&other) noexcept;
  Event &operator=(Event &&other) noexcept;
  ~Event();

  Status record(CuStream stream) const;
  Status wait() const;
  // Milliseconds from `start` to this event; both must have been recorded. Waits for this one.
  StatusOr<double> millisecondsSince(const Event &start) const;

private:
  Event() = default;
  const Device *device = nullptr;
  CuEvent event = nullptr;
};

// Page-locked host memory, which the GPU reads and writes at full speed.
class PinnedBuffer {
public:
  static StatusOr<PinnedBuffer> create(const Device &device, size_t bytes);
  PinnedBuffer(PinnedBuffer &&other) noexcept;
  PinnedBuffer &operator=(PinnedBuffer &&other) noexcept;
  ~PinnedBuffer();

  char *data() const { return static_cast<char *>(pointer); }
  size_t size() const { return bytes; }

private:
  PinnedBuffer() = default;
  const Device *device = nullptr;
  void *pointer = nullptr;
  size_t bytes = 0;
};

// A second stream beside Device::stream().
class Stream {
public:
  static StatusOr<Stream> create(const Device &device);
  Stream(Stream &&other) noexcept;
  Stream &operator=(Stream &&other) noexcept;
  ~Stream();
  CuStream get() const { return stream; }
  Status synchronize() const;

private:
  Stream() = default;
  const Device *device = nullptr;
  CuStream stream = nullptr;
};

} // namespace dsrt
