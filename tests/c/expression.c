/*
 * expression.c - models, trees and attention blocks written out, and snapping: the printed C, compiled against the library's
 * own exp and ln, gives the bits of forward; buffers, flags, options and refusals.
 */
#include "fixture.h"

#include <dlfcn.h>
#include <unistd.h>

typedef void (*forward_function)(const double *x, double *y);

static char folder[] = "/tmp/eml-expression-XXXXXX";

static char *text_of_model(const eml_model *model, int32_t format, uint32_t flags) {
  uint64_t need = 0;
  CHECK_STATUS(eml_model_expression(model, format, flags, NULL, 0, &need), EML_E_BUFFER);
  char *text = malloc((size_t)need);
  if (text == NULL) abort();
  memset(text, 'x', (size_t)need);
  CHECK_STATUS(eml_model_expression(model, format, flags, text, need - 1, &need), EML_E_BUFFER);
  CHECK(text[0] == 'x');
  CHECK_OK(eml_model_expression(model, format, flags, text, need, &need));
  CHECK(strlen(text) + 1 == need);
  return text;
}

/* Compiles C source whose exp and ln are the library's; the process that loads it has the library. */
static forward_function compiled(const char *source, int number) {
  char path[256], command[1024];
  snprintf(path, sizeof path, "%s/f%d.c", folder, number);
  FILE *file = fopen(path, "w");
  CHECK(file != NULL);
  if (file == NULL) return NULL;
  fprintf(file, "double eml_math_exp(double);\ndouble eml_math_ln(double);\n%s", source);
  CHECK(fclose(file) == 0);
  snprintf(command, sizeof command,
           "${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror -O2 -shared -fPIC -DEML_EXP=eml_math_exp "
           "-DEML_LN=eml_math_ln -DEML_FUNCTION=learned -o %s/f%d.so %s -lm",
           folder, number, path);
  CHECK_THAT(system(command) == 0, "%s", command);
  snprintf(path, sizeof path, "%s/f%d.so", folder, number);
  void *library = dlopen(path, RTLD_NOW);
  CHECK_THAT(library != NULL, "%s", dlerror());
  void *symbol = library == NULL ? NULL : dlsym(library, "learned");
  CHECK(symbol != NULL);
  forward_function function;
  memcpy(&function, &symbol, sizeof function);
  return function;
}

static void source_gives_the_bits(void) {
  int number = 0;
  for (int p = 0; p < 2; p++) {
    for (uint32_t depth = 2; depth <= 5; depth++) {
      eml_model *model = new_model(both_profiles[p], depth, 3, 2);
      uint64_t n = model_info(model).param_count;
      double *params = new_doubles(n), x[60], want[40], got[2];
      fill_uniform(params, n, depth, -1, 1);
      fill_uniform(x, 60, 99, -3, 3);
      CHECK_OK(eml_model_set_params(model, params, n, 0));
      const double inputs[6] = {0.25, 3, 0, 1, -1, 0.125}, targets[4] = {7, 0.5, 0, 2};
      CHECK_OK(eml_model_set_scaling(model, inputs, targets));
      CHECK_OK(eml_model_forward(model, x, 20, want, 0));
      char *source = text_of_model(model, EML_EXPRESSION_C, 0);
      forward_function learned = compiled(source, number++);
      for (int i = 0; i < 20 && learned != NULL; i++) {
        learned(x + 3 * i, got);
        CHECK_THAT(same_bits(got, want + 2 * i, 2), "profile %d, depth %u, row %d", p, depth, i);
      }
      free(source);
      free(params);
      CHECK_OK(eml_model_free(model));
    }
  }
}

