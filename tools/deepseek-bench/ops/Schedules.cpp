#include "tools/deepseek-bench/ops/Schedules.h"

#include <algorithm>
#include <set>

namespace dsrt {

namespace {
constexpr int64_t units = 132;                // multiprocessors
constexpr int64_t sharedBytes = 226 * 1024;   // of a CTA, less room for barriers
constexpr int64_t residentBytes = 216 * 1024; // for the rings of all CTAs of a multiprocessor
constexpr int64_t rowBytes = 128;             // of a row of A or B in one stage

int64_t ceilDiv(int64_t size, int64_t part) { return (size + part - 1) / part; }

// Stages of a tensor-core tile that fit: beside them lie f32 sums where K is shared, else D on its way out,
// block-scaled all of it and the scales of four K blocks for each four stages.
int64_t stagesOfTile(int64_t m, int64_t n, int64_t split, bool scaled, int64_t otherBytes) {
  int64_t stages = 8;
  auto bytes = [&] {
    const int64_t scales = (stages + 6) / 4 * (m * 16 + rowBytes);
    return stages * (m + n) * rowBytes + otherBytes +
           (split > 1 ? 4 * m * n
            : scaled  ? 2 * m * n + scales
                      : m / 64 * 2 * 8192);
  };
  while (stages > 0 && bytes() > sharedBytes)
    --stages;
  return stages;
}

// Tensor-core tiles with as many stages as fit, K shared by up to `mostSplit` CTAs while not all multiprocessors have a
// tile. `otherBytes` of shared memory are taken. 256 rows: block-scaled, K not shared, four K blocks to a slot of
// scales.
void addTiles(std::vector<OpSchedule> &all, const char *op, const ProductSize &s, int64_t matrices, int64_t mostSplit,
              int64_t otherBytes) {
  const bool scaled = s.elementBytes == 1;
  const int64_t kBlocks = ceilDiv(s.k * s.elementBytes, rowBytes);
  for (int64_t m : {64, 128, 256}) {
    const int64_t widest = m == 256 ? 128 : scaled ? 192 : 256;
    if ((m > 64 && s.m <= 64) || (m == 256 && (!scaled || kBlocks % 4 != 0)))
      continue;
    for (int64_t n = 32; n <= widest; n += 16) {
      const int64_t tiles = ceilDiv(s.m, m) * ceilDiv(s.n, n) * matrices;
      for (int64_t split = 1; split <= (m == 256 ? 1 : mostSplit) && (split == 1 || split * tiles <= units); ++split) {
        const int64_t stages = stagesOfTile(m, n, split, scaled, otherBytes);
        if (stages >= 2 && (split == 1 || kBlocks >= 4 * split))
          all.push_back({op, {m, n, rowBytes / s.elementBytes}, stages, split, m > 64 ? 12 : 8});
      }
    }
  }
}

// Tiles of `tokens` rows of A, rings for one to four CTAs on a multiprocessor, six where tiles are many.
void addStreams(std::vector<OpSchedule> &all, const char *op, const ProductSize &s, int64_t tokens, int64_t mostSplit) {
  const bool scaled = s.elementBytes == 1;
  const bool many = ceilDiv(s.m, tokens) * ceilDiv(s.n, 64) > 4 * units; // lower tiles may all be resident
  for (int64_t features : many ? std::vector<int64_t>{48, 56, 64, 128} : std::vector<int64_t>{64, 128})
    for (int64_t boxes : {1, 2}) {
      const int64_t stageBytes = boxes * rowBytes * (tokens + features), kElements = boxes * rowBytes / s.elementBytes;
      const int64_t tiles = ceilDiv(s.m, tokens) * ceilDiv(s.n, features), kStages = ceilDiv(s.k, kElements);
      for (int64_t split = 1; split <= mostSplit && (split == 1 || split * tiles <= 2 * units); split *= 2) {
        std::set<int64_t> tried;
        for (int64_t resident = 1; resident <= (many ? 6 : 4); ++resident) {
          const int64_t fit = residentBytes / resident / stageBytes;
          const int64_t stages = std::min<int64_t>({fit, ceilDiv(kStages, split), 32});
          // A tile of results, in padded rows, takes the ring's place.
          const bool hasRoom = stages >= 2 && stages * stageBytes >= tokens * (ceilDiv(features, 64) * 64 + 8) * 4;
          if (hasRoom && (split == 1 || kStages >= 2 * split) && tried.insert(stages).second)
            all.push_back(
                {op, {tokens, features, kElements}, stages, split, 4 * ceilDiv(features, 64) + (scaled ? 2 : 1)});
        }
      }
    }
}

// Straight into registers; the warps share K.
void addRegisters(std::vector<OpSchedule> &all, const char *op, const ProductSize &s) {
  for (int64_t m : {8, 16, 32})
    for (int64_t n : {16, 32})
      for (int64_t warps : {2, 4, 8})
        if ((m >= std::min<int64_t>(s.m, 32) || (s.m > 8 && m == 16)) &&
            m * n * (s.elementBytes == 1 ? 2 : 1) <= 1024) // block-scaled sums are kept twice
          all.push_back({op, {m, n, s.k}, 1, 1, warps});
}

// Of a lane of single-warp decode: f32 sums of 16 rows by its share of 512 columns, scores, the rest as observed.
int64_t decodeRegisters(int64_t rows, int64_t keys, int64_t warps) {
  const int64_t rowWarps = std::max<int64_t>(1, rows / 32), tiles = rows / 16 / rowWarps;
  return tiles * ceilDiv(32, warps / rowWarps) * 8 + tiles * (keys * 3 / 4 + 4) + 36;
}

// Numbers of parts: all small ones, then steps of a sixth.
std::vector<int64_t> partsUpTo(int64_t most) {
  std::vector<int64_t> all;
  for (int64_t parts = 1; parts < most; parts += std::max<int64_t>(1, parts / 6))
    all.push_back(parts);
  all.push_back(std::max<int64_t>(most, 1));
  return all;
}
} // namespace

std::string OpSchedule::attribute() const {
  std::string sizes;
  for (int64_t size : tile)
    sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  return " schedule <tile = [" + sizes + "], stages = " + std::to_string(stages) +
         ", split = " + std::to_string(split) + ", warps = " + std::to_string(warps) + ">";
}

std::vector<OpSchedule> productSchedules(const ProductSize &s) {
  std::vector<OpSchedule> all;
  if (s.m > 16)
    addTiles(all, "gemm", s, /*matrices=*/1, /*mostSplit=*/4, /*otherBytes=*/0);
  if (s.m <= 128) {
    std::set<int64_t> tokens = {8 * ceilDiv(s.m, 8)};
    if (s.m > 64)
      tokens.insert(8 * ceilDiv(s.m, 16));
    for (int64_t size : tokens)
      addStreams(all, "skinny_gemm", s, size, /*mostSplit=*/8);
  }
  if (s.m <= 32) // more rows read B again
    addRegisters(all, "skinny_gemm", s);
  return all;
}

std::vector<OpSchedule> groupedSchedules(const GroupedSize &s) {
  std::vector<OpSchedule> all;
  const int64_t mean = std::max<int64_t>(1, s.rows / s.groups);
  const ProductSize group{s.mostRows, s.n, s.k, s.elementBytes}, average{mean, s.n, s.k, s.elementBytes};
  if (s.mostRows > 16)
    addTiles(all, "grouped_gemm", group, s.groups, /*mostSplit=*/1, /*otherBytes=*/8 * (s.groups + 1));
  if (mean > 128)
    return all;
  for (int64_t tokens : {8, 16, 24, 32, 48, 64, 96, 128})
    if ((tokens == 8 || tokens < 2 * s.mostRows) && tokens * 4 >= mean)
      addStreams(all, "grouped_gemm", average, tokens, /*mostSplit=*/1);
  if (mean <= 32)
    addRegisters(all, "grouped_gemm", average);
  return all;
}

std::vector<OpSchedule> decodeSchedules(const DecodeSize &s) {
  std::vector<OpSchedule> all;
  const int64_t latent = 512, width = 576, groupRows = 64, groupKeys = 32, groupWarps = 16;
  auto mostParts = [&](int64_t rows, int64_t ctas) {
    return std::clamp<int64_t>(ctas / (s.sequences * ceilDiv(s.rows, rows)), 1, std::max<int64_t>(1, s.context / 64));
  };
  for (int64_t stages : {3, 4}) // four are all that fit
    for (int64_t split : partsUpTo(mostParts(groupRows, units)))
      all.push_back({"mla_decode", {groupRows, groupKeys, latent / 2}, stages, split, groupWarps});
  if (s.isQuantized)
    return all;
  for (int64_t rows : {16, 32, 64}) {
    if (rows > 16 && rows / 2 >= s.rows)
      break;
    const int64_t most = mostParts(rows, 2 * units);
    for (int64_t keys : {16, 32, 64})
      for (int64_t stages : {2, 3, 4})
        for (int64_t warps : {4, 8})
          for (int64_t split : std::set<int64_t>{std::max<int64_t>(most / 4, 1), std::max<int64_t>(most / 2, 1), most})
            if ((stages * keys + rows) * (width * 2 + 16) + 4 * rows * (keys + 8) <= sharedBytes &&
                decodeRegisters(rows, keys, warps) <= 255)
              all.push_back({"mla_decode", {rows, keys}, stages, split, warps});
  }
  return all;
}

std::vector<OpSchedule> prefillSchedules(const PrefillSize &s) {
  std::vector<OpSchedule> all;
  const int64_t depth = 192, value = 128;
  // Heads that are worked on together: all, or those whose keys and values half of the second-level cache holds, or
  // twice as many.
  const int64_t held = std::clamp<int64_t>((int64_t(25) << 20) / (s.context * (128 + value) * 2), 1, s.heads);
  const std::set<int64_t> groups = {s.heads, held, std::min(2 * held, s.heads)};
  for (int64_t rows : {64, 128})
    for (int64_t keys : {64, 96, 112, 128})
      for (int64_t stages : {2, 3, 4})
        for (int64_t split : {1, 2, 4, 8}) {
          const int64_t tasks = s.heads * ceilDiv(s.chunk, rows);
          const bool fits = 2 * (rows * depth + stages * keys * (depth + value)) + 32 * stages + 16 <= 227 * 1024;
          const bool joins = split == 1 || rows * (value * 4 + 40) <= stages * keys * depth * 2;
          if (!fits || !joins || (split > 1 && tasks * split > 2 * units))
            continue;
          for (int64_t group : groups)
            all.push_back({"mla_prefill", {rows, keys, group}, stages, split, 4 + rows / 16});
        }
  for (int64_t rows : {16, 32, 64})
    all.push_back({"mla_prefill", {rows, 64}, 2, 1, rows / 16});
  return all;
}

} // namespace dsrt
