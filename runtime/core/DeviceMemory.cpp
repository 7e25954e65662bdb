// Small writes go through a pinned ring, so that they neither wait for the GPU nor for their own copy; the ring is
// drained before it wraps. Uploads use two pinned halves in turn on a stream of their own.
#include "runtime/core/Memory.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace dsrt {

namespace {
constexpr size_t ringBytes = size_t(4) << 20;
constexpr size_t uploadBytes = size_t(8) << 20; // of each half

CuDevicePtr devicePtr(const void *address) { return reinterpret_cast<CuDevicePtr>(address); }

class DeviceUploader : public Uploader {
public:
  static StatusOr<std::unique_ptr<Uploader>> create(const Device &device) {
    DSRT_RETURN_IF_ERROR(device.makeCurrent()); // the caller is a thread of its own
    DSRT_ASSIGN_OR_RETURN(Stream stream, Stream::create(device));
    auto uploader = std::make_unique<DeviceUploader>(device, std::move(stream));
    for (int i = 0; i < 2; ++i) {
      DSRT_ASSIGN_OR_RETURN(PinnedBuffer half, PinnedBuffer::create(device, uploadBytes));
      DSRT_ASSIGN_OR_RETURN(Event event, Event::create(device));
      uploader->halves[i].emplace(std::move(half));
      uploader->events[i].emplace(std::move(event));
    }
    return std::unique_ptr<Uploader>(std::move(uploader));
  }
  DeviceUploader(const Device &device, Stream stream) : device(device), stream(std::move(stream)) {}

  Status upload(void *to, const void *from, size_t bytes) override {
    for (size_t done = 0; done < bytes;) {
      size_t part = std::min(bytes - done, uploadBytes);
      DSRT_RETURN_IF_ERROR(events[next]->wait()); // the last copy out of this half; an event never recorded is done
      std::memcpy(halves[next]->data(), static_cast<const char *>(from) + done, part);
      CuDevicePtr target = devicePtr(to) + done;
      DSRT_CUDA_TRY(device.driver(), cuMemcpyHtoDAsync(target, halves[next]->data(), part, stream.get()));
      DSRT_RETURN_IF_ERROR(events[next]->record(stream.get()));
      next ^= 1;
      done += part;
    }
    return Status();
  }
  Status finish() override { return stream.synchronize(); }

private:
  const Device &device;
  Stream stream;
  std::optional<PinnedBuffer> halves[2];
  std::optional<Event> events[2];
  int next = 0;
};

class DeviceMemory : public Memory {
public:
  DeviceMemory(const Device &device, PinnedBuffer ring, PinnedBuffer landing)
      : device(device), cuda(device.driver()), ring(std::move(ring)), landing(std::move(landing)) {}

  std::string describe() const override { return "GPU " + std::to_string(device.index()); }

  StatusOr<void *> allocate(size_t bytes, const std::string &what) override {
    CuDevicePtr address = 0;
    if (CuResult code = cuda.cuMemAlloc(&address, std::max<size_t>(bytes, 256))) {
      auto free = device.freeBytes();
      return Status::error("cannot allocate " + std::to_string(bytes) + " bytes for " + what + " on " + describe() +
                           ", of which " + (free.ok() ? std::to_string(*free) : "?") +
                           " are free: " + cudaError(cuda, code, "cuMemAlloc", __FILE__, __LINE__).message());
    }
    return reinterpret_cast<void *>(address);
  }
  void release(void *address) override { (void)cuda.cuMemFree(devicePtr(address)); }
  StatusOr<size_t> availableBytes() const override { return device.freeBytes(); }

  Status write(void *to, const void *from, size_t bytes) override {
    for (size_t done = 0; done < bytes;) {
      size_t part = std::min(bytes - done, ringBytes);
      if (cursor + part > ringBytes) {
        DSRT_RETURN_IF_ERROR(device.synchronize());
        cursor = 0;
      }
      std::memcpy(ring.data() + cursor, static_cast<const char *>(from) + done, part);
      DSRT_CUDA_TRY(cuda, cuMemcpyHtoDAsync(devicePtr(to) + done, ring.data() + cursor, part, device.stream()));
      cursor += (part + 63) / 64 * 64;
      done += part;
    }
    return Status();
  }

  Status read(void *to, const void *from, size_t bytes) override {
    for (size_t done = 0; done < bytes;) {
      size_t part = std::min(bytes - done, ringBytes);
      DSRT_CUDA_TRY(cuda, cuMemcpyDtoHAsync(landing.data(), devicePtr(from) + done, part, device.stream()));
      DSRT_RETURN_IF_ERROR(device.synchronize());
      cursor = 0; // every earlier write has left the ring
      std::memcpy(static_cast<char *>(to) + done, landing.data(), part);
      done += part;
    }
    return Status();
  }

  Status copy(void *to, const void *from, size_t bytes) override {
    DSRT_CUDA_TRY(cuda, cuMemcpyDtoDAsync(devicePtr(to), devicePtr(from), bytes, device.stream()));
    return Status();
  }
  Status fill(void *to, unsigned char byte, size_t bytes) override {
    if (bytes)
      DSRT_CUDA_TRY(cuda, cuMemsetD8Async(devicePtr(to), byte, bytes, device.stream()));
    return Status();
  }
  Status synchronize() override { return device.synchronize(); }
  StatusOr<std::unique_ptr<Uploader>> createUploader() override { return DeviceUploader::create(device); }

private:
  const Device &device;
  const CudaDriver &cuda;
  PinnedBuffer ring, landing; // of writes and reads
  size_t cursor = 0;
};
} // namespace

StatusOr<std::unique_ptr<Memory>> createDeviceMemory(const Device &device) {
  DSRT_ASSIGN_OR_RETURN(PinnedBuffer ring, PinnedBuffer::create(device, ringBytes));
  DSRT_ASSIGN_OR_RETURN(PinnedBuffer landing, PinnedBuffer::create(device, ringBytes));
  return std::unique_ptr<Memory>(std::make_unique<DeviceMemory>(device, std::move(ring), std::move(landing)));
}

} // namespace dsrt
