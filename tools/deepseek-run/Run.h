// deepseek-run without its main.
#pragma once

namespace dsrt {
// Returns the exit code.
int runMain(int argc, const char *const *argv);
} // namespace dsrt
