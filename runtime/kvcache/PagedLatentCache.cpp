#include "runtime/kvcache/PagedLatentCache.h"

namespace dsrt {

PagedLatentCache::PagedLatentCache(int64_t pages, int64_t pageSize)
    : tokensPerPage(pageSize), references(static_cast<size_t>(pages), 0) {
  for (int64_t page = 0; page < pages; ++page)
    freeList.push(static_cast<int32_t>(page));
}

SequenceId PagedLatentCache::createSequence() {
  tables.emplace(nextSequence, std::vector<int32_t>());
  return nextSequence++;
}

static Status unknownSequence(SequenceId sequence) {
  return Status::error("the cache has no sequence " + std::to_string(sequence));
}

Status PagedLatentCache::reserve(SequenceId sequence, int64_t tokens) {
  auto it = tables.find(sequence);
  if (it == tables.end())
    return unknownSequence(sequence);
  int64_t missing = pagesFor(tokens) - static_cast<int64_t>(it->second.size());
  if (missing > freePages())
    return Status::error("the cache is full: " + std::to_string(missing) + " more pages of " +
                         std::to_string(tokensPerPage) + " tokens are needed, " + std::to_string(freePages()) + " of " +
                         std::to_string(totalPages()) + " are free");
  for (; missing > 0; --missing) {
    int32_t page = freeList.top();
    freeList.pop();
    references[page] = 1;
    it->second.push_back(page);
  }
  return Status();
}

Status PagedLatentCache::share(SequenceId from, SequenceId to, int64_t tokens) {
  auto source = tables.find(from), target = tables.find(to);
  if (source == tables.end() || target == tables.end())
    return unknownSequence(source == tables.end() ? from : to);
  if (tokens < 0 || tokens % tokensPerPage != 0)
    return Status::error("only full pages can be shared: " + std::to_string(tokens) +
                         " tokens is not a multiple of the page size " + std::to_string(tokensPerPage));
  size_t count = static_cast<size_t>(tokens / tokensPerPage);
  if (!target->second.empty() || count > source->second.size())
    return Status::error("sequence " + std::to_string(to) + " holds " + std::to_string(target->second.size()) +
                         " pages and sequence " + std::to_string(from) + " " + std::to_string(source->second.size()) +
                         ", expected an empty one and at least " + std::to_string(count));
  target->second.assign(source->second.begin(), source->second.begin() + static_cast<ptrdiff_t>(count));
  for (int32_t page : target->second)
    ++references[page];
  return Status();
}

void PagedLatentCache::release(SequenceId sequence) {
  auto it = tables.find(sequence);
  if (it == tables.end())
    return;
  for (int32_t page : it->second)
    if (--references[page] == 0)
      freeList.push(page);
  tables.erase(it);
}

std::span<const int32_t> PagedLatentCache::blockTable(SequenceId sequence) const {
  auto it = tables.find(sequence);
  return it == tables.end() ? std::span<const int32_t>() : std::span<const int32_t>(it->second);
}

} // namespace dsrt
