/* The contract between a compiled artefact and the runtime that loads it. Plain C, includes nothing but stddef and
 * stdint, shared by lowering/HostToLlvm (which emits the calls) and by runtime/ (which implements them).
 * ANY change here, in DsrtAbi.def or in the manifest's schema (docs/artifact.md) is a bump of DSRT_ABI_VERSION.
 *
 * An artefact is an ELF shared object with these sections and symbols:
 *   section .deepseek.header    one DsrtHeader, found and checked before anything is called
 *   section .deepseek.manifest  JSON, UTF-8, no terminating zero; schema in docs/artifact.md
 *   section .deepseek.kernels   the cubins, one after another; the manifest gives offset and size (GPU targets only)
 *   symbol  dsrt_entry_<name>   one DsrtEntryFn for each entry of the manifest
 */
#ifndef DSRT_ABI_H
#define DSRT_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DSRT_ABI_VERSION 1
#define DSRT_MAGIC "DSRTART" /* 7 characters and the terminating zero */
#define DSRT_MAX_TENSOR_RANK 5

/* Runtime state that compiled code passes through untouched. */
typedef struct DsrtContext DsrtContext;

typedef struct DsrtHeader {
  char magic[8];       /* DSRT_MAGIC */
  uint32_t abiVersion; /* DSRT_ABI_VERSION of the compiler */
  uint32_t reserved;   /* 0 */
  uint64_t fileSize;   /* bytes of the whole file: a truncated artefact is refused */
  uint64_t checksum;   /* FNV-1a 64 over the whole file with these eight bytes taken as zero */
} DsrtHeader;

/* An entry point. `buffers[i]` is the address of buffer i of the manifest (device memory for GPU targets, host memory
 * for CPU targets). Returns 0, or the non-zero code of the first runtime call that failed; the message is then in the
 * context. An entry enqueues work and may return before it has run (GPU targets). */
typedef int32_t (*DsrtEntryFn)(DsrtContext *context, void *const *buffers);

enum { DSRT_TENSOR_MAP_BYTES = 128 };

/* Element types of tensor maps, in the order of the driver's CUtensorMapDataType names. */
typedef enum DsrtElementType { DSRT_U8 = 0, DSRT_I32 = 1, DSRT_F32 = 2, DSRT_F16 = 3, DSRT_BF16 = 4 } DsrtElementType;

/* Everything cuTensorMapEncodeTiled wants, except the address. Dimension 0 is the contiguous one. */
typedef struct DsrtTensorMapSpec {
  int32_t elementType;                       /* DsrtElementType */
  int32_t rank;                              /* 1..5 */
  int32_t swizzleBytes;                      /* 0, 32, 64 or 128 */
  int32_t reserved;                          /* 0 */
  int64_t dims[DSRT_MAX_TENSOR_RANK];        /* elements */
  int64_t strideBytes[DSRT_MAX_TENSOR_RANK]; /* [0] unused; multiples of 16 */
  int32_t box[DSRT_MAX_TENSOR_RANK];         /* elements */
  int32_t reserved2;                         /* 0 */
} DsrtTensorMapSpec;

typedef struct DsrtLaunchConfig {
  int32_t kernel;       /* index into the manifest's kernels */
  int32_t grid[3];      /* CTAs */
  int32_t threads;      /* threads of a CTA (x only) */
  int32_t cluster;      /* CTAs of a cluster along x, 1 for none */
  int32_t sharedBytes;  /* dynamic shared memory */
  int32_t programmatic; /* 1: programmatic dependent launch (the kernel executes griddepcontrol.wait) */
} DsrtLaunchConfig;

/* The functions that compiled code may call: name, result, parameters. */
#define DSRT_I32 int32_t
#define DSRT_I64 int64_t
#define DSRT_PTR void *
#define DSRT_FUNCTION(name, result, ...) result name(__VA_ARGS__);
#include "runtime/abi/DsrtAbi.def"
#undef DSRT_FUNCTION
#undef DSRT_I32 /* an element type again */
#undef DSRT_I64
#undef DSRT_PTR

#ifdef __cplusplus
}
#endif
#endif /* DSRT_ABI_H */
