/* What a hand-made artefact needs beside its entries: the header, whose size and checksum a test fills in, and the
 * manifest with room to grow. */
#include "runtime/abi/DsrtAbi.h"

__attribute__((section(".deepseek.header"), used, aligned(8))) static const DsrtHeader header = {
    DSRT_MAGIC, DSRT_ABI_VERSION, 0, 0, 0};

#define MANIFEST_BYTES 8192
/* `text` padded with zeros; the test replaces them by spaces, which JSON ignores. */
#define FAKE_MANIFEST(text)                                                                                            \
  __attribute__((section(".deepseek.manifest"), used)) static const char manifest[MANIFEST_BYTES] = text;
