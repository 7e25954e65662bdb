/* A "model" whose next token depends on every token of its sequence, on their order and on the block table:
 *   h = sum over positions p of (token_p + 1) * (p + 1), logits[v] = bias[v] - |v - h mod V|.
 * The cache keeps one record per token, so a wrong page, position or chunk gives a wrong token.
 * With CLOSE_CALL, decode_4 decides otherwise after position 15 than the other entries, as another bucket's kernels may
 * that round otherwise: the next token is OTHER there. */
#include "FakeArtifact.h"

#include <math.h>

#ifdef CLOSE_CALL
enum { CLOSE_POSITION = 15, OTHER = 0 };
#else
enum { CLOSE_POSITION = -2, OTHER = 0 }; /* rows that pad a batch are at -1 */
#endif
enum { V = 32, PAGE = 4, CONTEXT = 40, P = 10, RECORD = 2, LAYERS = 1 };
enum {
  TOKENS,
  POSITIONS,
  BLOCK_TABLE,
  LOGIT_ROWS,
  TEMPERATURE,
  TOP_K,
  TOP_P,
  SEED,
  LOGITS,
  NEXT,
  CACHE,
  BIAS,
  TWICE,
  WORKSPACE
};

FAKE_MANIFEST(
    "{\"abi\": 1, \"target\": \"cpu\", \"cpu\": \"x86-64\","
    "\"model\": {\"vocab_size\": 32, \"max_context\": 40, \"page_size\": 4, \"layers\": 1, \"bos_token_id\": 0,"
    " \"eos_token_id\": [1], \"activation_dtype\": \"f32\", \"max_batch\": 4, \"max_prefill\": 8},"
    "\"config\": {\"n_routed_experts\": 4, \"num_experts_per_tok\": 2},"
    "\"buffers\": ["
    "{\"name\": \"tokens\", \"role\": \"input\", \"dtype\": \"i32\", \"shape\": [8]},"
    "{\"name\": \"positions\", \"role\": \"input\", \"dtype\": \"i32\", \"shape\": [8]},"
    "{\"name\": \"block_table\", \"role\": \"input\", \"dtype\": \"i32\", \"shape\": [4, 10]},"
    "{\"name\": \"logit_rows\", \"role\": \"input\", \"dtype\": \"i32\", \"shape\": [4]},"
    "{\"name\": \"temperature\", \"role\": \"input\", \"dtype\": \"f32\", \"shape\": [4]},"
    "{\"name\": \"top_k\", \"role\": \"input\", \"dtype\": \"i32\", \"shape\": [4]},"
    "{\"name\": \"top_p\", \"role\": \"input\", \"dtype\": \"f32\", \"shape\": [4]},"
    "{\"name\": \"seed\", \"role\": \"input\", \"dtype\": \"i64\", \"shape\": [4]},"
    "{\"name\": \"logits\", \"role\": \"output\", \"dtype\": \"f32\", \"shape\": [4, 32]},"
    "{\"name\": \"next_tokens\", \"role\": \"output\", \"dtype\": \"i32\", \"shape\": [4]},"
    "{\"name\": \"cache\", \"role\": \"cache\", \"dtype\": \"f32\", \"shape\": [-1, 1, 4, 2]},"
    "{\"name\": \"bias\", \"role\": \"parameter\", \"dtype\": \"f32\", \"shape\": [40]},"
    "{\"name\": \"twice\", \"role\": \"derived\", \"dtype\": \"f32\", \"shape\": [32]},"
    "{\"name\": \"workspace\", \"role\": \"workspace\", \"dtype\": \"u8\", \"shape\": [64]}],"
    "\"parameters\": [{\"tensor\": \"model.bias\", \"dtype\": \"f32\", \"shape\": [32], \"buffer\": 11, \"offset\": "
    "0}],"
    "\"entries\": ["
    "{\"name\": \"initialize\", \"kind\": \"initialize\"},"
    "{\"name\": \"prefill_8\", \"kind\": \"prefill\", \"tokens\": 8, \"rows\": 3},"
    "{\"name\": \"prefill_4\", \"kind\": \"prefill\", \"tokens\": 4, \"rows\": 2},"
    "{\"name\": \"decode_1\", \"kind\": \"decode\", \"tokens\": 1, \"rows\": 1},"
    "{\"name\": \"decode_4\", \"kind\": \"decode\", \"tokens\": 4, \"rows\": 4}]}")

