// deepseek-run: loads an artefact and a checkpoint, streams text.
#include "runtime/abi/DsrtAbi.h"

#include <cstdio>
#include <cstring>

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--version")) {
      std::printf("deepseek-run, artefact ABI %d\n", DSRT_ABI_VERSION);
      return 0;
    }
    if (!std::strcmp(argv[i], "--help")) {
      std::printf("usage: deepseek-run model.so --weights DIR --prompt TEXT\n");
      return 0;
    }
  }
  std::fprintf(stderr, "deepseek-run: no artefact given; see --help\n");
  return 1;
}
