// deepseek-bench: times an artefact and compares its kernels with the CPU path.
#include "runtime/abi/DsrtAbi.h"

#include <cstdio>
#include <cstring>

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--version")) {
      std::printf("deepseek-bench, artefact ABI %d\n", DSRT_ABI_VERSION);
      return 0;
    }
    if (!std::strcmp(argv[i], "--help")) {
      std::printf("usage: deepseek-bench model.so --batch B --context C\n");
      return 0;
    }
  }
  std::fprintf(stderr, "deepseek-bench: no artefact given; see --help\n");
  return 1;
}
