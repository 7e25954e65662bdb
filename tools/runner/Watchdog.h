// Ends the process when one entry takes too long. A GPU kernel that hangs cannot be stopped in any other way, and
// whoever waits for it would wait forever.
#pragma once

#include "runtime/core/Program.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace dsrt {

class Watchdog : public EntryObserver {
public:
  // Exit code of a process that the watchdog ended.
  static constexpr int exitCode = 3;

  // `tool` opens the message. No limit where `seconds` is 0.
  Watchdog(std::string tool, double seconds);
  ~Watchdog() override;

  void begin(const std::string &entry) override;
  void end() override;

private:
  using Clock = std::chrono::steady_clock;
  void watch();
  std::string tool;
  double limit;
  std::mutex mutex;
  std::condition_variable changed;
  std::string running; // the entry that is under way, or empty
  Clock::time_point started;
  bool isClosing = false;
  std::thread thread;
};

} // namespace dsrt
