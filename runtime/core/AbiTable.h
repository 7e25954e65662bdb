// The functions that artefacts import. An artefact finds them in the executable that loads it, which therefore must
// link and export them all (CMake's ENABLE_EXPORTS); the table makes the linker keep them.
#pragma once

#include "runtime/core/Status.h"

namespace dsrt {

// An error that names the first function which this executable does not export.
Status checkAbiExports();

} // namespace dsrt
