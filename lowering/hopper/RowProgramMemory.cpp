// Rows in memory: vector accesses where alignment and strides allow, narrower ones elsewhere.
#include "lowering/hopper/RowProgram.h"
#include "lowering/hopper/blocks/Convert.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static int64_t bytesOf(Type element) { return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8); }
int64_t hopper::elementsPerWord(Type element) { return std::max<int64_t>(1, 4 / bytesOf(element)); }

// --- conversions
// -------------------------------------------------------------------------------------------------------------

Values hopper::rowToF32(KernelBuilder &k, const RowVector &x) {
  if (x.element.isF32())
    return x.words;
  Values result;
  for (Value word : x.words) {
    if (bytesOf(x.element) == 1) {
      llvm::append_range(result, e4m3ToF32(k, word));
      continue;
    }
    auto [low, high] = x.element.isBF16() ? unpackBf16(k, word) : unpackF16(k, word);
    result.append({low, high});
  }
  result.resize(x.count);
  return result;
}

RowVector hopper::rowFromF32(KernelBuilder &k, ValueRange x, Type element) {
  RowVector result{element, static_cast<int64_t>(x.size()), {}};
  int64_t perWord = elementsPerWord(element);
  for (size_t i = 0; i < x.size(); i += perWord) {
    Values part(x.slice(i, std::min<size_t>(perWord, x.size() - i)));
    part.resize(perWord, part.front());
    if (element.isF32())
      result.words.push_back(part[0]);
    else if (element.isBF16())
      result.words.push_back(packBf16(k, part[0], part[1]));
    else if (element.isF16())
      result.words.push_back(packF16(k, part[0], part[1]));
    else
      result.words.push_back(f32ToE4m3(k, part));
  }
  return result;
}

Value hopper::reducePairwise(Values values, llvm::function_ref<Value(Value, Value)> combine) {
  while (values.size() > 1) {
    Values halved;
    for (size_t i = 0; i + 1 < values.size(); i += 2)
      halved.push_back(combine(values[i], values[i + 1]));
    if (values.size() % 2)
      halved.push_back(values.back());
    values = halved;
  }
  return values.front();
}

// --- addresses
// ---------------------------------------------------------------------------------------------------------------

static int64_t powerOfTwoDivisor(int64_t value, int64_t limit) {
  while (limit > 1 && value % limit)
    limit /= 2;
  return limit;
}

StridedRow hopper::stridedRow(KernelBuilder &k, const DeviceView &view, Value pointer, Value index) {
  StridedRow row{pointer, view.element, {}, view.alignment(), view.readOnly ? Cache::Constant : Cache::Default};
  size_t first = index ? 1 : 0;
  if (index) {
    int64_t rowBytes = view.strides[0] * view.elementBytes();
    if (view.sizes[0] != 1)
      row.alignment = powerOfTwoDivisor(rowBytes, row.alignment);
    row.pointer = k.gep(pointer, k.mul(k.zext(index, k.i64Ty), rowBytes));
  }
  for (size_t i = first; i < view.sizes.size(); ++i) {
    auto [size, stride] = std::make_pair(view.sizes[i], view.strides[i]);
    if (size == 1)
      continue;
    if (!row.dims.empty() && row.dims.back().second == size * stride)
      row.dims.back() = {row.dims.back().first * size, stride};
    else
      row.dims.push_back({size, stride});
  }
  return row;
}

/// How many neighbouring elements one memory access moves: it divides `count` and the row's innermost run.
static int64_t granule(const StridedRow &row, int64_t count) {
  if (row.dims.empty() || row.dims.back().second != 1)
    return 1;
  int64_t bytes = bytesOf(row.element);
  int64_t elements = std::min({count, 16 / bytes, std::max<int64_t>(1, row.alignment / bytes)});
  elements = powerOfTwoDivisor(row.dims.back().first, elements);
  for (auto [size, stride] : ArrayRef(row.dims).drop_back())
    elements = powerOfTwoDivisor(stride, elements);
  return elements;
}

