// dsrt_tensor_map_encode: a TMA descriptor, encoded by the driver on the host.
#include "runtime/core/Context.h"

using namespace dsrt;

namespace {
int driverType(int32_t type) {
  switch (type) {
  case DSRT_U8:
    return cuTensorMapUint8;
  case DSRT_I32:
    return cuTensorMapInt32;
  case DSRT_F32:
    return cuTensorMapFloat32;
  case DSRT_F16:
    return cuTensorMapFloat16;
  case DSRT_BF16:
    return cuTensorMapBfloat16;
  default:
    return -1;
  }
}

int driverSwizzle(int32_t bytes) { return bytes == 0 ? 0 : bytes == 32 ? 1 : bytes == 64 ? 2 : bytes == 128 ? 3 : -1; }

std::string describe(const DsrtTensorMapSpec &spec, const void *address) {
  std::string dims, box;
  for (int32_t i = 0; i < spec.rank && i < DSRT_MAX_TENSOR_RANK; ++i) {
    dims += (i ? "x" : "") + std::to_string(spec.dims[i]);
    box += (i ? "x" : "") + std::to_string(spec.box[i]);
  }
  return "tensor map of rank " + std::to_string(spec.rank) + ", element type " + std::to_string(spec.elementType) +
         ", dimensions " + dims + ", box " + box + ", swizzle " + std::to_string(spec.swizzleBytes) + ", address " +
         std::to_string(reinterpret_cast<uintptr_t>(address));
}

Status encode(const Device &device, const DsrtTensorMapSpec &spec, void *address, void *out) {
  int type = driverType(spec.elementType), swizzle = driverSwizzle(spec.swizzleBytes);
  if (spec.rank < 1 || spec.rank > DSRT_MAX_TENSOR_RANK || type < 0 || swizzle < 0)
    return Status::error("a field is out of its range");
  uint64_t dims[DSRT_MAX_TENSOR_RANK], strides[DSRT_MAX_TENSOR_RANK];
  uint32_t box[DSRT_MAX_TENSOR_RANK], steps[DSRT_MAX_TENSOR_RANK];
  for (int32_t i = 0; i < spec.rank; ++i) {
    dims[i] = static_cast<uint64_t>(spec.dims[i]);
    box[i] = static_cast<uint32_t>(spec.box[i]);
    steps[i] = 1;
    if (i > 0) // the driver takes the contiguous dimension's stride for granted
      strides[i - 1] = static_cast<uint64_t>(spec.strideBytes[i]);
  }
  DSRT_CUDA_TRY(device.driver(),
                cuTensorMapEncodeTiled(out, type, static_cast<uint32_t>(spec.rank), address, dims, strides, box, steps,
                                       /*interleave=*/0, swizzle, cuTensorMapL2Promotion256B, /*oobFill=*/0));
  return Status();
}
} // namespace

extern "C" int32_t dsrt_tensor_map_encode(void *opaque, void *specPointer, void *address, void *out) {
  auto *context = static_cast<DsrtContext *>(opaque);
  auto *spec = static_cast<const DsrtTensorMapSpec *>(specPointer);
  if (!context)
    return abiFailure;
  if (!context->device)
    return context->fail("dsrt_tensor_map_encode was called by an artefact for the CPU");
  if (!spec || !out || reinterpret_cast<uintptr_t>(out) % 64 != 0)
    return context->fail("dsrt_tensor_map_encode: null or misaligned argument");
  if (Status status = encode(*context->device, *spec, address, out); !status.ok())
    return context->fail(describe(*spec, address) + ": " + status.message());
  return 0;
}
