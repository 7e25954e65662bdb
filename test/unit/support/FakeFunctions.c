/* An artefact of plain functions, as a kernel test compiles it. With WRONG, `scale` makes a mistake that a comparison
 * must find. */
#include "FakeArtifact.h"

enum { X, INDEX, Y, PICKED, COUNT, N = 16 };

FAKE_MANIFEST("{\"abi\": 1, \"target\": \"cpu\", \"cpu\": \"x86-64\","
              "\"buffers\": ["
              "{\"name\": \"x\", \"role\": \"input\", \"dtype\": \"f32\", \"shape\": [4, 4]},"
              "{\"name\": \"index\", \"role\": \"input\", \"dtype\": \"i32\", \"shape\": [16], \"range\": [0, 15]},"
              "{\"name\": \"y\", \"role\": \"output\", \"dtype\": \"f32\", \"shape\": [4, 4]},"
              "{\"name\": \"picked\", \"role\": \"output\", \"dtype\": \"f32\", \"shape\": [16]},"
              "{\"name\": \"count\", \"role\": \"output\", \"dtype\": \"i32\", \"shape\": [1]}],"
              "\"entries\": ["
              "{\"name\": \"scale\", \"kind\": \"function\"},"
              "{\"name\": \"pick\", \"kind\": \"function\"},"
              "{\"name\": \"fails\", \"kind\": \"function\"},"
              "{\"name\": \"launches\", \"kind\": \"function\"},"
              "{\"name\": \"spins\", \"kind\": \"function\"}]}")

int32_t dsrt_entry_scale(DsrtContext *context, void *const *buffers) {
  for (int i = 0; i < N; ++i)
    ((float *)buffers[Y])[i] = 3 * ((const float *)buffers[X])[i];
#ifdef WRONG
  ((float *)buffers[Y])[5] *= 1.01f;
#endif
  return 0;
}

int32_t dsrt_entry_pick(DsrtContext *context, void *const *buffers) {
  int32_t sum = 0;
  for (int i = 0; i < N; ++i) {
    int32_t index = ((const int32_t *)buffers[INDEX])[i];
    if (index < 0 || index >= N)
      return 2;
    ((float *)buffers[PICKED])[i] = ((const float *)buffers[X])[index];
    sum += index;
  }
#ifdef WRONG
  sum += 1;
#endif
  *(int32_t *)buffers[COUNT] = sum;
  return 0;
}

int32_t dsrt_entry_fails(DsrtContext *context, void *const *buffers) { return 5; }

/* GPU calls from an artefact for the CPU must be errors. */
int32_t dsrt_entry_launches(DsrtContext *context, void *const *buffers) {
  DsrtLaunchConfig config = {0, {1, 1, 1}, 32, 1, 0, 0};
  DsrtTensorMapSpec spec = {0};
  if (!dsrt_tensor_map_encode(context, &spec, buffers[X], buffers[Y]) || !dsrt_memory_zero(context, buffers[Y], 4))
    return 99;
  return dsrt_kernel_launch(context, &config, 0);
}

int32_t dsrt_entry_spins(DsrtContext *context, void *const *buffers) {
  volatile int forever = 1;
  while (forever)
    ;
  return 0;
}
