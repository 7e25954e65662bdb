// Files that appear whole or not at all.
#pragma once

#include "runtime/core/Status.h"

namespace dsrt {

// Writes to a temporary name beside `path` and renames.
Status writeFile(const std::string &path, const std::string &contents);

} // namespace dsrt
