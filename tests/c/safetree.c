/*
 * safetree.c - SafeTree: creation and limits, parameters, forward against its definition, all four formats.
 */
#include "fixture.h"

#include <unistd.h>

static eml_safetree_info info_of(const eml_safetree *tree) {
  eml_safetree_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK_OK(eml_safetree_get_info(tree, &info));
  return info;
}

static eml_safetree *random_tree(uint32_t depth, uint64_t inputs, uint64_t heads) {
  eml_safetree *tree = NULL;
  CHECK_OK(eml_safetree_create(depth, inputs, heads, &tree));
  uint64_t n = info_of(tree).param_count;
  double *params = new_doubles(n);
  fill_uniform(params, n, 11 * depth + inputs + heads, -0.5, 0.5);
  CHECK_OK(eml_safetree_set_params(tree, params, n, 0));
  free(params);
  return tree;
}

static void creation(void) {
  eml_safetree *tree = NULL;
  CHECK_OK(eml_safetree_create(3, 5, 2, &tree));
  eml_safetree_info info = info_of(tree);
  CHECK(info.depth == 3 && info.inputs == 5 && info.heads == 2 && info.param_count == 10 + 2 + 2 * 3 * 3);
  double params[30], x[5] = {1, 2, 3, 4, 5}, y[2];
  CHECK_OK(eml_safetree_get_params(tree, params, info.param_count));
  for (uint64_t i = 0; i < info.param_count; i++) CHECK(bits_of(params[i]) == 0);
  CHECK_OK(eml_safetree_forward(tree, x, 1, y, 0));
  CHECK_OK(eml_safetree_free(tree));
  CHECK_OK(eml_safetree_create(1024, 1, 1, &tree));
  CHECK_OK(eml_safetree_free(tree));
  CHECK_STATUS(eml_safetree_create(1025, 1, 1, &tree), EML_E_LIMIT);
  CHECK_STATUS(eml_safetree_create(UINT32_MAX, 1, 1, &tree), EML_E_LIMIT);
  CHECK_STATUS(eml_safetree_create(1, 1u << 27, 1, &tree), EML_E_LIMIT); /* weights alone fill the limit */
  CHECK_STATUS(eml_safetree_create(1, UINT64_C(1) << 40, UINT64_C(1) << 40, &tree), EML_E_LIMIT);
  CHECK_STATUS(eml_safetree_create(1, UINT64_MAX, UINT64_MAX, &tree), EML_E_LIMIT);
  CHECK_STATUS(eml_safetree_create(1024, 1, UINT64_C(1) << 60, &tree), EML_E_LIMIT);
  CHECK(tree == NULL);
}

/* v = bias + weight . x in order; `depth` times v <- eml_safe(v c0 + c1, |v| + c2 + 1). */
static void forward_by_definition(void) {
  enum { ROWS = 21 };
  static const uint32_t depths[] = {0, 1, 2, 4, 7};
  for (int d = 0; d < 5; d++) {
    uint32_t depth = depths[d];
    eml_safetree *tree = random_tree(depth, 3, 2);
    uint64_t n = info_of(tree).param_count;
    double *params = new_doubles(n), x[ROWS * 3], y[ROWS * 2], row[2];
    CHECK_OK(eml_safetree_get_params(tree, params, n));
    fill_uniform(x, ROWS * 3, 5, -2, 2);
    CHECK_OK(eml_safetree_forward(tree, x, ROWS, y, 0));
    for (int r = 0; r < ROWS; r++) {
      for (int h = 0; h < 2; h++) {
        double v = params[6 + h];
        for (int i = 0; i < 3; i++) v += params[3 * h + i] * x[3 * r + i];
        for (uint32_t level = 0; level < depth; level++) {
          const double *c = params + 8 + (h * depth + level) * 3;
          v = eml_operator_eml_safe(v * c[0] + c[1], (v < 0 ? -v : v) + c[2] + 1);
        }
        CHECK_THAT(same_bits(&v, &y[2 * r + h], 1), "depth %u row %d head %d: %a, expected %a", depth, r, h, y[2 * r + h], v);
      }
      CHECK_OK(eml_safetree_forward(tree, x + 3 * r, 1, row, 0));
      CHECK(same_bits(row, y + 2 * r, 2));
    }
    x[13 * 3 + 1] = nan_value();
    CHECK_STATUS(eml_safetree_forward(tree, x, ROWS, y, 0), EML_E_NONFINITE);
    CHECK_THAT(contains(last_error().message, "row 13") && contains(last_error().message, "column 1"), "%s",
               last_error().message);
    CHECK_OK(eml_safetree_forward(tree, x, ROWS, y, EML_ALLOW_NONFINITE));
    CHECK_STATUS(eml_safetree_forward(tree, x, 1, y, 16u), EML_E_ARGUMENT);
    free(params);
    CHECK_OK(eml_safetree_free(tree));
  }
}

