// What the host processor can do and how much of it this process may use.
#pragma once

#include "runtime/core/Status.h"

#include <cstddef>
#include <string>

namespace dsrt {

// Whether this processor runs code of an instruction-set level ("x86-64-v3"); `where` opens the message.
Status checkCpuLevel(const std::string &level, const std::string &where);

// Physical cores that this process may run on: its affinity mask, hardware threads of one core counted once, cut to the
// CPU quota of its cgroup. At least 1.
int physicalCores();

// Memory that could be allocated without swapping, in bytes; 0 where the system does not say.
size_t availableHostMemory();

} // namespace dsrt
