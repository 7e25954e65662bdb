// deepseek-run: loads an artefact and a checkpoint, streams text.
#include "tools/deepseek-run/Run.h"

int main(int argc, char **argv) { return dsrt::runMain(argc, argv); }
