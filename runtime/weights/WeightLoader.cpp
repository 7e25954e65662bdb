#include "runtime/weights/WeightLoader.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <unordered_set>

namespace dsrt {

namespace {
constexpr size_t sliceBytes = size_t(32) << 20; // of one job

bool endsWith(const std::string &text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// Whether a tensor holds quantisation scales, in the names of Hugging Face or of DeepSeek's own checkpoints.
bool isScale(const std::string &name) { return endsWith(name, "_scale_inv") || endsWith(name, ".scale"); }

Status checkTensor(const ParameterInfo &parameter, const CheckpointTensor &tensor) {
  std::string name = tensor.file->path() + ": tensor '" + parameter.tensor + "'";
  if (tensor.entry->dtype != parameter.dtype)
    return Status::error(name + " has dtype " + tensor.entry->dtypeName + ", the artefact expects " +
                         std::string(dtypeName(parameter.dtype)));
  if (tensor.entry->shape != parameter.shape)
    return Status::error(name + " has shape " + shapeText(tensor.entry->shape) + ", the artefact expects " +
                         shapeText(parameter.shape));
  return Status();
}

// A negative, infinite or NaN scale would spread through a whole layer before anybody noticed.
Status checkScales(const ParameterInfo &parameter, const CheckpointTensor &tensor) {
  const std::byte *data = tensor.data().data();
  for (int64_t i = 0; i < parameter.elements(); ++i) {
    double scale = loadElement(parameter.dtype, data, static_cast<size_t>(i));
    if (!std::isfinite(scale) || scale < 0)
      return Status::error(tensor.file->path() + ": tensor '" + parameter.tensor + "' has scale " +
                           std::to_string(scale) + " at index " + std::to_string(i) +
                           ", expected a finite number that is not negative");
  }
  return Status();
}

// Asks the system to read a slice of a mapped file ahead of the copy.
void readAhead(const std::byte *data, size_t bytes) {
  uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  uintptr_t begin = reinterpret_cast<uintptr_t>(data) / page * page;
  madvise(reinterpret_cast<void *>(begin), reinterpret_cast<uintptr_t>(data) + bytes - begin, MADV_WILLNEED);
}

bool isKnownUnused(const std::string &name, int64_t layers) {
  if (endsWith(name, "rotary_emb.inv_freq"))
    return true;
  constexpr std::string_view prefix = "model.layers.";
  if (layers == 0 || name.compare(0, prefix.size(), prefix) != 0)
    return false;
  return std::strtoll(name.c_str() + prefix.size(), nullptr, 10) >= layers;
}

StatusOr<std::vector<LoadJob>> planJobs(Program &program, const Checkpoint &checkpoint) {
  std::vector<LoadJob> jobs;
  for (const ParameterInfo &parameter : program.manifest().parameters) {
    const CheckpointTensor *tensor = checkpoint.find(parameter.tensor);
    if (!tensor)
      return Status::error(checkpoint.path() + " has no tensor '" + parameter.tensor + "', which " + program.path() +
                           " needs");
    DSRT_RETURN_IF_ERROR(checkTensor(parameter, *tensor));
    if (isScale(parameter.tensor))
      DSRT_RETURN_IF_ERROR(checkScales(parameter, *tensor));
    std::span<const std::byte> data = tensor->data();
    char *target = static_cast<char *>(program.address(parameter.buffer)) + parameter.offset;
    for (size_t done = 0; done < data.size(); done += sliceBytes) {
      std::span<const std::byte> slice = data.subspan(done, std::min(sliceBytes, data.size() - done));
      jobs.push_back({static_cast<int64_t>(slice.size()), [=](Uploader &uploader) {
                        readAhead(slice.data(), slice.size());
                        return uploader.upload(target + done, slice.data(), slice.size());
                      }});
    }
  }
  return jobs;
}
} // namespace

Status zeroPadding(Program &program) {
  const Manifest &manifest = program.manifest();
  std::vector<int64_t> covered(manifest.buffers.size(), 0);
  for (const ParameterInfo &parameter : manifest.parameters)
    covered[parameter.buffer] += parameter.bytes();
  for (size_t i = 0; i < covered.size(); ++i) {
    int32_t buffer = static_cast<int32_t>(i);
    if (manifest.buffers[i].role == BufferRole::Parameter && covered[i] != program.bufferBytes(buffer))
      DSRT_RETURN_IF_ERROR(
          program.memory().fill(program.address(buffer), 0, static_cast<size_t>(program.bufferBytes(buffer))));
  }
  return program.memory().synchronize(); // uploads run on other streams
}

Status runLoadJobs(Memory &memory, const std::vector<LoadJob> &jobs, int threads, const LoadProgress &progress) {
  int64_t total = 0;
  for (const LoadJob &job : jobs)
    total += job.bytes;
  std::atomic<size_t> next = 0;
  std::atomic<int64_t> done = 0;
  std::mutex mutex;
  std::condition_variable finished;
  int running = std::max(1, std::min<int>(threads, static_cast<int>(jobs.size())));
  Status first;

  auto work = [&]() -> Status {
    DSRT_ASSIGN_OR_RETURN(std::unique_ptr<Uploader> uploader, memory.createUploader());
    for (size_t i = next++; i < jobs.size(); i = next++) {
      DSRT_RETURN_IF_ERROR(jobs[i].run(*uploader));
      done += jobs[i].bytes;
    }
    return uploader->finish();
  };
  std::vector<std::thread> workers;
  for (int i = 0, count = running; i < count; ++i)
    workers.emplace_back([&] {
      Status status = work();
      std::lock_guard<std::mutex> lock(mutex);
      if (!status.ok() && first.ok()) {
        first = std::move(status);
        next = jobs.size(); // nobody starts another job
      }
      --running;
      finished.notify_all();
    });
  {
    std::unique_lock<std::mutex> lock(mutex);
    while (!finished.wait_for(lock, std::chrono::milliseconds(200), [&] { return running == 0; }))
      if (progress)
        progress(done, total);
  }
  for (std::thread &worker : workers)
    worker.join();
  if (first.ok() && progress)
    progress(total, total);
  return first;
}

StatusOr<LoadReport> loadWeights(Program &program, const Checkpoint &checkpoint, int threads,
                                 const LoadProgress &progress) {
  DSRT_ASSIGN_OR_RETURN(std::vector<LoadJob> jobs, planJobs(program, checkpoint));
  DSRT_RETURN_IF_ERROR(zeroPadding(program));
  DSRT_RETURN_IF_ERROR(runLoadJobs(program.memory(), jobs, threads, progress));
  LoadReport report;
  for (const LoadJob &job : jobs)
    report.bytes += job.bytes;
  std::unordered_set<std::string> used;
  for (const ParameterInfo &parameter : program.manifest().parameters)
    used.insert(parameter.tensor);
  int64_t layers = program.manifest().model ? program.manifest().model->layers : 0;
  for (auto &[name, tensor] : checkpoint.tensors())
    if (!used.count(name) && !isKnownUnused(name, layers))
      report.unused.push_back(name);
  return report;
}

} // namespace dsrt
