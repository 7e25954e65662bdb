// Which lines of ptxas -v are errors.
#include "lowering/KernelToNvvm/Ptxas.h"
#include "gtest/gtest.h"

using mlir::deepseek::complaintsOf;

TEST(PtxasLogTest, AcceptsACleanKernel) {
  EXPECT_EQ(complaintsOf("ptxas info    : 0 bytes gmem\n"
                         "ptxas info    : Function properties for gemm_0\n"
                         "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
                         "ptxas info    : Used 168 registers, used 1 barriers\n"),
            "");
}

TEST(PtxasLogTest, RefusesSpills) {
  EXPECT_EQ(complaintsOf("    0 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads\n"),
            "0 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads");
}

TEST(PtxasLogTest, RefusesAStackFrame) {
  EXPECT_EQ(complaintsOf("    40 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"),
            "40 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads");
}

TEST(PtxasLogTest, RefusesSerialisedProducts) {
  EXPECT_NE(complaintsOf("ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized "
                         "due to non wgmma instructions defining accumulator registers of a wgmma in function 'gemm_0'\n"),
            "");
}
