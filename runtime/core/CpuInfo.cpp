#include "runtime/core/CpuInfo.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sched.h>
#include <set>
#include <sstream>

namespace dsrt {

Status checkCpuLevel(const std::string &level, const std::string &where) {
  bool known = true, runs = false;
#if defined(__x86_64__)
  if (level == "x86-64")
    runs = true;
  else if (level == "x86-64-v2")
    runs = __builtin_cpu_supports("x86-64-v2");
  else if (level == "x86-64-v3")
    runs = __builtin_cpu_supports("x86-64-v3");
  else if (level == "x86-64-v4")
    runs = __builtin_cpu_supports("x86-64-v4");
  else
    known = false;
#else
  known = runs = level == "generic";
#endif
  if (!known)
    return Status::error(where + " is for CPU level '" + level + "', which this runtime does not know");
  if (!runs)
    return Status::error(where + " is for CPU level " + level + ", which this processor does not have");
  return Status();
}

// CPUs that the cgroup's quota allows, or a large number.
static double cgroupCpus() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period && period > 0 ? quota / period : 1e9;
}

int physicalCores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0)
    return 1;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask))
      continue;
    std::string siblings;
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    if (!std::getline(file, siblings))
      siblings = std::to_string(cpu);
    cores.insert(siblings);
  }
  double limit = std::min<double>(std::max<size_t>(cores.size(), 1), std::ceil(cgroupCpus()));
  return std::max(1, static_cast<int>(limit));
}

size_t availableHostMemory() {
  std::ifstream file("/proc/meminfo");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    size_t kib = 0;
    if (words >> name >> kib && name == "MemAvailable:")
      return kib * 1024;
  }
  return 0;
}

} // namespace dsrt