static void trees(void) {
  eml_safetree *tree = NULL;
  double params[40], x[2] = {0.5, -1.5}, want, got;
  char text[16384];
  uint64_t need = 0, n = 0;
  fill_uniform(params, 40, 5, -1, 1);
  CHECK_OK(eml_safetree_create(3, 2, 1, &tree));
  CHECK_OK(eml_safetree_set_params(tree, params, 12, 0));
  CHECK_OK(eml_safetree_forward(tree, x, 1, &want, 0));
  CHECK_OK(eml_safetree_expression(tree, EML_EXPRESSION_C, text, sizeof text, &need));
  forward_function learned = compiled(text, 100);
  if (learned != NULL) learned(x, &got);
  CHECK(learned != NULL && same_bits(&got, &want, 1));
  CHECK_STATUS(eml_safetree_expression(tree, 6, text, sizeof text, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_safetree_expression(tree, EML_EXPRESSION_TEXT, text, 3, &need), EML_E_BUFFER);
  CHECK_OK(eml_safetree_free(tree));

  CHECK_OK(eml_tree_param_count(2, 2, &n));
  CHECK_OK(eml_tree_evaluate(2, 2, params, n, x, 1, &want, 0));
  CHECK_OK(eml_tree_expression(2, 2, params, n, EML_EXPRESSION_C, text, sizeof text, &need));
  learned = compiled(text, 101);
  if (learned != NULL) learned(x, &got);
  CHECK(learned != NULL && same_bits(&got, &want, 1));
  CHECK_STATUS(eml_tree_expression(2, 2, params, n - 1, EML_EXPRESSION_C, text, sizeof text, &need), EML_E_SHAPE);
  CHECK_STATUS(eml_tree_expression(2, 2, NULL, n, EML_EXPRESSION_C, text, sizeof text, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_tree_expression(6, 2, params, n, EML_EXPRESSION_C, text, sizeof text, &need), EML_E_ARGUMENT);
  params[0] = nan_value();
  CHECK_STATUS(eml_tree_expression(2, 2, params, n, EML_EXPRESSION_C, text, sizeof text, &need), EML_E_NONFINITE);
}

static eml_attention *small_attention(int32_t kind) {
  eml_attention *attention = new_attention(kind, 3, 2, 4);
  uint64_t n = attention_info(attention).param_count;
  double *params = new_doubles(n);
  fill_uniform(params, n, 17 + (uint64_t)kind, -0.9, 0.9);
  CHECK_OK(eml_attention_set_params(attention, params, n, 0));
  free(params);
  return attention;
}

static char *text_of_attention(const eml_attention *attention, int32_t format, uint32_t flags) {
  uint64_t need = 0;
  CHECK_STATUS(eml_attention_expression(attention, format, flags, NULL, 0, &need), EML_E_BUFFER);
  char *text = malloc((size_t)need);
  if (text == NULL) abort();
  memset(text, 'x', (size_t)need);
  CHECK_STATUS(eml_attention_expression(attention, format, flags, text, need - 1, &need), EML_E_BUFFER);
  CHECK(text[0] == 'x');
  CHECK_OK(eml_attention_expression(attention, format, flags, text, need, &need));
  CHECK(strlen(text) + 1 == need);
  return text;
}

/* Blocks of all kinds; a TOY also with the softmax that it has learned. */
static void source_of_attention_gives_the_bits(void) {
  enum { ROWS = 40, WIDTH = 12 };
  for (int k = 0; k < 4; k++) {
    eml_attention *attention = small_attention(attention_kinds[k % 3]);
    CHECK_OK(eml_attention_set_trained(attention, k == 3));
    double x[ROWS * WIDTH], want[ROWS * WIDTH], got[WIDTH];
    fill_uniform(x, ROWS * WIDTH, 5, -3, 3);
    CHECK_OK(eml_attention_forward(attention, x, ROWS, want, 0));
    char *source = text_of_attention(attention, EML_EXPRESSION_C, 0);
    forward_function learned = compiled(source, 200 + k);
    for (int i = 0; i < ROWS && learned != NULL; i++) {
      learned(x + WIDTH * i, got);
      CHECK_THAT(same_bits(got, want + WIDTH * i, WIDTH), "block %d, row %d", k, i);
    }
    free(source);

    source = text_of_attention(attention, EML_EXPRESSION_RUST, 0);
    CHECK(contains(source, "pub fn forward(x: &[f64; 12]) -> [f64; 12]"));
    free(source);
    uint64_t need = 0;
    CHECK_STATUS(eml_attention_expression(attention, EML_EXPRESSION_TEXT, EML_WITHIN_SAMPLES, NULL, 0, &need), EML_E_STATE);
    CHECK_STATUS(eml_attention_expression(attention, EML_EXPRESSION_TEXT, 2, NULL, 0, &need), EML_E_ARGUMENT);
    CHECK_STATUS(eml_attention_expression(attention, 0, 0, NULL, 0, &need), EML_E_ARGUMENT);
    CHECK_STATUS(eml_attention_expression(attention, EML_EXPRESSION_TEXT, 0, NULL, 0, NULL), EML_E_ARGUMENT);
    record_sequences(attention, 3, 1);
    free(text_of_attention(attention, EML_EXPRESSION_LATEX, EML_WITHIN_SAMPLES));
    CHECK_OK(eml_attention_free(attention));
  }
  eml_attention *large = new_attention(EML_ATTENTION_BLOCK, 128, 128, 64);
  uint64_t need = 0;
  CHECK_STATUS(eml_attention_expression(large, EML_EXPRESSION_TEXT, 0, NULL, 0, &need), EML_E_LIMIT);
  CHECK_OK(eml_attention_free(large));
}

static eml_model *linear(void) { /* y = x0 + x1/2, trained */
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 3, 2, 1);
  double x[120], y[60];
  fill_uniform(x, 120, 3, 0, 4);
  for (int i = 0; i < 60; i++) y[i] = x[2 * i] + x[2 * i + 1] / 2;
  CHECK_OK(eml_model_record(model, x, y, NULL, 60, 0));
  CHECK_OK(eml_model_fit_scaling(model));
  CHECK_OK(eml_model_train(model, NULL, NULL));
  return model;
}

static void snapping(void) {
  eml_model *model = linear();
  eml_snap_options options;
  eml_snap_result result;
  uint64_t snapped[64];
  memset(snapped, 0xff, sizeof snapped);
  CHECK_OK(eml_snap_options_init(&options, sizeof options));
  CHECK(options.tolerance == 0.05 && options.max_loss_increase == 0.05 && options.max_loss == 0);
  memset(&result, 0, sizeof result);
  result.struct_size = sizeof result;
  CHECK_OK(eml_model_snap(model, &options, snapped, 2, &result));
  CHECK(result.unscaled == 1 && model_info(model).scaled == 0);
  CHECK(result.snapped > 2 && snapped[0] < model_info(model).param_count && snapped[1] < model_info(model).param_count);
  CHECK(snapped[2] == UINT64_MAX);
  CHECK(result.loss_after <= result.loss_allowed && result.evaluations > 0);
  char *text = text_of_model(model, EML_EXPRESSION_TEXT, 0);
  CHECK_THAT(strcmp(text, "y = x0 + 0.5*x1\n") == 0, "%s", text);
  free(text);
  free(text_of_model(model, EML_EXPRESSION_LATEX, EML_WITHIN_SAMPLES));

  options.tolerance = -1;
  CHECK_STATUS(eml_model_snap(model, &options, NULL, 0, NULL), EML_E_ARGUMENT);
  options.tolerance = 0.05;
  options.reserved = 1;
  CHECK_STATUS(eml_model_snap(model, &options, NULL, 0, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_model_snap(model, NULL, NULL, 1, NULL), EML_E_ARGUMENT);
  CHECK_OK(eml_model_clear_samples(model));
  CHECK_STATUS(eml_model_snap(model, NULL, NULL, 0, NULL), EML_E_STATE);
  uint64_t need = 0;
  CHECK_STATUS(eml_model_expression(model, EML_EXPRESSION_TEXT, EML_WITHIN_SAMPLES, NULL, 0, &need), EML_E_STATE);
  CHECK_STATUS(eml_model_expression(model, EML_EXPRESSION_TEXT, 2, NULL, 0, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_model_expression(model, 0, 0, NULL, 0, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_model_expression(model, EML_EXPRESSION_TEXT, 0, NULL, 0, NULL), EML_E_ARGUMENT);
  CHECK_OK(eml_model_free(model));
}

static int32_t stop_with_9(const eml_progress *progress, void *user) {
  CHECK(progress->phase == EML_PHASE_SNAP && user == folder);
  return 9;
}

/* What a block answers recorded as its targets, its parameters disturbed: snapping finds the simple ones again. */
static void snapping_of_attention(void) {
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 2, 1, 2);
    uint64_t n = attention_info(attention).param_count, found = 0;
    double *simple = new_doubles(n), *params = new_doubles(n), x[160], y[160], loss = -1;
    uint64_t *snapped = malloc((size_t)(2 * n) * sizeof *snapped), seed = 3;
    if (snapped == NULL) abort();
    memset(snapped, 0xff, (size_t)(2 * n) * sizeof *snapped);
    for (uint64_t i = 0; i < n; i++) {
      simple[i] = i % 5 == 0 ? 0.5 : i % 5 == 1 ? -0.25 : 0;
      params[i] = simple[i] + uniform(&seed, -1e-9, 1e-9);
    }
    CHECK_OK(eml_attention_set_params(attention, simple, n, 0));
    fill_uniform(x, 160, 9, -1, 1);
    CHECK_OK(eml_attention_forward(attention, x, 40, y, 0));
    CHECK_STATUS(eml_attention_snap(attention, NULL, NULL, 0, NULL), EML_E_STATE);
    CHECK_OK(eml_attention_record(attention, x, y, 40, 0));
    CHECK_OK(eml_attention_set_params(attention, params, n, 0));

    eml_snap_options options;
    CHECK_OK(eml_snap_options_init(&options, sizeof options));
    options.tolerance = -1;
    CHECK_STATUS(eml_attention_snap(attention, &options, NULL, 0, NULL), EML_E_ARGUMENT);
    options.tolerance = 0.05;
    options.reserved = 1;
    CHECK_STATUS(eml_attention_snap(attention, &options, NULL, 0, NULL), EML_E_ARGUMENT);
    CHECK_STATUS(eml_attention_snap(attention, NULL, NULL, 1, NULL), EML_E_ARGUMENT);
    options.reserved = 0;
    options.progress = stop_with_9;
    options.user = folder;
    CHECK_STATUS(eml_attention_snap(attention, &options, NULL, 0, NULL), EML_CANCELLED);
    CHECK(last_error().sub_code == 9);
    options.progress = NULL;
    CHECK_OK(eml_attention_set_params(attention, params, n, 0));

    eml_snap_result result;
    memset(&result, 0, sizeof result);
    result.struct_size = sizeof result;
    CHECK_OK(eml_attention_snap(attention, &options, snapped, 2, &result));
    CHECK(result.unscaled == 0 && result.snapped > 2 && result.evaluations > 0);
    CHECK(snapped[0] < n && snapped[1] < n && snapped[2] == UINT64_MAX);
    CHECK_OK(eml_attention_loss(attention, &loss));
    CHECK(result.loss_after <= result.loss_allowed && loss <= result.loss_allowed);
    CHECK_OK(eml_attention_get_params(attention, params, n));
    for (uint64_t i = 0; i < n; i++) found += params[i] == simple[i];
    CHECK_THAT(found >= n - n / 10, "kind %d: %d of %d came back", k, (int)found, (int)n);
    free(simple);
    free(params);
    free(snapped);
    CHECK_OK(eml_attention_free(attention));
  }
}

static void stopping(void) {
  eml_model *model = linear();
  eml_snap_options options;
  eml_cancel *cancel = NULL;
  CHECK_OK(eml_snap_options_init(&options, sizeof options));
  CHECK_OK(eml_cancel_create(&cancel));
  CHECK_OK(eml_cancel_set(cancel));
  options.cancel = cancel;
  CHECK_STATUS(eml_model_snap(model, &options, NULL, 0, NULL), EML_CANCELLED);
  CHECK(model_info(model).scaled == 1); /* nothing was snapped yet */
  options.cancel = NULL;
  options.progress = stop_with_9;
  options.user = folder;
  CHECK_STATUS(eml_model_snap(model, &options, NULL, 0, NULL), EML_CANCELLED);
  CHECK(last_error().sub_code == 9);
  CHECK_OK(eml_cancel_free(cancel));
  CHECK_OK(eml_model_free(model));
}

int main(void) {
  if (mkdtemp(folder) == NULL) return 2;
  RUN(source_gives_the_bits);
  RUN(trees);
  RUN(source_of_attention_gives_the_bits);
  RUN(snapping);
  RUN(snapping_of_attention);
  RUN(stopping);
  char command[256];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  CHECK(system(command) == 0);
  return test_summary("expression");
}
