// Which pages of the latent cache belong to which sequence. The records themselves live in the program's cache buffer;
// this is the book-keeping: allocate, share, free, refuse when full. The lowest free page is taken first, so that the
// same requests in the same order get the same pages.
#pragma once

#include "runtime/core/Status.h"

#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <unordered_map>
#include <vector>

namespace dsrt {

using SequenceId = int64_t;

class PagedLatentCache {
public:
  PagedLatentCache(int64_t pages, int64_t pageSize);

  SequenceId createSequence();
  // Makes room for tokens 0..tokens-1 of a sequence. All or nothing: a refusal leaves the sequence as it was.
  Status reserve(SequenceId sequence, int64_t tokens);
  // Starts `to`, which must be empty, with the pages of the first `tokens` tokens of `from`. Only full pages can be
  // shared, because a shared page is never written again.
  Status share(SequenceId from, SequenceId to, int64_t tokens);
  // Gives a sequence's pages back; one that others share stays with them.
  void release(SequenceId sequence);

  // Physical page of each logical page.
  std::span<const int32_t> blockTable(SequenceId sequence) const;

  int64_t pageSize() const { return tokensPerPage; }
  int64_t totalPages() const { return static_cast<int64_t>(references.size()); }
  int64_t freePages() const { return static_cast<int64_t>(freeList.size()); }
  int64_t pagesFor(int64_t tokens) const { return (tokens + tokensPerPage - 1) / tokensPerPage; }
  int32_t referenceCount(int32_t page) const { return references[page]; }

private:
  int64_t tokensPerPage;
  std::vector<int32_t> references; // sequences that hold each page
  std::priority_queue<int32_t, std::vector<int32_t>, std::greater<>> freeList;
  std::unordered_map<SequenceId, std::vector<int32_t>> tables;
  SequenceId nextSequence = 0;
};

} // namespace dsrt