/// Distance in bytes of element `index` (i32) from the row's first.
static Value byteOffset(KernelBuilder &k, const StridedRow &row, Value index) {
  Value offset = k.i32(0);
  for (size_t i = row.dims.size(); i-- > 0;) {
    auto [size, stride] = row.dims[i];
    Value here = i == 0 ? index : k.remU(index, size);
    offset = k.add(offset, k.mul(here, stride * bytesOf(row.element)));
    if (i)
      index = k.divU(index, size);
  }
  return offset;
}

Value hopper::elementValid(KernelBuilder &k, const Access &access, int64_t offset) {
  if (access.full)
    return Value();
  if (access.width % access.count == 0)
    offset = 0; // the access lies inside or outside as a whole
  return k.ltU(k.add(access.base, offset), access.width);
}

/// Visits the memory accesses that make up an access: (first element, address, i1 or null if it lies in the row).
static void forEachGranule(KernelBuilder &k, const StridedRow &row, const Access &access, int64_t step, bool clamp,
                           llvm::function_ref<void(int64_t, Value, Value)> visit) {
  bool whole = access.width % access.count == 0; // inside or outside as a whole
  // Without a division for each granule where the access stays in one innermost run.
  bool oneRun = whole && (row.dims.size() <= 1 || row.dims.back().first % access.count == 0);
  int64_t stepBytes = row.dims.empty() ? 0 : row.dims.back().second * bytesOf(row.element);
  Value first;
  for (int64_t i = 0; i < access.count; i += step) {
    Value valid = elementValid(k, access, i);
    if (oneRun && first) {
      visit(i, k.gep(first, i * stepBytes), valid);
      continue;
    }
    Value index = k.add(access.base, i);
    if (clamp && valid)
      index = k.select(valid, index, k.i32(0));
    Value address = k.gep(row.pointer, byteOffset(k, row, index));
    first = address;
    visit(i, address, valid);
  }
}

// --- loads and stores
// --------------------------------------------------------------------------------------------------------

/// i8, i16, i32 or a vector of i32.
static Type memoryType(KernelBuilder &k, int64_t bytes) {
  return bytes == 1 ? k.i8Ty : bytes == 2 ? k.i16Ty : bytes == 4 ? k.i32Ty : Type(k.vec(bytes / 4, k.i32Ty));
}

RowVector hopper::loadRow(KernelBuilder &k, const StridedRow &row, const Access &access) {
  int64_t bytes = bytesOf(row.element), step = granule(row, access.count), perWord = elementsPerWord(row.element);
  RowVector result{row.element, access.count, {}};
  Type type = memoryType(k, step * bytes);
  forEachGranule(k, row, access, step, /*clamp=*/true, [&](int64_t first, Value address, Value) {
    Value loaded = loadGlobal(k, type, address, row.cache);
    if (isa<VectorType>(type)) {
      llvm::append_range(result.words, k.elements(loaded));
    } else if (first % perWord == 0) {
      result.words.push_back(k.zext(loaded, k.i32Ty));
    } else {
      Value shifted = k.shl(k.zext(loaded, k.i32Ty), first % perWord * bytes * 8);
      result.words.back() = k.bitOr(result.words.back(), shifted);
    }
  });
  if (row.element.isF32())
    for (Value &word : result.words)
      word = k.bitcast(word, k.f32Ty);
  return result;
}

void hopper::storeRow(KernelBuilder &k, const StridedRow &row, const Access &access, const RowVector &x) {
  int64_t bytes = bytesOf(row.element), step = granule(row, access.count), perWord = elementsPerWord(row.element);
  Values words;
  for (Value word : x.words)
    words.push_back(k.bitcast(word, k.i32Ty));
  forEachGranule(k, row, access, step, /*clamp=*/false, [&](int64_t first, Value address, Value valid) {
    auto store = [&] {
      Value word = words[first / perWord];
      if (step * bytes > 4)
        storeGlobal(k, k.vector(ArrayRef<Value>(words).slice(first / perWord, step / perWord)), address);
      else
        storeGlobal(k, k.trunc(k.shrU(word, first % perWord * bytes * 8), memoryType(k, step * bytes)), address);
    };
    if (valid)
      k.when(valid, store);
    else
      store();
  });
}
