// Pipelines count who arrives at their barriers while a kernel is built; -convert-kernel-to-nvvm refuses what does not add up.
#include "lowering/hopper/blocks/Pipeline.h"
#include "lowering/hopper/blocks/Sync.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::deepseek::hopper;

namespace {

/// A kernel with one pipeline: warp 0 produces, `consumerWarps` others consume.
class PipelineTest : public testing::Test {
protected:
  PipelineTest() {
    context.loadDialect<arith::ArithDialect, LLVM::LLVMDialect, NVVM::NVVMDialect, scf::SCFDialect>();
    module = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
    k = std::make_unique<KernelBuilder>(b, b.getUnknownLoc(), "kernel");
    arena = std::make_unique<SmemArena>(*k);
    warp = k->warpIndex();
  }

  Pipeline make(int64_t producerArrivals, int64_t consumerWarps) {
    return Pipeline(*k, *arena, "tiles", 3, producerArrivals, consumerWarps);
  }
  void produce(Pipeline &pipeline) {
    k->electedRole(warp, 0, [&] {
      PipelineState state = pipeline.start();
      pipeline.acquire(state);
      pipeline.commit(state, 128);
    });
  }
  void consume(Pipeline &pipeline, int64_t firstWarp, int64_t warps, int64_t releases = 1) {
    k->role(warp, firstWarp, warps, [&] {
      PipelineState state = pipeline.start();
      for (int64_t i = 0; i < releases; ++i) {
        pipeline.wait(state);
        pipeline.release(state);
        state = pipeline.advance(state);
      }
    });
  }
  std::string check() { return k->pipelines.front().check(); }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<KernelBuilder> k;
  std::unique_ptr<SmemArena> arena;
  Value warp;
};

TEST_F(PipelineTest, AcceptsMatchingArrivals) {
  Pipeline pipeline = make(1, 8);
  produce(pipeline);
  consume(pipeline, 4, 8, /*releases=*/2); // two sites of one role, never both for one stage
  EXPECT_EQ(check(), "");
  k->finish(384, 1, 1);
  EXPECT_TRUE(succeeded(verify(*module)));
}

TEST_F(PipelineTest, AddsUpRoles) {
  Pipeline pipeline = make(1, 8);
  produce(pipeline);
  consume(pipeline, 4, 4);
  consume(pipeline, 8, 4);
  EXPECT_EQ(check(), "");
}

TEST_F(PipelineTest, RefusesTooFewConsumers) {
  Pipeline pipeline = make(1, 8);
  produce(pipeline);
  consume(pipeline, 4, 4);
  EXPECT_EQ(check(), "pipeline 'tiles': its releases arrive 4 times, the barrier expects 8");
}

TEST_F(PipelineTest, RefusesTooManyProducers) {
  Pipeline pipeline = make(1, 4);
  produce(pipeline);
  k->role(warp, 1, 2, [&] { pipeline.commitStores(pipeline.start()); });
  consume(pipeline, 4, 4);
  EXPECT_EQ(check(), "pipeline 'tiles': its commits arrive 65 times, the barrier expects 1");
}

TEST_F(PipelineTest, RefusesArrivalsOutsideOfRoles) {
  Pipeline pipeline = make(1, 4);
  produce(pipeline);
  pipeline.wait(pipeline.start());
  pipeline.release(pipeline.start());
  EXPECT_EQ(check(), "pipeline 'tiles': a release outside of any role");
}

TEST_F(PipelineTest, RefusesProducersThatDoNotAcquire) {
  Pipeline pipeline = make(1, 4);
  k->electedRole(warp, 0, [&] { pipeline.commit(pipeline.start(), 128); });
  consume(pipeline, 4, 4);
  EXPECT_EQ(check(), "pipeline 'tiles': no role acquires it");
}

TEST_F(PipelineTest, KeepsBarriersOfPipelinesApart) {
  Pipeline first = make(1, 4);
  int64_t used = arena->bytes();
  EXPECT_EQ(used, 2 * 3 * 8);
  Pipeline second = make(1, 4);
  EXPECT_EQ(first.stages(), second.stages());
  EXPECT_EQ(arena->bytes(), 2 * used);
  EXPECT_EQ(k->pipelines.size(), 2u);
}

} // namespace