static void params_are_checked(void) {
  eml_safetree *tree = random_tree(2, 2, 2), *copy = NULL;
  uint64_t n = info_of(tree).param_count;
  double *a = new_doubles(n), *b = new_doubles(n);
  CHECK_OK(eml_safetree_get_params(tree, a, n));
  CHECK_STATUS(eml_safetree_set_params(tree, a, n - 1, 0), EML_E_SHAPE);
  CHECK(eml_safetree_set_params(tree, a, UINT64_MAX, 0) < 0);
  CHECK_STATUS(eml_safetree_get_params(tree, b, n + 1), EML_E_SHAPE);
  CHECK_OK(eml_safetree_clone(tree, &copy));
  double keep = a[4];
  a[4] = infinity();
  CHECK_STATUS(eml_safetree_set_params(tree, a, n, 0), EML_E_NONFINITE);
  CHECK_OK(eml_safetree_set_params(tree, a, n, EML_ALLOW_NONFINITE));
  CHECK_STATUS(eml_safetree_set_params(tree, a, n, 32u), EML_E_ARGUMENT);
  CHECK_OK(eml_safetree_get_params(copy, b, n));
  CHECK(b[4] == keep);
  free(a);
  free(b);
  CHECK_OK(eml_safetree_free(tree));
  CHECK_OK(eml_safetree_free(copy));
}

static const struct {
  int32_t format;
  const char *extension;
} formats[4] = {{EML_FORMAT_JSON, "json"},
                {EML_FORMAT_BROWSER, "browser.json"},
                {EML_FORMAT_SAFETENSORS, "safetensors"},
                {EML_FORMAT_PROTOBUF, "pb"}};

static void expect_same_tree(const eml_safetree *a, const eml_safetree *b) {
  eml_safetree_info i = info_of(a), j = info_of(b);
  CHECK(memcmp(&i, &j, sizeof i) == 0);
  if (i.param_count != j.param_count) return;
  double *p = new_doubles(i.param_count), *q = new_doubles(i.param_count);
  CHECK_OK(eml_safetree_get_params(a, p, i.param_count));
  CHECK_OK(eml_safetree_get_params(b, q, i.param_count));
  CHECK(same_bits(p, q, i.param_count));
  free(p);
  free(q);
}

static void round_trips(void) {
  char folder[] = "/tmp/eml-safetree-XXXXXX", path[64];
  if (mkdtemp(folder) == NULL) abort();
  static const struct {
    uint32_t depth;
    uint64_t inputs, heads;
  } shapes[] = {{3, 4, 2}, {0, 2, 1}, {1, 1, 1}, {5, 7, 9}};
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    eml_safetree *tree = random_tree(shapes[s].depth, shapes[s].inputs, shapes[s].heads);
    for (int f = 0; f < 4; f++) {
      uint64_t need = 0, len = 0;
      CHECK_STATUS(eml_safetree_export(tree, formats[f].format, NULL, 0, &need), EML_E_BUFFER);
      unsigned char *bytes = malloc((size_t)need), *again = malloc((size_t)need);
      CHECK_OK(eml_safetree_export(tree, formats[f].format, bytes, need, &len));
      for (int automatic = 0; automatic < 2; automatic++) {
        eml_safetree *back = NULL;
        CHECK_OK(eml_safetree_import(bytes, len, automatic ? EML_FORMAT_AUTO : formats[f].format, &back));
        if (back == NULL) continue;
        expect_same_tree(tree, back);
        CHECK_OK(eml_safetree_export(back, formats[f].format, again, need, &len));
        CHECK(len == need && memcmp(bytes, again, (size_t)need) == 0);
        CHECK_OK(eml_safetree_free(back));
      }
      snprintf(path, sizeof path, "%s/t.%s", folder, formats[f].extension);
      CHECK_OK(eml_safetree_save(tree, path, EML_NTS, EML_FORMAT_AUTO));
      eml_safetree *loaded = NULL;
      CHECK_OK(eml_safetree_load(path, EML_NTS, EML_FORMAT_AUTO, &loaded));
      if (loaded != NULL) expect_same_tree(tree, loaded);
      CHECK_OK(eml_safetree_free(loaded));
      FILE *file = fopen(path, "rb");
      CHECK(file != NULL && fread(again, 1, (size_t)need, file) == need && memcmp(bytes, again, (size_t)need) == 0);
      if (file != NULL) fclose(file);
      unlink(path);
      for (uint64_t cut = 0; cut < need && formats[f].format != EML_FORMAT_PROTOBUF; cut++) {
        eml_safetree *none = POISON;
        CHECK_STATUS(eml_safetree_import(bytes, cut, formats[f].format, &none), EML_E_FORMAT);
        CHECK(none == NULL);
      }
      free(bytes);
      free(again);
    }
    CHECK_OK(eml_safetree_free(tree));
  }
  CHECK(rmdir(folder) == 0); /* nothing else was left in it */
}

int main(void) {
  RUN(creation);
  RUN(forward_by_definition);
  RUN(params_are_checked);
  RUN(round_trips);
  return test_summary("safetree");
}
