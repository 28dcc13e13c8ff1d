/*
 * memory.c - a prediction allocates nothing: neither the C heap nor the resident set grows over two million calls.
 */
#include "fixture.h"

#include <malloc.h>
#include <unistd.h>

enum { CALLS = 2000000 };
static const long MiB = 1 << 20;

static long resident_bytes(void) {
  long pages = 0, ignored = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%ld %ld", &ignored, &pages) != 2) abort();
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

typedef struct {
  long resident, heap;
} usage;

static usage usage_now(void) {
  struct mallinfo2 info = mallinfo2();
  usage u = {resident_bytes(), (long)(info.uordblks + info.hblkhd)};
  return u;
}

static void expect_no_growth(usage before, const char *what) {
  usage after = usage_now();
  CHECK_THAT(after.resident - before.resident < 2 * MiB, "%s: the resident set grew by %ld KiB", what,
             (after.resident - before.resident) / 1024);
  CHECK_THAT(after.heap - before.heap < 64 * 1024, "%s: the C heap grew by %ld bytes", what, after.heap - before.heap);
}

static void predictions_allocate_nothing(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = random_model(both_profiles[p], 3, 2, 2);
    double x[2 * 100], y[2 * 100];
    fill_uniform(x, 200, 1, 0, 1);
    for (int i = 0; i < 100; i++) CHECK_OK(eml_model_forward(model, x, 1 + (uint64_t)i % 100, y, 0));
    usage before = usage_now();
    eml_status worst = EML_OK;
    for (int i = 0; i < CALLS; i++) {
      eml_status status = eml_model_forward(model, x + i % 100, 1, y, 0);
      if (status != EML_OK) worst = status;
    }
    CHECK_STATUS(worst, EML_OK);
    expect_no_growth(before, "one row");
    before = usage_now();
    for (int i = 0; i < CALLS / 100; i++) {
      eml_status status = eml_model_forward(model, x, 100, y, 0);
      if (status != EML_OK) worst = status;
    }
    CHECK_STATUS(worst, EML_OK);
    expect_no_growth(before, "a hundred rows");
    CHECK_OK(eml_model_free(model));
  }
}

static void attention_allocates_nothing(void) {
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 4, 2, 2);
    double x[8 * 10], y[8 * 10];
    fill_uniform(x, 80, 1, 0, 1);
    for (int i = 0; i < 100; i++) CHECK_OK(eml_attention_forward(attention, x, 10, y, 0));
    usage before = usage_now();
    eml_status worst = EML_OK;
    for (int i = 0; i < CALLS / 10; i++) {
      eml_status status = eml_attention_forward(attention, x + 8 * (i % 10), 1, y, 0);
      if (status != EML_OK) worst = status;
    }
    CHECK_STATUS(worst, EML_OK);
    expect_no_growth(before, "a sequence");
    CHECK_OK(eml_attention_free(attention));
  }
}

static void small_calls_allocate_nothing(void) {
  usage before = usage_now();
  double sum = 0;
  for (int i = 0; i < CALLS; i++) {
    if (eml_build_info()[0] != '{' || eml_status_name(i % 5 - 4)[0] != 'E') CHECK(0);
    sum += eml_math_exp(i % 7) + eml_math_ln(1 + i % 7) + eml_math_pow(i % 7, 0.5) + eml_operator_eml(0, 1 + i % 7);
  }
  CHECK(sum > 0);
  expect_no_growth(before, "small calls");
}

/* A step allocates nothing, and what a machine remembers does not grow with them. */
static void machine_steps_allocate_nothing(void) {
  static const eml_instruction program[] = {
      {EML_OP_CONST, 255}, {EML_OP_LOCAL_SET, 0}, {EML_OP_LOOP, EML_NO_OPERAND}, {EML_OP_CONST, 255}, {EML_OP_LOCAL_SET, 1},
      {EML_OP_LOOP, EML_NO_OPERAND}, {EML_OP_LOCAL_GET, 1}, {EML_OP_CONST, 1}, {EML_OP_SUB, EML_NO_OPERAND},
      {EML_OP_LOCAL_TEE, 1}, {EML_OP_BR_IF, 0}, {EML_OP_END_LOOP, EML_NO_OPERAND}, {EML_OP_LOCAL_GET, 0}, {EML_OP_CONST, 1},
      {EML_OP_SUB, EML_NO_OPERAND}, {EML_OP_LOCAL_TEE, 0}, {EML_OP_BR_IF, 0}, {EML_OP_END_LOOP, EML_NO_OPERAND},
      {EML_OP_HALT, EML_NO_OPERAND}};
  eml_machine *machine = NULL;
  CHECK_OK(eml_machine_create(NULL, &machine));
  CHECK_OK(eml_machine_load(machine, program, sizeof program / sizeof program[0]));
  CHECK_STATUS(eml_machine_run(machine, 5000, NULL, NULL, NULL), EML_OUT_OF_FUEL);
  usage before = usage_now();
  CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
  expect_no_growth(before, "320,000 instructions");
  CHECK_OK(eml_machine_free(machine));
}

/* Freed memory is given back, whatever the collector's mood. */
static void objects_are_given_back(void) {
  eml_safetree *tree = NULL;
  eml_model *model = new_model(EML_PROFILE_EML_CORE_0_1, 2, 1, 100000); /* 1.6 MB of parameters */
  eml_buffer *buffer = NULL;
  usage before = usage_now();
  for (int i = 0; i < 300; i++) {
    CHECK_OK(eml_model_export_buffer(model, EML_FORMAT_SAFETENSORS, &buffer));
    CHECK_OK(eml_buffer_free(buffer));
  }
  long kept = usage_now().heap - before.heap; /* a buffer lies outside the collector's reach: free frees it at once */
  CHECK_THAT(kept < 8 * MiB, "300 freed buffers of 1.6 MB keep %ld MiB of the C heap", kept / MiB);
  CHECK_OK(eml_model_free(model));
  for (int i = 0; i < 100; i++) {
    CHECK_OK(eml_safetree_create(1, 32 * 1024, 8, &tree)); /* 2 MiB of parameters */
    CHECK_OK(eml_safetree_free(tree));
  }
  kept = usage_now().resident - before.resident;
  CHECK_THAT(kept < 100 * MiB, "100 freed trees and 300 freed buffers of 2 MiB keep %ld MiB", kept / MiB);
}

/* The measurement sees managed allocations: failing calls make exceptions and messages. */
static void the_measurement_can_fail(void) {
  usage before = usage_now();
  for (int i = 0; i < 50000; i++) CHECK_STATUS(eml_tree_param_count(9, (uint64_t)i, &(uint64_t){0}), EML_E_ARGUMENT);
  long grown = usage_now().resident - before.resident;
  CHECK_THAT(grown > 2 * MiB, "50,000 failures show as %ld KiB only: allocations go unnoticed", grown / 1024);
}

int main(void) {
  /* A wide allocation budget, so that the collector does not hide what is allocated. */
  setenv("DOTNET_GCgen0size", "10000000", 1); /* hexadecimal: 256 MiB */
  RUN(predictions_allocate_nothing);
  RUN(attention_allocates_nothing);
  RUN(machine_steps_allocate_nothing);
  RUN(small_calls_allocate_nothing);
  RUN(the_measurement_can_fail);
  RUN(objects_are_given_back);
  return test_summary("memory");
}