/* twice = 2 * bias: an entry that uses it before `initialize` has run gives wrong logits. */
int32_t dsrt_entry_initialize(DsrtContext *context, void *const *buffers) {
  for (int v = 0; v < V; ++v)
    ((float *)buffers[TWICE])[v] = 2 * ((const float *)buffers[BIAS])[v];
  return 0;
}

static float *record(void *const *buffers, int sequence, int position) {
  int page = ((const int32_t *)buffers[BLOCK_TABLE])[sequence * P + position / PAGE];
  return (float *)buffers[CACHE] + (page * PAGE + position % PAGE) * RECORD;
}

static void append(void *const *buffers, int sequence, int t) {
  int position = ((const int32_t *)buffers[POSITIONS])[t];
  if (position < 0)
    return;
  record(buffers, sequence, position)[0] = (float)(((const int32_t *)buffers[TOKENS])[t] + 1);
  record(buffers, sequence, position)[1] = (float)position;
}

/* Row `row` of the outputs, for token t. */
static void output(void *const *buffers, int sequence, int t, int row) {
  int position = ((const int32_t *)buffers[POSITIONS])[t];
  float *logits = (float *)buffers[LOGITS] + row * V;
  int32_t *next = (int32_t *)buffers[NEXT] + row;
  if (position < 0) {
    *next = -7;
    for (int v = 0; v < V; ++v)
      logits[v] = NAN;
    return;
  }
  long h = 0;
  for (int p = 0; p <= position; ++p)
    h += record(buffers, sequence, p)[1] == (float)p ? (long)record(buffers, sequence, p)[0] * (p + 1) : 1000003;
  int best = 0;
  for (int v = 0; v < V; ++v) {
    logits[v] = ((const float *)buffers[TWICE])[v] - fabsf((float)(v - h % V));
    best = logits[v] > logits[best] ? v : best;
  }
  /* "Sampling": the result depends on the row's seed and position only. */
  int isGreedy = ((const float *)buffers[TEMPERATURE])[row] == 0;
  *next = isGreedy ? best : (int32_t)((best + ((const int64_t *)buffers[SEED])[row] * 7 + position) % V);
}

static int32_t prefill(void *const *buffers, int tokens, int rows) {
  for (int t = 0; t < tokens; ++t)
    append(buffers, 0, t);
  for (int row = 0; row < rows; ++row)
    output(buffers, 0, ((const int32_t *)buffers[LOGIT_ROWS])[row], row);
  return 0;
}
int32_t dsrt_entry_prefill_8(DsrtContext *context, void *const *buffers) { return prefill(buffers, 8, 3); }
int32_t dsrt_entry_prefill_4(DsrtContext *context, void *const *buffers) { return prefill(buffers, 4, 2); }

static int32_t decode(void *const *buffers, int rows) {
  for (int row = 0; row < rows; ++row) {
    const int position = ((const int32_t *)buffers[POSITIONS])[row];
    append(buffers, row, row);
    output(buffers, row, row, row);
    if (rows == 4 && position == CLOSE_POSITION) {
      ((float *)buffers[LOGITS])[row * V + OTHER] = 100;
      ((int32_t *)buffers[NEXT])[row] = OTHER;
    }
  }
  return 0;
}
int32_t dsrt_entry_decode_1(DsrtContext *context, void *const *buffers) { return decode(buffers, 1); }
int32_t dsrt_entry_decode_4(DsrtContext *context, void *const *buffers) { return decode(buffers, 4); }
