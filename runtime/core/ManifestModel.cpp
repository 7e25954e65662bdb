// The buffers that prefill and decode entries read and write, as docs/artifact.md lists them: each must exist, with its
// dtype, and be large enough for the largest entry. The session then writes into them without further checks.
#include "runtime/core/Manifest.h"

#include <algorithm>

namespace dsrt {

namespace {
struct Need {
  const char *name;
  BufferRole role;
  std::optional<DType> dtype;
  int64_t elements;  // at least
  int64_t innermost; // exact last dimension, 0 for any
};

Status checkNeed(const Manifest &manifest, const Need &need, const std::string &where) {
  int32_t index = manifest.findBuffer(need.name);
  if (index < 0)
    return Status::error(where + ".buffers has no buffer '" + need.name + "', which the model's entries need");
  const BufferInfo &buffer = manifest.buffers[index];
  std::string name = where + ".buffers: '" + need.name + "'";
  if (buffer.role != need.role)
    return Status::error(name + " has role " + std::string(bufferRoleName(buffer.role)) + ", expected " +
                         std::string(bufferRoleName(need.role)));
  if (need.dtype && buffer.dtype != *need.dtype)
    return Status::error(name + " has dtype " + std::string(dtypeName(buffer.dtype)) + ", expected " +
                         std::string(dtypeName(*need.dtype)));
  if (need.innermost && (buffer.shape.empty() || buffer.shape.back() != need.innermost))
    return Status::error(name + " has shape " + shapeText(buffer.shape) + ", expected a last dimension of " +
                         std::to_string(need.innermost));
  if (buffer.elements(0) < need.elements)
    return Status::error(name + " has shape " + shapeText(buffer.shape) + ", expected at least " +
                         std::to_string(need.elements) + " elements");
  return Status();
}

Status checkCache(const Manifest &manifest, const std::string &where) {
  int32_t index = manifest.findBuffer("cache");
  std::string name = where + ".buffers: 'cache'";
  if (index < 0 || manifest.buffers[index].role != BufferRole::Cache)
    return Status::error(name + " is missing, which the model's entries need");
  const std::vector<int64_t> &shape = manifest.buffers[index].shape;
  const ModelInfo &model = *manifest.model;
  if (shape.size() != 4 || shape[0] != -1 || shape[1] != model.layers || shape[2] != model.pageSize || shape[3] < 1)
    return Status::error(name + " has shape " + shapeText(shape) + ", expected [-1, " + std::to_string(model.layers) +
                         ", " + std::to_string(model.pageSize) + ", record]");
  return Status();
}
} // namespace

Status checkModelBuffers(const Manifest &manifest, const std::string &where) {
  const ModelInfo &model = *manifest.model;
  int64_t tokens = 0, rows = 0, prefillRows = 0, sequences = 1, prefill = 0, decode = 0;
  for (const EntryInfo &entry : manifest.entries) {
    tokens = std::max(tokens, entry.tokens);
    rows = std::max(rows, entry.rows);
    if (entry.kind == EntryKind::Prefill) {
      prefill = std::max(prefill, entry.tokens);
      prefillRows = std::max(prefillRows, entry.rows);
    } else if (entry.kind == EntryKind::Decode) {
      decode = std::max(decode, entry.tokens);
      sequences = std::max(sequences, entry.tokens);
    }
  }
  if (prefill != model.maxPrefill || decode != model.maxBatch)
    return Status::error(where + ".model has max_prefill " + std::to_string(model.maxPrefill) + " and max_batch " +
                         std::to_string(model.maxBatch) + ", but its largest entries are for " +
                         std::to_string(prefill) + " tokens of prefill and " + std::to_string(decode) + " of decode");
  for (int64_t eos : model.eosTokens)
    if (eos >= model.vocabSize)
      return Status::error(where + ".model.eos_token_id holds " + std::to_string(eos) + ", vocab_size is " +
                           std::to_string(model.vocabSize));
  int64_t pages = model.pagesPerSequence();
  using enum BufferRole;
  const Need needs[] = {
      {"tokens", Input, DType::I32, tokens, 0},
      {"positions", Input, DType::I32, tokens, 0},
      {"block_table", Input, DType::I32, sequences * pages, pages},
      {"logit_rows", Input, DType::I32, prefillRows, 0},
      {"temperature", Input, DType::F32, rows, 0},
      {"top_k", Input, DType::I32, rows, 0},
      {"top_p", Input, DType::F32, rows, 0},
      {"seed", Input, DType::I64, rows, 0},
      {"logits", Output, DType::F32, rows * model.vocabSize, model.vocabSize},
      {"next_tokens", Output, DType::I32, rows, 0},
  };
  for (const Need &need : needs)
    DSRT_RETURN_IF_ERROR(checkNeed(manifest, need, where));
  return checkCache(manifest, where);
}

} // namespace dsrt
