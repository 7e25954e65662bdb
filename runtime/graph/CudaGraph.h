// An entry call captured as a CUDA graph: replaying it costs one driver call instead of one for each kernel. The
// kernels keep the addresses they were captured with, which is why the artefact's table of buffers never moves.
#pragma once

#include "runtime/core/Device.h"

#include <functional>

namespace dsrt {

class CudaGraph {
public:
  // Runs `enqueue` with the device's stream in capture: its work is recorded, not executed.
  static StatusOr<CudaGraph> capture(const Device &device, const std::function<Status()> &enqueue);
  CudaGraph(CudaGraph &&other) noexcept;
  CudaGraph &operator=(CudaGraph &&other) noexcept;
  ~CudaGraph();

  // Enqueues the recorded work on the device's stream.
  Status launch() const;

private:
  CudaGraph() = default;
  const Device *device = nullptr;
  CuGraphExec executable = nullptr;
};

} // namespace dsrt
