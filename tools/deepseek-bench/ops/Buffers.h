// The arguments and results of a case on the device, and what checks see of them.
#pragma once

#include "runtime/core/Program.h"
#include "tools/deepseek-bench/TestData.h"
#include "tools/deepseek-bench/ops/Family.h"

namespace dsrt {

// Random values that large arguments repeat. Making gigabytes of them one by one would take longer than all
// measurements. A prime number of them is made and then copied on the device end to end: no two rows of a matrix and no
// two matrices begin at the same place of it, and its values are random to anything that adds up fewer than four
// million.
struct Pool {
  std::vector<char> bytes;
  std::vector<float> values;
};

class Pools {
public:
  const Pool &find(DType dtype, const OpFill &fill, size_t argument, bool isSmall);

private:
  std::map<std::string, Pool> pools;
};

class OpBuffers : public OpData {
public:
  // Allocates the entry's buffers and nothing else of the artefact.
  static StatusOr<std::unique_ptr<OpBuffers>> create(Program &program, const std::string &entry,
                                                     const OpFunction &function, Pools &pools);

  // Fills the arguments and poisons everything else.
  Status fill();

  void input(size_t argument, int64_t first, std::span<float> values) const override;
  Status output(size_t result, int64_t first, std::span<float> values) override;
  Status written(size_t argument, int64_t first, std::span<float> values) override;

private:
  struct Argument {
    int32_t buffer;
    const Pool *pool = nullptr; // null where values are listed
    size_t start = 0;           // the pool's element that comes first
  };
  OpBuffers(Program &program, const OpFunction &function) : program(program), function(function) {}
  StatusOr<int32_t> findBuffer(const std::string &name, const OpValue &value) const;
  Status fillArgument(const Argument &argument, const OpValue &value);
  Status read(int32_t buffer, int64_t first, std::span<float> values);

  Program &program;
  const OpFunction &function;
  std::vector<Argument> arguments;
  std::vector<int32_t> results;
};

} // namespace dsrt
