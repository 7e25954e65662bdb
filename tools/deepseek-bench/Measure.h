// Time of work on a program's device: between two events on a GPU, between two clock readings on the CPU.
#pragma once

#include "runtime/core/Device.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

namespace dsrt {

class Timer {
public:
  // `device` is null for the CPU.
  static StatusOr<Timer> create(const Device *device) {
    Timer timer;
    timer.device = device;
    if (device) {
      DSRT_ASSIGN_OR_RETURN(Event begin, Event::create(*device));
      DSRT_ASSIGN_OR_RETURN(Event end, Event::create(*device));
      timer.begin.emplace(std::move(begin));
      timer.end.emplace(std::move(end));
    }
    return timer;
  }
  Status start() {
    hostBegin = Clock::now();
    return device ? begin->record(device->stream()) : Status();
  }
  Status stop() {
    hostEnd = Clock::now();
    return device ? end->record(device->stream()) : Status();
  }
  // Waits for the device.
  StatusOr<double> milliseconds() {
    if (device)
      return end->millisecondsSince(*begin);
    return std::chrono::duration<double, std::milli>(hostEnd - hostBegin).count();
  }

private:
  using Clock = std::chrono::steady_clock;
  const Device *device = nullptr;
  std::optional<Event> begin, end;
  Clock::time_point hostBegin, hostEnd;
};

// Microseconds of each of `repeat` calls of `run`, after two to warm up. `before` and `after` are not timed; `after`
// comes when the device is done. All three return a Status.
template <typename Before, typename Run, typename After>
StatusOr<std::vector<double>> timeCalls(const Device *device, int64_t repeat, Before before, Run run, After after) {
  DSRT_ASSIGN_OR_RETURN(Timer timer, Timer::create(device));
  std::vector<double> times;
  for (int64_t i = -2; i < repeat; ++i) {
    DSRT_RETURN_IF_ERROR(before(i));
    DSRT_RETURN_IF_ERROR(timer.start());
    DSRT_RETURN_IF_ERROR(run());
    DSRT_RETURN_IF_ERROR(timer.stop());
    DSRT_ASSIGN_OR_RETURN(double milliseconds, timer.milliseconds());
    DSRT_RETURN_IF_ERROR(after());
    if (i >= 0)
      times.push_back(milliseconds * 1e3);
  }
  return times;
}

inline double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

} // namespace dsrt
