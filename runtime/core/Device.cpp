#include "runtime/core/Device.h"

namespace dsrt {

static std::string uuidText(const unsigned char (&bytes)[16]) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      text += '-';
    constexpr char digits[] = "0123456789abcdef";
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

StatusOr<std::unique_ptr<Device>> Device::open(int index) {
  DSRT_ASSIGN_OR_RETURN(const CudaDriver *cuda, CudaDriver::load());
  int count = 0;
  DSRT_CUDA_TRY(*cuda, cuDeviceGetCount(&count));
  if (index < 0 || index >= count)
    return Status::error("no GPU " + std::to_string(index) + ": this machine has " + std::to_string(count));
  std::unique_ptr<Device> device(new Device());
  device->cuda = cuda;
  device->ordinal = index;
  DSRT_CUDA_TRY(*cuda, cuDeviceGet(&device->handle, index));
  char name[128] = "";
  DSRT_CUDA_TRY(*cuda, cuDeviceGetName(name, sizeof(name) - 1, device->handle));
  device->deviceName = name;
  unsigned char uuid[16] = {};
  DSRT_CUDA_TRY(*cuda, cuDeviceGetUuid(uuid, device->handle));
  device->deviceUuid = uuidText(uuid);
  auto attribute = [&](int id, int &value) -> Status {
    DSRT_CUDA_TRY(*cuda, cuDeviceGetAttribute(&value, id, device->handle));
    return Status();
  };
  int major = 0, minor = 0, clockKhz = 0, busBits = 0;
  DSRT_RETURN_IF_ERROR(attribute(cuDeviceAttributeCapabilityMajor, major));
  DSRT_RETURN_IF_ERROR(attribute(cuDeviceAttributeCapabilityMinor, minor));
  DSRT_RETURN_IF_ERROR(attribute(cuDeviceAttributeMultiprocessorCount, device->smCount));
  DSRT_RETURN_IF_ERROR(attribute(cuDeviceAttributeMemoryClockRate, clockKhz));
  DSRT_RETURN_IF_ERROR(attribute(cuDeviceAttributeMemoryBusWidth, busBits));
  device->computeCapability = major * 10 + minor;
  device->bandwidth = 2.0 * clockKhz * 1e3 * busBits / 8; // two transfers in each clock
  DSRT_CUDA_TRY(*cuda, cuDevicePrimaryCtxRetain(&device->context, device->handle));
  DSRT_CUDA_TRY(*cuda, cuCtxSetCurrent(device->context));
  DSRT_CUDA_TRY(*cuda, cuStreamCreate(&device->mainStream, cuStreamNonBlocking));
  return device;
}

Device::~Device() {
  if (mainStream)
    (void)cuda->cuStreamDestroy(mainStream);
  if (context)
    (void)cuda->cuDevicePrimaryCtxRelease(handle);
}

Status Device::makeCurrent() const {
  DSRT_CUDA_TRY(*cuda, cuCtxSetCurrent(context));
  return Status();
}

Status Device::synchronize() const {
  DSRT_CUDA_TRY(*cuda, cuStreamSynchronize(mainStream));
  return Status();
}

StatusOr<size_t> Device::freeBytes() const {
  size_t free = 0, total = 0;
  DSRT_CUDA_TRY(*cuda, cuMemGetInfo(&free, &total));
  return free;
}

StatusOr<Event> Event::create(const Device &device) {
  Event event;
  event.device = &device;
  DSRT_CUDA_TRY(device.driver(), cuEventCreate(&event.event, cuEventDefault));
  return event;
}
Event::Event(Event &&other) noexcept { *this = std::move(other); }
Event &Event::operator=(Event &&other) noexcept {
  std::swap(device, other.device);
  std::swap(event, other.event);
  return *this;
}
Event::~Event() {
  if (event)
    (void)device->driver().cuEventDestroy(event);
}
Status Event::record(CuStream stream) const {
  DSRT_CUDA_TRY(device->driver(), cuEventRecord(event, stream));
  return Status();
}
Status Event::wait() const {
  DSRT_CUDA_TRY(device->driver(), cuEventSynchronize(event));
  return Status();
}
StatusOr<double> Event::millisecondsSince(const Event &start) const {
  DSRT_RETURN_IF_ERROR(wait());
  float milliseconds = 0;
  DSRT_CUDA_TRY(device->driver(), cuEventElapsedTime(&milliseconds, start.event, event));
  return static_cast<double>(milliseconds);
}

StatusOr<PinnedBuffer> PinnedBuffer::create(const Device &device, size_t bytes) {
  PinnedBuffer buffer;
  buffer.device = &device;
  buffer.bytes = bytes;
  DSRT_CUDA_TRY(device.driver(), cuMemHostAlloc(&buffer.pointer, bytes, 0));
  return buffer;
}
PinnedBuffer::PinnedBuffer(PinnedBuffer &&other) noexcept { *this = std::move(other); }
PinnedBuffer &PinnedBuffer::operator=(PinnedBuffer &&other) noexcept {
  std::swap(device, other.device);
  std::swap(pointer, other.pointer);
  std::swap(bytes, other.bytes);
  return *this;
}
PinnedBuffer::~PinnedBuffer() {
  if (pointer)
    (void)device->driver().cuMemFreeHost(pointer);
}

StatusOr<Stream> Stream::create(const Device &device) {
  Stream stream;
  stream.device = &device;
  DSRT_CUDA_TRY(device.driver(), cuStreamCreate(&stream.stream, cuStreamNonBlocking));
  return stream;
}
Stream::Stream(Stream &&other) noexcept { *this = std::move(other); }
Stream &Stream::operator=(Stream &&other) noexcept {
  std::swap(device, other.device);
  std::swap(stream, other.stream);
  return *this;
}
Stream::~Stream() {
  if (stream)
    (void)device->driver().cuStreamDestroy(stream);
}
Status Stream::synchronize() const {
  DSRT_CUDA_TRY(device->driver(), cuStreamSynchronize(stream));
  return Status();
}

} // namespace dsrt
