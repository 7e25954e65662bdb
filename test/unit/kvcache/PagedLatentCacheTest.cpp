#include "runtime/kvcache/PagedLatentCache.h"

#include <gtest/gtest.h>

using namespace dsrt;

namespace {
std::vector<int32_t> table(const PagedLatentCache &cache, SequenceId sequence) {
  auto pages = cache.blockTable(sequence);
  return {pages.begin(), pages.end()};
}

TEST(PagedLatentCache, ReservesWholePages) {
  PagedLatentCache cache(4, 64);
  SequenceId a = cache.createSequence();
  EXPECT_TRUE(table(cache, a).empty());
  ASSERT_TRUE(cache.reserve(a, 1).ok());
  EXPECT_EQ(table(cache, a), (std::vector<int32_t>{0}));
  ASSERT_TRUE(cache.reserve(a, 64).ok());
  EXPECT_EQ(table(cache, a).size(), 1u);
  ASSERT_TRUE(cache.reserve(a, 65).ok());
  EXPECT_EQ(table(cache, a), (std::vector<int32_t>{0, 1}));
  ASSERT_TRUE(cache.reserve(a, 3).ok()); // never shrinks
  EXPECT_EQ(table(cache, a).size(), 2u);
  EXPECT_EQ(cache.freePages(), 2);
}

TEST(PagedLatentCache, RefusesWhenFullAndChangesNothing) {
  PagedLatentCache cache(3, 64);
  SequenceId a = cache.createSequence(), b = cache.createSequence();
  ASSERT_TRUE(cache.reserve(a, 64).ok());
  Status status = cache.reserve(b, 200);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "the cache is full: 4 more pages of 64 tokens are needed, 2 of 3 are free");
  EXPECT_TRUE(table(cache, b).empty());
  EXPECT_EQ(cache.freePages(), 2);
  ASSERT_TRUE(cache.reserve(b, 128).ok());
  EXPECT_EQ(table(cache, b), (std::vector<int32_t>{1, 2}));
}

TEST(PagedLatentCache, TakesTheLowestFreePage) {
  PagedLatentCache cache(4, 64);
  SequenceId a = cache.createSequence(), b = cache.createSequence();
  ASSERT_TRUE(cache.reserve(a, 100).ok());
  ASSERT_TRUE(cache.reserve(b, 100).ok());
  cache.release(a);
  cache.release(a); // twice is harmless
  SequenceId c = cache.createSequence();
  ASSERT_TRUE(cache.reserve(c, 64).ok());
  EXPECT_EQ(table(cache, c), (std::vector<int32_t>{0}));
  EXPECT_EQ(table(cache, b), (std::vector<int32_t>{2, 3}));
  EXPECT_FALSE(cache.reserve(a, 1).ok()); // a sequence that is gone
}

TEST(PagedLatentCache, SharesFullPages) {
  PagedLatentCache cache(4, 64);
  SequenceId a = cache.createSequence(), b = cache.createSequence();
  ASSERT_TRUE(cache.reserve(a, 130).ok());
  EXPECT_EQ(cache.share(a, b, 70).message(),
            "only full pages can be shared: 70 tokens is not a multiple of the page size 64");
  EXPECT_FALSE(cache.share(a, b, 256).ok());
  ASSERT_TRUE(cache.share(a, b, 128).ok());
  EXPECT_FALSE(cache.share(a, b, 128).ok()); // b is no longer empty
  ASSERT_TRUE(cache.reserve(b, 129).ok());
  EXPECT_EQ(table(cache, b), (std::vector<int32_t>{0, 1, 3}));
  EXPECT_EQ(cache.referenceCount(0), 2);
  cache.release(a);
  EXPECT_EQ(cache.freePages(), 1); // pages 0 and 1 stay with b
  EXPECT_EQ(cache.referenceCount(0), 1);
  cache.release(b);
  EXPECT_EQ(cache.freePages(), 4);
}
} // namespace
