#include "tools/deepseek-bench/ops/Buffers.h"
#include "tools/deepseek-bench/ops/QuantizedRecords.h"

#include <algorithm>
#include <functional>

namespace dsrt {

static constexpr size_t smallPool = 65521, largePool = 4194301; // primes

const Pool &Pools::find(DType dtype, const OpFill &fill, size_t argument, bool isSmall) {
  char key[128];
  std::snprintf(key, sizeof(key), "%d %d %g %g %g %zu %d", static_cast<int>(dtype), static_cast<int>(fill.kind),
                fill.scale, fill.low, fill.high, argument, isSmall);
  auto [place, isNew] = pools.try_emplace(key);
  Pool &pool = place->second;
  if (!isNew)
    return pool;
  size_t count = isSmall ? smallPool : largePool;
  if (fill.kind == OpFill::Kind::Records)
    count -= count % quantizedRecordBytes;
  pool.bytes.resize(count * dtypeBytes(dtype));
  Distribution distribution;
  distribution.scale = fill.scale;
  if (fill.kind == OpFill::Kind::Uniform)
    distribution.range = {fill.low, fill.high};
  if (fill.kind == OpFill::Kind::Records)
    fillRecords(pool.bytes, /*seed=*/argument + 1);
  else
    fillRandom({dtype, pool.bytes.data(), count}, distribution, /*seed=*/argument + 1);
  pool.values.resize(count);
  for (size_t i = 0; i < count; ++i)
    pool.values[i] = static_cast<float>(loadElement(dtype, pool.bytes.data(), i));
  return pool;
}

StatusOr<std::unique_ptr<OpBuffers>> OpBuffers::create(Program &program, const std::string &entry,
                                                       const OpFunction &function, Pools &pools) {
  std::unique_ptr<OpBuffers> buffers(new OpBuffers(program, function));
  const std::string prefix = entry + ".";
  const Manifest &manifest = program.manifest();
  auto isWanted = [&](const BufferInfo &buffer) {
    const size_t dot = buffer.name.rfind('.');
    return buffer.name.compare(0, prefix.size(), prefix) == 0 || dot == std::string::npos ||
           manifest.findEntry(buffer.name.substr(0, dot)) < 0;
  };
  DSRT_RETURN_IF_ERROR(program.allocateOnly(isWanted, std::max<int64_t>(function.pages, 1)));
  for (size_t i = 0; i < function.arguments.size(); ++i) {
    const OpValue &value = function.arguments[i];
    Argument argument;
    DSRT_ASSIGN_OR_RETURN(argument.buffer, buffers->findBuffer(prefix + "arg" + std::to_string(i), value));
    if (value.fill.kind != OpFill::Kind::Listed) {
      argument.pool = &pools.find(value.dtype, value.fill, i, value.elements() <= static_cast<int64_t>(smallPool));
      argument.start = std::hash<std::string>()(entry) % argument.pool->values.size();
      if (value.fill.kind == OpFill::Kind::Records)
        argument.start -= argument.start % quantizedRecordBytes;
    }
    buffers->arguments.push_back(argument);
  }
  for (size_t i = 0; i < function.results.size(); ++i) {
    DSRT_ASSIGN_OR_RETURN(int32_t buffer,
                          buffers->findBuffer(prefix + "result" + std::to_string(i), function.results[i]));
    buffers->results.push_back(buffer);
  }
  return buffers;
}

StatusOr<int32_t> OpBuffers::findBuffer(const std::string &name, const OpValue &value) const {
  const int32_t buffer = program.manifest().findBuffer(name);
  const int64_t bytes = static_cast<int64_t>(value.bytes());
  if (buffer < 0 || program.bufferBytes(buffer) != bytes)
    return Status::error(program.path() + " has no buffer '" + name + "' of " + std::to_string(bytes) +
                         " bytes; prepare it again");
  return buffer;
}

Status OpBuffers::fill() {
  for (BufferRole role : {BufferRole::Output, BufferRole::Workspace})
    DSRT_RETURN_IF_ERROR(program.poison(role));
  for (size_t i = 0; i < arguments.size(); ++i)
    DSRT_RETURN_IF_ERROR(fillArgument(arguments[i], function.arguments[i]));
  return program.memory().synchronize();
}

Status OpBuffers::fillArgument(const Argument &argument, const OpValue &value) {
  char *const begin = static_cast<char *>(program.address(argument.buffer));
  const size_t width = dtypeBytes(value.dtype), all = static_cast<size_t>(value.elements()) * width;
  if (!argument.pool) {
    std::vector<char> bytes(all);
    for (size_t i = 0; i < value.fill.listed.size(); ++i)
      storeElement(value.dtype, bytes.data(), i, static_cast<double>(value.fill.listed[i]));
    return program.memory().write(begin, bytes.data(), all);
  }
  const std::vector<char> &pool = argument.pool->bytes;
  const size_t first = std::min(all, pool.size() - argument.start * width), period = std::min(all, pool.size());
  DSRT_RETURN_IF_ERROR(program.memory().write(begin, pool.data() + argument.start * width, first));
  DSRT_RETURN_IF_ERROR(program.memory().write(begin + first, pool.data(), period - first));
  for (size_t done = period; done < all; done *= 2) // whole periods, until the rest is shorter
    DSRT_RETURN_IF_ERROR(program.memory().copy(begin + done, begin, std::min(done, all - done)));
  for (auto [place, bytes] : value.fill.poisoned)
    DSRT_RETURN_IF_ERROR(program.memory().fill(begin + place, 0xff, static_cast<size_t>(bytes)));
  return Status();
}

void OpBuffers::input(size_t argument, int64_t first, std::span<float> values) const {
  const Argument &from = arguments[argument];
  if (!from.pool) {
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(function.arguments[argument].fill.listed[static_cast<size_t>(first) + i]);
    return;
  }
  const std::vector<float> &pool = from.pool->values;
  size_t place = (from.start + static_cast<size_t>(first)) % pool.size();
  for (size_t done = 0; done < values.size(); place = 0) {
    const size_t part = std::min(values.size() - done, pool.size() - place);
    std::copy_n(pool.begin() + static_cast<std::ptrdiff_t>(place), part,
                values.begin() + static_cast<std::ptrdiff_t>(done));
    done += part;
  }
}

Status OpBuffers::read(int32_t buffer, int64_t first, std::span<float> values) {
  const DType dtype = program.manifest().buffers[buffer].dtype;
  const size_t width = dtypeBytes(dtype);
  std::vector<char> bytes(values.size() * width);
  DSRT_RETURN_IF_ERROR(program.memory().read(
      bytes.data(), static_cast<char *>(program.address(buffer)) + static_cast<size_t>(first) * width, bytes.size()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(loadElement(dtype, bytes.data(), i));
  return Status();
}

Status OpBuffers::output(size_t result, int64_t first, std::span<float> values) {
  return read(results[result], first, values);
}
Status OpBuffers::written(size_t argument, int64_t first, std::span<float> values) {
  return read(arguments[argument].buffer, first, values);
}

} // namespace dsrt
