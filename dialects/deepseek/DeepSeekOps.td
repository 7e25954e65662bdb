// All operations of the dialect, for the generators.
include "dialects/deepseek/CommOps.td"
include "dialects/deepseek/FusionOps.td"
include "dialects/deepseek/LinearOps.td"
include "dialects/deepseek/MlaOps.td"
include "dialects/deepseek/MoeOps.td"
include "dialects/deepseek/ParameterOps.td"
include "dialects/deepseek/QuantOps.td"
include "dialects/deepseek/SamplingOps.td"
