// kernel.launch -> runtime calls. Specifications of tensor maps and launches are constants in the ABI's binary layout; addresses come from the buffer table.
#include "lowering/HostToLlvm/Launches.h"
#include "runtime/abi/DsrtAbi.h"
#include <cstring>

using namespace mlir;
using namespace mlir::deepseek;

namespace {

class LaunchLowering {
public:
  LaunchLowering(func::FuncOp function, EntryArguments entry, const BufferIndices &buffers)
      : module(function->getParentOfType<ModuleOp>()), function(function), entry(entry), buffers(buffers), b(function.getContext()),
        pointer(LLVM::LLVMPointerType::get(function.getContext())), i32(b.getI32Type()) {
    for (auto [index, binary] : llvm::enumerate(module.getOps<kernel::BinaryOp>()))
      kernels[binary.getSymName()] = index;
  }

  LogicalResult run() {
    SmallVector<kernel::LaunchOp> launches;
    function.walk([&](kernel::LaunchOp launch) { launches.push_back(launch); });
    if (launches.empty())
      return success();
    createFrame(launches);
    for (kernel::LaunchOp launch : launches)
      if (failed(lower(launch)))
        return failure();
    return success();
  }

private:
  /// Stack space that every launch reuses (a launch copies its arguments), and the block that returns an error code.
  void createFrame(ArrayRef<kernel::LaunchOp> launches) {
    size_t arguments = 1, maps = 1;
    for (kernel::LaunchOp launch : launches) {
      arguments = std::max(arguments, launch.getArgs().size());
      maps = std::max<size_t>(maps, llvm::count_if(launch.getArgs(), llvm::IsaPred<kernel::TensorMapArgAttr>));
    }
    Location loc = function.getLoc();
    b.setInsertionPointToStart(&function.front());
    auto allocate = [&](Type type, int64_t count, int64_t alignment) {
      Value size = LLVM::ConstantOp::create(b, loc, i32, count);
      return LLVM::AllocaOp::create(b, loc, pointer, type, size, alignment);
    };
    argumentTable = allocate(pointer, arguments, 8);
    scalars = allocate(b.getI64Type(), arguments, 8);
    tensorMaps = allocate(LLVM::LLVMArrayType::get(b.getI8Type(), DSRT_TENSOR_MAP_BYTES), maps, 64);
    errorExit = new Block();
    function.getBody().push_back(errorExit);
    b.setInsertionPointToStart(errorExit);
    func::ReturnOp::create(b, loc, errorExit->addArgument(i32, loc));
  }

  LogicalResult lower(kernel::LaunchOp launch) {
    auto kernel = kernels.find(launch.getKernel());
    if (kernel == kernels.end())
      return launch.emitError() << "kernel '" << launch.getKernel() << "' has no kernel.binary (-convert-nvvm-to-binary)";
    b.setInsertionPoint(launch);
    loc = launch.getLoc();
    int32_t maps = 0;
    for (auto [index, argument] : llvm::enumerate(launch.getArgs())) {
      Value address = element(scalars, b.getI64Type(), index);
      if (auto integer = dyn_cast<kernel::IntArgAttr>(argument))
        LLVM::StoreOp::create(b, loc, LLVM::ConstantOp::create(b, loc, i32, integer.getValue()), address);
      else if (auto data = dyn_cast<kernel::PointerArgAttr>(argument))
        LLVM::StoreOp::create(b, loc, deviceAddress(data.getBuffer(), data.getOffset()), address);
      else
        address = encode(launch, cast<kernel::TensorMapArgAttr>(argument), maps++);
      LLVM::StoreOp::create(b, loc, address, element(argumentTable, pointer, index));
    }
    DsrtLaunchConfig config{};
    config.kernel = kernel->second;
    for (auto [dim, size] : llvm::enumerate(launch.getGrid()))
      config.grid[dim] = size;
    config.threads = launch.getThreads();
    config.cluster = launch.getCluster();
    config.sharedBytes = launch.getSharedBytes();
    config.programmatic = launch.getProgrammatic();
    call(launch, "dsrt_kernel_launch", {entry.context, constant("dsrt_launch", &config, sizeof(config)), argumentTable});
    launch.erase();
    return success();
  }

