// Byte-level byte pair encoding: the "model" of a tokenizer.json.
#pragma once

#include "runtime/core/Status.h"

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dsrt {

class BpeModel {
public:
  // Reads vocab, merges (as "a b" strings or as pairs), unk_token, fuse_unk and ignore_merges; refuses the options that
  // byte-level BPE has no use for (dropout, byte_fallback, prefixes and suffixes). `where` names the field in messages.
  static StatusOr<BpeModel> parse(const nlohmann::json &field, const std::string &where);

  // Working memory for encode, to be reused between calls; one per thread.
  struct Scratch {
    struct Symbol {
      int32_t id;
      int32_t previous, next; // neighbours by index, -1 at the ends
    };
    struct Candidate {
      uint32_t rank, left; // the merge's rank, and the index of the pair's left symbol
      int32_t merged;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> queue;
  };
  // Appends the tokens of one word, given as plain bytes. Takes O(n log n) time for n bytes.
  void encode(std::string_view word, Scratch &scratch, std::vector<int32_t> &ids) const;

  // By token, as spelled in the byte-level alphabet: its id.
  const std::unordered_map<std::string, int32_t> &vocabulary() const { return vocab; }

private:
  struct Merge {
    uint64_t pair = UINT64_MAX; // left id * 2^32 + right id; all ones in a free slot
    uint32_t rank = 0;
    int32_t merged = 0;
  };
  static uint64_t pairKey(int32_t left, int32_t right) { return uint64_t(uint32_t(left)) << 32 | uint32_t(right); }
  const Merge *findMerge(int32_t left, int32_t right) const;
  void insertMerge(uint64_t pair, uint32_t rank, int32_t merged);
  Status parseVocab(const nlohmann::json &field, const std::string &where);
  Status parseMerges(const nlohmann::json &field, const std::string &where);
  void startWord(std::string_view word, Scratch &scratch) const;
  void pushCandidate(int32_t left, Scratch &scratch) const;

  std::unordered_map<std::string, int32_t> vocab;
  std::unordered_map<std::string, int32_t> wholeWords; // with ignore_merges: by plain bytes, words that are one token
  std::array<int32_t, 256> byteIds;                    // the token of each single byte, or -1
  std::vector<Merge> merges;                           // hashed by pair, open addressing, a power of two in size
  int32_t unknownId = -1;
  bool fuseUnknown = false;
};

} // namespace dsrt
