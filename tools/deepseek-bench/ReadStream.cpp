#include "tools/deepseek-bench/ReadStream.h"

#include "tools/deepseek-bench/Measure.h"

#include <utility>

namespace dsrt {

namespace {
constexpr unsigned threads = 512, blocksPerUnit = 4, unroll = 4;
// The last round of loads reaches this far beyond what is asked for.
constexpr size_t overrun = size_t(16) << 20;

// read(buffer, bytes): thread t of T reads the vectors t, t + T, t + 2T, ... four at a time. Their exclusive or is
// stored where it has one value in 2^32, so that no load is superfluous.
constexpr const char *ptx = R"(
.version 7.8
.target sm_80
.address_size 64
.visible .entry read(.param .u64 buffer, .param .u64 bytes) {
  .reg .pred %p;
  .reg .b32 %t<4>, %v<33>, %x;
  .reg .b64 %a, %end, %step, %o, %all;
  ld.param.u64 %a, [buffer];
  ld.param.u64 %end, [bytes];
  cvta.to.global.u64 %a, %a;
  mov.u64 %all, %a;
  add.u64 %end, %end, %a;
  mov.u32 %t0, %ctaid.x;
  mov.u32 %t1, %ntid.x;
  mov.u32 %t2, %tid.x;
  mad.lo.u32 %t3, %t0, %t1, %t2;
  mul.wide.u32 %o, %t3, 16;
  add.u64 %a, %a, %o;
  mov.u32 %t0, %nctaid.x;
  mul.lo.u32 %t0, %t0, %t1;
  mul.wide.u32 %step, %t0, 16;
  mov.b32 %x, 0;
again:
  setp.ge.u64 %p, %a, %end;
  @%p bra done;
)";

std::string source() {
  std::string text = ptx;
  auto vector = [](unsigned i) {
    std::string registers;
    for (unsigned j = 0; j < 4; ++j)
      registers += (j ? ", %v" : "%v") + std::to_string(4 * i + j);
    return "{" + registers + "}";
  };
  for (unsigned i = 0; i < unroll; ++i)
    text += "  ld.global.L1::no_allocate.v4.b32 " + vector(i) + ", [%a];\n  add.u64 %a, %a, %step;\n";
  for (unsigned i = 0; i < 4 * unroll; ++i)
    text += "  xor.b32 %x, %x, %v" + std::to_string(i) + ";\n";
  return text + "  bra again;\ndone:\n  setp.eq.u32 %p, %x, 0x5eed1234;\n  @%p st.global.u32 [%all], %x;\n  ret;\n}\n";
}
} // namespace

StatusOr<ReadStream> ReadStream::create(int index) {
  ReadStream stream;
  DSRT_ASSIGN_OR_RETURN(stream.device, Device::open(index));
  DSRT_ASSIGN_OR_RETURN(stream.memory, createDeviceMemory(*stream.device));
  const CudaDriver &cuda = stream.device->driver();
  DSRT_CUDA_TRY(cuda, cuModuleLoadData(&stream.module, source().c_str()));
  DSRT_CUDA_TRY(cuda, cuModuleGetFunction(&stream.function, stream.module, "read"));
  DSRT_ASSIGN_OR_RETURN(stream.buffer,
                        stream.memory->allocate(2 * bytes + overrun, "the buffer that empties the cache"));
  DSRT_RETURN_IF_ERROR(stream.memory->fill(stream.buffer, 1, 2 * bytes + overrun));
  DSRT_RETURN_IF_ERROR(stream.memory->synchronize());
  return stream;
}

ReadStream::ReadStream(ReadStream &&other) noexcept
    : device(std::move(other.device)), memory(std::move(other.memory)), module(std::exchange(other.module, nullptr)),
      function(other.function), buffer(std::exchange(other.buffer, nullptr)) {}

ReadStream::~ReadStream() {
  if (buffer)
    memory->release(buffer);
  if (module)
    (void)device->driver().cuModuleUnload(module);
}

Status ReadStream::run(size_t count, CuStream stream) const {
  uint64_t address = reinterpret_cast<uint64_t>(buffer), size = count;
  void *arguments[] = {&address, &size};
  CuLaunchConfig config{};
  config.gridX = static_cast<unsigned>(device->multiprocessors()) * blocksPerUnit;
  config.blockX = threads;
  config.gridY = config.gridZ = config.blockY = config.blockZ = 1;
  config.stream = stream;
  DSRT_CUDA_TRY(device->driver(), cuLaunchKernelEx(&config, function, arguments, nullptr));
  return Status();
}

StatusOr<double> ReadStream::bandwidth() const {
  DSRT_ASSIGN_OR_RETURN(Timer timer, Timer::create(device.get()));
  std::vector<double> once, twice;
  for (int i = -2; i < 15; ++i)
    for (size_t count : {bytes, 2 * bytes}) {
      DSRT_RETURN_IF_ERROR(timer.start());
      DSRT_RETURN_IF_ERROR(run(count, device->stream()));
      DSRT_RETURN_IF_ERROR(timer.stop());
      DSRT_ASSIGN_OR_RETURN(double milliseconds, timer.milliseconds());
      if (i >= 0)
        (count == bytes ? once : twice).push_back(milliseconds * 1e-3);
    }
  return static_cast<double>(bytes) / (median(twice) - median(once));
}

} // namespace dsrt