  Value encode(kernel::LaunchOp launch, kernel::TensorMapArgAttr map, int32_t slot) {
    DsrtTensorMapSpec spec{};
    Type type = map.getElement();
    spec.elementType = type.isF32()          ? DSRT_F32
                       : type.isF16()        ? DSRT_F16
                       : type.isBF16()       ? DSRT_BF16
                       : type.isInteger(32) ? DSRT_I32
                                             : DSRT_U8;
    spec.rank = map.getDims().size();
    spec.swizzleBytes = map.getSwizzle();
    for (int32_t dim = 0; dim < spec.rank; ++dim) {
      spec.dims[dim] = map.getDims()[dim];
      spec.box[dim] = map.getBox()[dim];
      spec.strideBytes[dim] = dim == 0 ? 0 : map.getStrides()[dim - 1];
    }
    Value out = element(tensorMaps, LLVM::LLVMArrayType::get(b.getI8Type(), DSRT_TENSOR_MAP_BYTES), slot);
    call(launch, "dsrt_tensor_map_encode",
         {entry.context, constant("dsrt_tensor_map", &spec, sizeof(spec)), deviceAddress(map.getBuffer(), map.getOffset()), out});
    return out;
  }

  Value element(Value base, Type type, int32_t index) {
    return LLVM::GEPOp::create(b, loc, pointer, type, base, ArrayRef<LLVM::GEPArg>{index});
  }

  Value deviceAddress(FlatSymbolRefAttr buffer, int64_t offset) {
    Value address = loadBufferAddress(b, loc, entry, buffers[buffer.getValue()]);
    if (offset == 0)
      return address;
    Value bytes = LLVM::ConstantOp::create(b, loc, b.getI64Type(), offset);
    return LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(), address, ArrayRef<LLVM::GEPArg>{bytes});
  }

  /// Address of a constant with these bytes; equal ones are shared.
  Value constant(StringRef prefix, const void *data, size_t size) {
    StringRef bytes(static_cast<const char *>(data), size);
    auto [known, isNew] = constants.try_emplace(bytes, "");
    if (isNew) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(module.getBody());
      std::string name = (prefix + "_" + function.getName() + "_" + Twine(constants.size())).str();
      auto type = LLVM::LLVMArrayType::get(b.getI8Type(), size);
      LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true, LLVM::Linkage::Private, name, b.getStringAttr(bytes), /*alignment=*/8);
      known->second = name;
    }
    return LLVM::AddressOfOp::create(b, loc, pointer, known->second);
  }

  /// Calls a function of DsrtAbi.def and leaves the entry if it fails. The insertion point stays right before `launch`.
  void call(kernel::LaunchOp launch, StringRef name, ValueRange operands) {
    Value code = LLVM::CallOp::create(b, loc, declare(name), operands).getResult();
    Value isGood = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, code, LLVM::ConstantOp::create(b, loc, i32, 0));
    Block *before = launch->getBlock(), *rest = before->splitBlock(launch);
    b.setInsertionPointToEnd(before);
    LLVM::CondBrOp::create(b, loc, isGood, rest, ValueRange(), errorExit, ValueRange(code));
    b.setInsertionPoint(launch);
  }

  LLVM::LLVMFuncOp declare(StringRef name) {
    LLVM::LLVMFuncOp &known = functions[name];
    if (!known)
      known = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
    if (!known)
      known = declareNew(name);
    return known;
  }

  LLVM::LLVMFuncOp declareNew(StringRef name) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(module.getBody());
#define DSRT_I32 i32
#define DSRT_I64 b.getI64Type()
#define DSRT_PTR pointer
#define DSRT_FUNCTION(symbol, result, ...)                                                                             \
  if (name == #symbol)                                                                                                 \
    return LLVM::LLVMFuncOp::create(b, module.getLoc(), name, LLVM::LLVMFunctionType::get(result, {__VA_ARGS__}));
#include "runtime/abi/DsrtAbi.def"
#undef DSRT_FUNCTION
#undef DSRT_I32
#undef DSRT_I64
#undef DSRT_PTR
    llvm_unreachable("not a function of DsrtAbi.def");
  }

  ModuleOp module;
  func::FuncOp function;
  EntryArguments entry;
  const BufferIndices &buffers;
  OpBuilder b;
  Type pointer, i32;
  Location loc = b.getUnknownLoc();
  llvm::StringMap<int32_t> kernels;
  llvm::StringMap<std::string> constants; // bytes to symbol
  llvm::StringMap<LLVM::LLVMFuncOp> functions;
  Value argumentTable, scalars, tensorMaps;
  Block *errorExit = nullptr;
};

} // namespace

LogicalResult mlir::deepseek::lowerLaunches(func::FuncOp function, EntryArguments entry, const BufferIndices &buffers) {
  return LaunchLowering(function, entry, buffers).run();
}
