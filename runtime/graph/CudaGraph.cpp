#include "runtime/graph/CudaGraph.h"

#include <utility>

namespace dsrt {

StatusOr<CudaGraph> CudaGraph::capture(const Device &device, const std::function<Status()> &enqueue) {
  const CudaDriver &cuda = device.driver();
  // Thread-local mode: another thread may allocate or copy meanwhile.
  DSRT_CUDA_TRY(cuda, cuStreamBeginCapture(device.stream(), cuStreamCaptureModeThreadLocal));
  Status enqueued = enqueue();
  // The capture is ended even where the work could not be enqueued, or the stream would stay unusable.
  CuGraph graph = nullptr;
  CuResult ended = cuda.cuStreamEndCapture(device.stream(), &graph);
  CudaGraph result;
  result.device = &device;
  CuResult instantiated =
      enqueued.ok() && ended == 0 ? cuda.cuGraphInstantiateWithFlags(&result.executable, graph, 0) : 0;
  if (graph)
    (void)cuda.cuGraphDestroy(graph);
  DSRT_RETURN_IF_ERROR(enqueued);
  if (ended != 0)
    return cudaError(cuda, ended, "cuStreamEndCapture", __FILE__, __LINE__);
  if (instantiated != 0)
    return cudaError(cuda, instantiated, "cuGraphInstantiateWithFlags", __FILE__, __LINE__);
  return result;
}

CudaGraph::CudaGraph(CudaGraph &&other) noexcept { *this = std::move(other); }
CudaGraph &CudaGraph::operator=(CudaGraph &&other) noexcept {
  std::swap(device, other.device);
  std::swap(executable, other.executable);
  return *this;
}
CudaGraph::~CudaGraph() {
  if (executable)
    (void)device->driver().cuGraphExecDestroy(executable);
}

Status CudaGraph::launch() const {
  DSRT_CUDA_TRY(device->driver(), cuGraphLaunch(executable, device->stream()));
  return Status();
}

} // namespace dsrt
