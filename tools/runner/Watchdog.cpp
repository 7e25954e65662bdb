#include "tools/runner/Watchdog.h"

#include <cstdio>
#include <unistd.h>

namespace dsrt {

Watchdog::Watchdog(std::string tool, double seconds) : tool(std::move(tool)), limit(seconds) {
  if (limit > 0)
    thread = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    isClosing = true;
  }
  changed.notify_all();
  if (thread.joinable())
    thread.join();
}

void Watchdog::begin(const std::string &entry) {
  std::lock_guard<std::mutex> lock(mutex);
  running = entry;
  started = Clock::now();
}

void Watchdog::end() {
  std::lock_guard<std::mutex> lock(mutex);
  running.clear();
}

void Watchdog::watch() {
  std::unique_lock<std::mutex> lock(mutex);
  while (!isClosing) {
    // Waking up ten times a second costs nothing and needs no signal from the running step.
    changed.wait_for(lock, std::chrono::milliseconds(100));
    if (running.empty() || std::chrono::duration<double>(Clock::now() - started).count() < limit)
      continue;
    std::fprintf(stderr, "%s: entry %s has not finished after %g s\n", tool.c_str(), running.c_str(), limit);
    std::fflush(stderr);
    _exit(exitCode);
  }
}

} // namespace dsrt
