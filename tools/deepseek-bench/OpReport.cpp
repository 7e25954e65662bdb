#include "tools/deepseek-bench/OpReport.h"

#include "runtime/core/JsonFields.h"
#include "tools/deepseek-bench/Measure.h"

#include <algorithm>
#include <cmath>

namespace dsrt {

namespace {
// FLOP/s of an H200's tensor cores as measured in bursts (passes/cost/Machine.h has the same).
constexpr double bf16Rate = 855e12, fp8Rate = 1480e12;

double productSeconds(const OpFunction &function) {
  return function.rate == OpRate::None ? 0 : function.flops / (function.rate == OpRate::Fp8 ? fp8Rate : bf16Rate);
}

template <typename... Args> std::string format(const char *text, Args... arguments) {
  char line[512];
  std::snprintf(line, sizeof(line), text, arguments...);
  return line;
}
} // namespace

double OpResult::limit(const OpMachine &machine) const {
  return 1e6 * std::max(function.bytes / machine.bandwidth, productSeconds(function));
}

const char *OpResult::limitName(const OpMachine &machine) const {
  return function.bytes / machine.bandwidth >= productSeconds(function) ? "memory" : "products";
}

std::string tableHead(const OpMachine &machine) {
  return format("%s, %.0f GB/s read\n", machine.gpu.c_str(), machine.bandwidth * 1e-9) +
         format("%-64s %9s %8s %8s %6s %-8s %9s %8s  %s\n", "case", "us", "GB/s", "TFLOP/s", "%", "of", "estimate",
                "error", "kernels");
}

std::string OpResult::line(const OpMachine &machine) const {
  const std::string name = kernel.empty() ? of.text : "  " + kernel;
  if (!failure.empty())
    return format("%-64s MISS: %s\n", name.c_str(), failure.c_str());
  const std::string predicted = estimate ? format("%.1f", *estimate) : "";
  std::string text =
      format("%-64s %9.2f %8.0f %8.1f %6.1f %-8s %9s %8.1e  %lld%s%s\n", name.c_str(), microseconds,
             function.bytes / microseconds * 1e-3, function.flops / microseconds * 1e-6,
             100 * limit(machine) / microseconds, limitName(machine), predicted.c_str(), check.relativeError(),
             static_cast<long long>(kernels), schedule.empty() ? "" : " ", schedule.c_str());
  if (!check.passed())
    text += format("  MISS: %lld of %lld samples; %s\n", static_cast<long long>(check.misses),
                   static_cast<long long>(check.samples + check.misses), check.firstMiss.c_str());
  return text;
}

static std::string estimateSummary(const std::vector<OpResult> &results, bool searched) {
  std::vector<std::pair<double, const OpResult *>> errors;
  for (const OpResult &result : results)
    if (result.passed() && result.estimate && result.kernel.empty() != searched)
      errors.push_back({std::fabs(*result.estimate / result.microseconds - 1), &result});
  if (errors.empty())
    return "";
  std::sort(errors.begin(), errors.end(), [](auto &a, auto &b) { return a.first > b.first; });
  std::string text = format("estimates of %zu%s: median error %.1f %%, worst\n", errors.size(),
                            searched ? " searched schedules" : "", 100 * errors[errors.size() / 2].first);
  for (size_t i = 0; i < std::min<size_t>(errors.size(), 5); ++i)
    text += format("  %-64s %9.2f us, estimate %.2f\n",
                   (errors[i].second->of.text + " " + errors[i].second->kernel).c_str(), errors[i].second->microseconds,
                   *errors[i].second->estimate);
  return text;
}

// The fastest schedule that was tried for the case of `chosen`, and how many were; null where `chosen` is itself one
// that was tried, or none was.
static const OpResult *bestSearched(const std::vector<OpResult> &results, const OpResult &chosen, size_t &tried) {
  const OpResult *best = nullptr;
  tried = 0;
  if (!chosen.kernel.empty() || !chosen.passed())
    return best;
  for (const OpResult &other : results)
    if (other.of.text == chosen.of.text && !other.kernel.empty() && other.passed() && ++tried &&
        (!best || other.microseconds < best->microseconds))
      best = &other;
  return best;
}

// The compiler's choice beside the best schedule, of each case and then of each family.
static std::string searchSummary(const std::vector<OpResult> &results) {
  struct Choices {
    std::vector<double> ratios;
    double logarithms = 0;
    std::string worst;
  };
  std::map<std::string, Choices> families;
  std::string text;
  for (const OpResult &chosen : results) {
    size_t tried = 0;
    const OpResult *best = bestSearched(results, chosen, tried);
    if (!best)
      continue;
    const double ratio = chosen.microseconds / best->microseconds;
    text +=
        format("%s: chosen %.2f us (%s), best of %zu schedules %.2f us (%s): %.3f of it\n", chosen.of.text.c_str(),
               chosen.microseconds, chosen.schedule.c_str(), tried, best->microseconds, best->kernel.c_str(), ratio);
    Choices &choices = families[chosen.of.family->name];
    if (choices.ratios.empty() || ratio > *std::max_element(choices.ratios.begin(), choices.ratios.end()))
      choices.worst = chosen.of.text;
    choices.ratios.push_back(ratio);
    choices.logarithms += std::log(ratio);
  }
  for (const auto &[name, choices] : families)
    text += format("%s: chosen over best, geometric mean %.3f, largest %.3f (%s), within 5 %% in %td of %zu cases\n",
                   name.c_str(), std::exp(choices.logarithms / static_cast<double>(choices.ratios.size())),
                   *std::max_element(choices.ratios.begin(), choices.ratios.end()), choices.worst.c_str(),
                   std::count_if(choices.ratios.begin(), choices.ratios.end(), [](double r) { return r <= 1.05; }),
                   choices.ratios.size());
  return text;
}

std::string summary(const std::vector<OpResult> &results) {
  const auto misses =
      std::count_if(results.begin(), results.end(), [](const OpResult &result) { return !result.passed(); });
  return searchSummary(results) + estimateSummary(results, /*searched=*/false) +
         estimateSummary(results, /*searched=*/true) + format("%zu timed, %td misses\n", results.size(), misses);
}

std::string resultsJson(const std::vector<OpResult> &results, const OpMachine &machine) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const OpResult &result : results) {
    nlohmann::ordered_json one = {{"case", result.of.text},   {"by", "ours"},       {"us", result.microseconds},
                                  {"us_min", result.fastest}, {"gpu", machine.gpu}, {"runs", result.runs}};
    if (!result.kernel.empty())
      one["searched"] = result.kernel;
    size_t tried = 0;
    if (const OpResult *best = bestSearched(results, result, tried)) {
      one["best_schedule"] = best->kernel;
      one["best_us"] = best->microseconds;
      one["chosen_over_best"] = result.microseconds / best->microseconds;
      one["schedules"] = tried;
    }
    one["schedule"] = result.schedule;
    one["kernels"] = result.kernels;
    one["bytes"] = result.function.bytes;
    one["flops"] = result.function.flops;
    if (result.microseconds > 0) {
      one["gb_per_s"] = result.function.bytes / result.microseconds * 1e-3;
      one["tflop_per_s"] = result.function.flops / result.microseconds * 1e-6;
      one["limit"] = result.limitName(machine);
      one["limit_us"] = result.limit(machine);
      one["percent_of_limit"] = 100 * result.limit(machine) / result.microseconds;
    }
    one["bandwidth"] = machine.bandwidth;
    if (result.estimate)
      one["estimate_us"] = *result.estimate;
    one["error"] = result.check.relativeError();
    one["error_of_allowed"] = result.check.worst;
    one["samples"] = result.check.samples;
    one["passed"] = result.passed();
    if (!result.passed())
      one["miss"] = result.failure.empty() ? result.check.firstMiss : result.failure;
    all.push_back(std::move(one));
  }
  return all.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

} // namespace dsrt
