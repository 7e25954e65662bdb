// --weights=random:SEED. One block of values is generated for each (distribution, dtype) and copied over the parameters
// from an offset that depends on the tensor's name, which fills tens of gigabytes in seconds. The block's length is 64
// times a prime above every vocabulary size, so that no two rows of a matrix are equal (equal rows of the output matrix
// would make the greedy token a tie).
#include "runtime/weights/WeightLoader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

namespace dsrt {

namespace {
constexpr size_t blockElements = size_t(64) * 131071;

enum class Fill : uint8_t { Normal, Norm, Bias, Scale, Zero };

uint64_t mix(uint64_t value) { // the finaliser of splitmix64
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

uint64_t hashName(const std::string &name) {
  uint64_t sum = 0xcbf29ce484222325u;
  for (char c : name)
    sum = (sum ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return mix(sum);
}

// The sum of four uniform numbers, scaled to variance 1: near enough to a normal distribution, and the same bits
// everywhere because it needs no math library.
float normal(uint64_t bits) {
  int32_t sum =
      static_cast<int32_t>((bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48));
  return static_cast<float>(sum - 2 * 65535) * (1.7320508f / 65536.0f);
}

float value(Fill fill, DType dtype, uint64_t bits) {
  switch (fill) {
  case Fill::Normal: // fp8 weights are multiplied by a scale of about 0.01
    return normal(bits) * (dtype == DType::F8E4M3 ? 2.0f : 0.02f);
  case Fill::Norm:
    return 1.0f + 0.02f * normal(bits);
  case Fill::Bias:
    return 0.01f * normal(bits);
  case Fill::Scale: // powers of two suit every scale format
    return bits & 1 ? 0.0078125f : 0.015625f;
  case Fill::Zero:
    return 0;
  }
  return 0;
}

Fill fillFor(const ParameterInfo &parameter) {
  const std::string &name = parameter.tensor;
  auto contains = [&](const char *text) { return name.find(text) != std::string::npos; };
  if (!isFloat(parameter.dtype))
    return Fill::Zero;
  if (contains("_scale_inv") || parameter.dtype == DType::F8E8M0)
    return Fill::Scale;
  if (contains("bias"))
    return Fill::Bias;
  return parameter.shape.size() == 1 && contains("norm") ? Fill::Norm : Fill::Normal;
}

std::vector<char> makeBlock(Fill fill, DType dtype, uint64_t seed) {
  std::vector<char> block(blockElements * dtypeBytes(dtype));
  uint64_t state = mix(seed * 8 + static_cast<uint64_t>(fill) + 1);
  for (size_t i = 0; i < blockElements; ++i) {
    float number = value(fill, dtype, mix(state + i * 0x9e3779b97f4a7c15u));
    if (dtype == DType::BF16) { // most of every model: rounded here without the general conversion's cost
      uint32_t bits = std::bit_cast<uint32_t>(number);
      uint16_t rounded = static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
      std::memcpy(block.data() + 2 * i, &rounded, 2);
    } else {
      storeElement(dtype, block.data(), i, number);
    }
  }
  return block;
}

// Blocks in the program's memory: copies within a GPU's own memory run at its bandwidth.
class Blocks {
public:
  Blocks(Memory &memory, uint64_t seed) : memory(memory), seed(seed) {}
  ~Blocks() {
    for (auto &[key, address] : table)
      memory.release(address);
  }
  StatusOr<const char *> get(Fill fill, DType dtype) {
    void *&address = table[{fill, dtype}];
    if (!address) {
      std::vector<char> block = makeBlock(fill, dtype, seed);
      DSRT_ASSIGN_OR_RETURN(address, memory.allocate(block.size(), "random values"));
      DSRT_RETURN_IF_ERROR(memory.write(address, block.data(), block.size()));
    }
    return static_cast<const char *>(address);
  }

private:
  Memory &memory;
  uint64_t seed;
  std::map<std::pair<Fill, DType>, void *> table;
};
} // namespace

StatusOr<LoadReport> fillRandomWeights(Program &program, uint64_t seed, int threads, const LoadProgress &progress) {
  DSRT_RETURN_IF_ERROR(zeroPadding(program));
  Memory &memory = program.memory();
  Blocks blocks(memory, seed);
  std::vector<LoadJob> jobs;
  LoadReport report;
  for (const ParameterInfo &parameter : program.manifest().parameters) {
    DSRT_ASSIGN_OR_RETURN(const char *block, blocks.get(fillFor(parameter), parameter.dtype));
    size_t width = dtypeBytes(parameter.dtype), blockBytes = blockElements * width;
    size_t start = hashName(parameter.tensor) % (blockElements / 64) * 64 * width;
    char *target = static_cast<char *>(program.address(parameter.buffer)) + parameter.offset;
    int64_t bytes = parameter.bytes();
    report.bytes += bytes;
    jobs.push_back({bytes, [=, &memory](Uploader &) -> Status {
                      size_t position = start;
                      for (size_t done = 0; done < static_cast<size_t>(bytes);) {
                        size_t part = std::min(blockBytes - position, static_cast<size_t>(bytes) - done);
                        DSRT_RETURN_IF_ERROR(memory.copy(target + done, block + position, part));
                        done += part;
                        position = 0;
                      }
                      return Status();
                    }});
  }
  // All copies of a GPU go to one stream, which one thread feeds.
  DSRT_RETURN_IF_ERROR(runLoadJobs(memory, jobs, program.device() ? 1 : threads, progress));
  DSRT_RETURN_IF_ERROR(memory.synchronize());
  return report;
}

} // namespace dsrt
