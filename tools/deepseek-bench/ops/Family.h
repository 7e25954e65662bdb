// One kernel family that `deepseek-bench --op` can measure: its cases, the function of a case, the bytes and products
// that the work needs at the least, and what its results must be. A case is a line of text, "linear-bf16 m=16 n=7168
// k=2048", by which figures of several programs are joined.
#pragma once

#include "runtime/core/DType.h"
#include "runtime/core/Status.h"
#include "tools/deepseek-bench/ops/Schedules.h"

#include <map>
#include <memory>
#include <regex.h>
#include <span>
#include <string>
#include <vector>

namespace dsrt {

struct OpFamily;

struct OpCase {
  std::string text;
  const OpFamily *family = nullptr;
  std::map<std::string, int64_t> numbers;
  std::map<std::string, std::string> words;

  int64_t operator[](const char *field) const { return numbers.find(field)->second; }
  const std::string &word(const char *field) const { return words.find(field)->second; }
  // The case as a symbol: letters, digits and underscores.
  std::string entry() const;
};

// How the values of an argument are made.
struct OpFill {
  enum class Kind { Normal, Uniform, Listed, Records } kind = Kind::Normal;
  double scale = 1;                                       // of normal values
  double low = 0, high = 1;                               // of uniform ones
  std::vector<int64_t> listed;                            // every value, for indices and lengths
  std::vector<std::pair<int64_t, int64_t>> poisoned = {}; // first byte and bytes: all ones, NaN in every float type
  static OpFill normal(double scale = 1) { return {Kind::Normal, scale, 0, 1, {}}; }
  static OpFill uniform(double low, double high) { return {Kind::Uniform, 1, low, high, {}}; }
  static OpFill values(std::vector<int64_t> all) { return {Kind::Listed, 1, 0, 1, std::move(all)}; }
  // Of bytes: quantised cache records, see QuantizedRecords.h.
  static OpFill records(std::vector<std::pair<int64_t, int64_t>> poisoned) {
    return {Kind::Records, 1, 0, 1, {}, std::move(poisoned)};
  }
};

struct OpValue {
  DType dtype;
  std::vector<int64_t> shape;
  OpFill fill = {};       // of arguments
  std::string other = {}; // the MLIR type, where it is no tensor of this shape: caches

  std::string type() const;
  int64_t elements() const;
  double bytes() const;
};

enum class OpRate { None, Bf16, Fp8 };

// func.func @entry(%a0: ..., %a1: ...) -> ... { body; return %r0, %r1, ... }
struct OpFunction {
  std::vector<OpValue> arguments, results;
  std::string body;
  double bytes = 0; // read and written at the least
  double flops = 0; // of matrix products
  OpRate rate = OpRate::None;
  int64_t pages = 0;   // of an argument that is a cache
  int64_t context = 0; // positions of a sequence, for the choice of schedules; 0: not an attention

  std::vector<int64_t> offsets; // of groups of rows: cases.json gives them to programs that must route alike

  double wholeBytes() const; // of all arguments and results
};

// What a check may look at: inputs as they were made, and outputs as the device left them.
class OpData {
public:
  virtual ~OpData() = default;
  // Elements of an argument, as they were before the run.
  virtual void input(size_t argument, int64_t first, std::span<float> values) const = 0;
  // Elements of a result.
  virtual Status output(size_t result, int64_t first, std::span<float> values) = 0;
  // Elements of an argument after the run: of a cache that the function writes.
  virtual Status written(size_t argument, int64_t first, std::span<float> values) = 0;
};

// Collects how far results are from what they must be. Each result has its own bound, derived by the family.
class OpCheck {
public:
  void add(double got, double want, double allowed);
  void require(bool holds, const std::string &what);

  int64_t samples = 0, misses = 0;
  double worst = 0; // the largest |got - want| / allowed
  double relativeError() const;
  std::string firstMiss;
  bool passed() const { return samples > 0 && misses == 0; }

private:
  double difference = 0, norm = 0;
};

struct OpField {
  const char *name;
  const char *standard; // the value where a case does not name it; null: it must
  bool isWord = false;
  std::vector<const char *> words = {}; // that are known
};

struct OpFamily {
  const char *name;
  std::vector<OpField> fields;
  std::vector<std::string> (*cases)(); // of the whole table
  // `schedule`: of the case's main operation, as `--search` wants it; null: the compiler chooses. Arguments and results
  // do not depend on it.
  OpFunction (*function)(const OpCase &, const OpSchedule *schedule);
  Status (*check)(const OpCase &, const OpFunction &, OpData &, OpCheck &);
  // Schedules that `--search` tries; null where there is nothing to choose.
  std::vector<OpSchedule> (*schedules)(const OpCase &) = nullptr;
};

const std::vector<OpFamily> &opFamilies();
StatusOr<OpCase> parseCase(const std::string &text);

// The families, one file each.
OpFamily linearFamily(bool fp8);
OpFamily groupedFamily(bool fp8);
OpFamily mlaDecodeFamily(bool fp8);
OpFamily mlaPrefillFamily();
OpFamily routerFamily();
OpFamily rowFusionFamily();
OpFamily sampleFamily();

// A POSIX extended regular expression that a case must match somewhere; the empty one accepts all.
class CaseFilter {
public:
  static StatusOr<CaseFilter> create(const std::string &expression);
  bool accepts(const std::string &text) const;

private:
  std::shared_ptr<const regex_t> compiled;
};

// "name a=1 b=2" for each combination of the lists.
std::string caseText(const char *family, std::initializer_list<std::pair<const char *, int64_t>> fields);

// Half a unit in the last place of bf16, or of f32, at the size of `value`.
double bf16Rounding(double value);

// The function as MLIR text.
std::string mlirText(const std::string &entry, const OpFunction &function);

} // namespace dsrt
