// deepseek-bench: times an artefact and compares its kernels with the CPU path.
#include "tools/deepseek-bench/Bench.h"

int main(int argc, char **argv) { return dsrt::benchMain(argc, argv); }
