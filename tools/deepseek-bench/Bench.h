// deepseek-bench without its main.
#pragma once

namespace dsrt {
// Returns the exit code.
int benchMain(int argc, const char *const *argv);
} // namespace dsrt
