/*
 * model.c - models without training: creation and limits, parameters, scaling, samples, forward, the operators and
 * EmlTree.
 */
#include "fixture.h"

static eml_status create(int32_t profile, uint32_t depth, uint64_t inputs, uint64_t heads) {
  eml_model_options options;
  eml_model *model = POISON;
  CHECK_OK(eml_model_options_init(&options, sizeof options));
  options.profile = profile;
  options.depth = depth;
  options.inputs = inputs;
  options.heads = heads;
  eml_status status = eml_model_create(&options, &model);
  if (status == EML_OK) {
    eml_model_info info = model_info(model);
    CHECK(info.depth == depth && info.inputs == inputs && info.heads == heads && info.profile == profile);
    CHECK(info.sample_count == 0 && info.event_count == 0 && info.trained == 0 && info.scaled == 0);
    CHECK_OK(eml_model_free(model));
  } else {
    CHECK(model == NULL);
  }
  return status;
}

static void creation_limits(void) {
  for (int p = 0; p < 2; p++) {
    int32_t profile = both_profiles[p];
    for (uint32_t depth = 2; depth <= 5; depth++) CHECK_OK(create(profile, depth, 3, 2));
    CHECK_STATUS(create(profile, 0, 3, 2), EML_E_ARGUMENT);
    CHECK_STATUS(create(profile, 1, 3, 2), EML_E_ARGUMENT);
    CHECK_STATUS(create(profile, 6, 3, 2), EML_E_ARGUMENT);
    CHECK_STATUS(create(profile, UINT32_MAX, 3, 2), EML_E_ARGUMENT);
    CHECK_STATUS(create(profile, 2, 3, 0), EML_E_ARGUMENT);
    CHECK_OK(create(profile, 2, 1u << 20, 1));
    CHECK_OK(create(profile, 2, 1, 1u << 20));
    CHECK_STATUS(create(profile, 2, (1u << 20) + 1, 1), EML_E_LIMIT);
    CHECK_STATUS(create(profile, 2, 1, (1u << 20) + 1), EML_E_LIMIT);
    CHECK_STATUS(create(profile, 2, UINT64_MAX, 1), EML_E_LIMIT);
    CHECK_STATUS(create(profile, 2, 1, UINT64_MAX), EML_E_LIMIT);
    CHECK_STATUS(create(profile, 5, UINT64_C(1) << 63, UINT64_C(1) << 63), EML_E_LIMIT);
  }
  CHECK_STATUS(create(EML_PROFILE_DEFAULT, 2, 0, 1), EML_E_ARGUMENT);
  CHECK_OK(create(EML_PROFILE_EML_CORE_0_1, 2, 0, 1));
  CHECK_STATUS(create(0, 2, 1, 1), EML_E_ARGUMENT);
  CHECK_STATUS(create(3, 2, 1, 1), EML_E_ARGUMENT);
}

static void core_param_counts(void) {
  static const uint64_t base[4] = {24, 32, 44, 56}; /* eml-core: depth 2..5, without the 2 of each head */
  for (uint32_t depth = 2; depth <= 5; depth++) {
    eml_model *model = new_model(EML_PROFILE_EML_CORE_0_1, depth, 7, 3);
    CHECK_THAT(model_info(model).param_count == base[depth - 2] + 6, "depth %u: %" PRIu64, depth,
               model_info(model).param_count);
    CHECK_OK(eml_model_free(model));
  }
}

static void params_keep_their_bits(void) {
  static const uint64_t special[] = {
      0x8000000000000000u, /* -0.0 */
      0x0000000000000001u, /* smallest subnormal */
      0x800fffffffffffffu, 0x0010000000000000u, 0x7fefffffffffffffu, 0xffefffffffffffffu, 0x3fd5555555555555u,
  };
  for (int p = 0; p < 2; p++) {
    eml_model *model = new_model(both_profiles[p], 3, 2, 1);
    uint64_t n = model_info(model).param_count;
    double *in = new_doubles(n), *out = new_doubles(n);
    fill_uniform(in, n, 3, -1e3, 1e3);
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) in[i] = from_bits(special[i]);
    CHECK_OK(eml_model_set_params(model, in, n, 0));
    CHECK_OK(eml_model_get_params(model, out, n));
    CHECK(same_bits(in, out, n));
    CHECK_STATUS(eml_model_set_params(model, in, n - 1, 0), EML_E_SHAPE);
    CHECK_STATUS(eml_model_set_params(model, in, n + 1, 0), EML_E_SHAPE);
    CHECK_STATUS(eml_model_set_params(model, in, 0, 0), EML_E_SHAPE);
    CHECK(eml_model_set_params(model, in, UINT64_MAX, 0) < 0);
    CHECK_STATUS(eml_model_get_params(model, out, n + 1), EML_E_SHAPE);

    in[5] = 77;
    in[17] = nan_value();
    CHECK_STATUS(eml_model_set_params(model, in, n, 0), EML_E_NONFINITE);
    CHECK_THAT(contains(last_error().message, "17"), "%s", last_error().message);
    CHECK_OK(eml_model_get_params(model, out, n));
    CHECK(out[5] != 77); /* nothing was taken over */
    in[17] = -infinity();
    CHECK_STATUS(eml_model_set_params(model, in, n, 0), EML_E_NONFINITE);
    in[17] = nan_value();
    CHECK_OK(eml_model_set_params(model, in, n, EML_ALLOW_NONFINITE));
    CHECK_OK(eml_model_get_params(model, out, n));
    CHECK(out[5] == 77 && out[17] != out[17]);
    CHECK_STATUS(eml_model_set_params(model, in, n, 2u), EML_E_ARGUMENT); /* an unknown flag */
    free(in);
    free(out);
    CHECK_OK(eml_model_set_trained(model, 1));
    CHECK(model_info(model).trained == 1);
    CHECK_OK(eml_model_set_trained(model, 0));
    CHECK(model_info(model).trained == 0);
    CHECK_OK(eml_model_free(model));
  }
}

static void forward_rows(void) {
  enum { ROWS = 37, INPUTS = 3, HEADS = 2 }; /* no multiple of any vector width */
  for (int p = 0; p < 2; p++) {
    for (uint32_t depth = 2; depth <= 5; depth++) {
      eml_model *model = random_model(both_profiles[p], depth, INPUTS, HEADS);
      double x[ROWS * INPUTS], y[ROWS * HEADS], row[HEADS];
      fill_uniform(x, ROWS * INPUTS, 9, -2, 2);
      CHECK_OK(eml_model_forward(model, x, ROWS, y, 0));
      int differ = 0;
      for (int r = 0; r < ROWS; r++) { /* one row at a time gives the bits of the batch */
        CHECK_OK(eml_model_forward(model, x + r * INPUTS, 1, row, 0));
        CHECK_THAT(same_bits(row, y + r * HEADS, HEADS), "depth %u row %d", depth, r);
        differ |= row[0] != y[0];
      }
      /* eml-core's deep trees saturate with random parameters. */
      CHECK_THAT(differ || both_profiles[p] == EML_PROFILE_EML_CORE_0_1, "depth %u: the output is constant", depth);
      CHECK_OK(eml_model_free(model));
    }
  }
}

static void forward_refuses_nonfinite(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = random_model(both_profiles[p], 3, 4, 1);
    double x[50 * 4], y[50];
    fill_uniform(x, 200, 2, 0, 1);
    x[41 * 4 + 2] = infinity();
    CHECK_STATUS(eml_model_forward(model, x, 50, y, 0), EML_E_NONFINITE);
    const char *message = last_error().message;
    CHECK_THAT(contains(message, "row 41") && contains(message, "column 2"), "%s", message);
    CHECK_OK(eml_model_forward(model, x, 50, y, EML_ALLOW_NONFINITE));
    CHECK(y[0] == y[0]);
    CHECK_STATUS(eml_model_forward(model, x, 50, y, 0x80u), EML_E_ARGUMENT);
    CHECK_OK(eml_model_free(model));
  }
}

static void core_without_inputs(void) {
  eml_model *model = new_model(EML_PROFILE_EML_CORE_0_1, 2, 0, 1);
  double x = 0, y = 0;
  CHECK_STATUS(eml_model_forward(model, &x, 1, &y, 0), EML_E_STATE);
  CHECK_OK(eml_model_free(model));
}

/* Refused before any row is read: the arrays here are short. */
static void rows_too_many(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 8, 8);
  double v[8] = {0};
  CHECK(eml_model_forward(model, v, UINT64_MAX, v, 0) < 0);
  CHECK(eml_model_forward(model, v, UINT64_C(1) << 61, v, 0) < 0);
  CHECK_STATUS(eml_model_record(model, v, v, NULL, UINT64_MAX, 0), EML_E_LIMIT);
  CHECK_STATUS(eml_model_record(model, v, v, NULL, UINT64_C(1) << 61, 0), EML_E_LIMIT);
  CHECK_STATUS(eml_model_record(model, v, v, NULL, (1u << 27) + 1, 0), EML_E_LIMIT);
  CHECK(model_info(model).sample_count == 0);
  CHECK(eml_math_exp_batch(v, UINT64_C(1) << 62, v) < 0);
  CHECK_OK(eml_model_free(model));
}

/* ------------------------------------------------------------------------------------------------ samples */

static double loss_of(const eml_model *model) {
  double loss = -1;
  CHECK_OK(eml_model_loss(model, &loss));
  return loss;
}

static void record_and_loss(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = random_model(both_profiles[p], 3, 2, 2);
    CHECK(loss_of(model) == 0x1.fffffffffffffp1023); /* nothing to compare */
    record_samples(model, 7, 1);
    record_samples(model, 6, 2);
    CHECK(model_info(model).sample_count == 13);
    double loss = loss_of(model);
    CHECK(loss > 0 && loss < 1e9);

    double x[2] = {0.5, 0.5}, t[2] = {1, 2};
    uint8_t none[2] = {0, 0};
    CHECK_OK(eml_model_record(model, x, t, none, 1, 0)); /* no target known: does not count */
    CHECK(model_info(model).sample_count == 14);
    CHECK(loss_of(model) == loss);
    CHECK_OK(eml_model_clear_samples(model));
    CHECK(model_info(model).sample_count == 0);
    CHECK_OK(eml_model_record(model, x, t, none, 1, 0));
    CHECK(loss_of(model) == 0x1.fffffffffffffp1023);
    CHECK_OK(eml_model_free(model));
  }
}

/* eml-core's loss: sum of w (y - t)^2 / sum of w, w = 1 for head 0 and 0.3 for others, absent targets skipped. */
static void core_loss_formula(void) {
  enum { ROWS = 11 };
  eml_model *model = random_model(EML_PROFILE_EML_CORE_0_1, 4, 3, 2);
  double x[ROWS * 3], t[ROWS * 2], y[ROWS * 2], sum = 0, weights = 0;
  uint8_t present[ROWS * 2];
  fill_uniform(x, ROWS * 3, 5, 0, 1);
  fill_uniform(t, ROWS * 2, 6, 0, 2);
  for (int i = 0; i < ROWS * 2; i++) {
    present[i] = i % 3 != 1;
    if (!present[i]) t[i] = nan_value(); /* not known: not looked at */
  }
  CHECK_OK(eml_model_record(model, x, t, present, ROWS, 0));
  CHECK_OK(eml_model_forward(model, x, ROWS, y, 0));
  for (int i = 0; i < ROWS * 2; i++) {
    if (!present[i]) continue;
    double w = i % 2 == 0 ? 1.0 : 0.3, d = y[i] - t[i];
    sum += w * (d * d);
    weights += w;
  }
  double loss = loss_of(model), want = sum / weights;
  CHECK_THAT(same_bits(&loss, &want, 1), "%a, expected %a", loss, want);
  CHECK_OK(eml_model_free(model));
}

static void record_refuses_nonfinite(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 3, 2);
  double x[30 * 3], t[30 * 2];
  fill_uniform(x, 90, 1, 0, 1);
  fill_uniform(t, 60, 2, 0, 1);
  x[22 * 3 + 1] = nan_value();
  CHECK_STATUS(eml_model_record(model, x, t, NULL, 30, 0), EML_E_NONFINITE);
  const char *message = last_error().message;
  CHECK_THAT(contains(message, "row 22") && contains(message, "column 1"), "%s", message);
  CHECK(model_info(model).sample_count == 0);
  x[22 * 3 + 1] = 0;
  t[27 * 2 + 1] = infinity();
  CHECK_STATUS(eml_model_record(model, x, t, NULL, 30, 0), EML_E_NONFINITE);
  message = last_error().message;
  CHECK_THAT(contains(message, "row 27") && contains(message, "column 1"), "%s", message);
  CHECK(model_info(model).sample_count == 0);
  CHECK_OK(eml_model_record(model, x, t, NULL, 30, EML_ALLOW_NONFINITE));
  CHECK(model_info(model).sample_count == 30);
  CHECK_OK(eml_model_free(model));
}

/* ------------------------------------------------------------------------------------------------ scaling */

static void scaling(void) {
  enum { ROWS = 9 };
  static const double in[6] = {100, 0.25, -3, 8, 0.5, -2}, out[4] = {1000, 0.125, -7, 4};
  for (int p = 0; p < 2; p++) {
    eml_model *model = random_model(both_profiles[p], 3, 3, 2);
    double pairs[6], targets[4], x[ROWS * 3], inner[ROWS * 3], y[ROWS * 2], want[ROWS * 2];
    CHECK_OK(eml_model_get_scaling(model, pairs, targets));
    for (int i = 0; i < 3; i++) CHECK(pairs[2 * i] == 0 && pairs[2 * i + 1] == 1);
    for (int i = 0; i < 2; i++) CHECK(targets[2 * i] == 0 && targets[2 * i + 1] == 1);

    fill_uniform(x, ROWS * 3, 4, -10, 110);
    for (int i = 0; i < ROWS * 3; i++) inner[i] = (x[i] - in[2 * (i % 3)]) * in[2 * (i % 3) + 1];
    CHECK_OK(eml_model_forward(model, inner, ROWS, want, 0));
    for (int i = 0; i < ROWS * 2; i++) want[i] = out[2 * (i % 2)] + want[i] / out[2 * (i % 2) + 1];
    CHECK_OK(eml_model_set_scaling(model, in, out));
    CHECK(model_info(model).scaled == 1);
    CHECK_OK(eml_model_forward(model, x, ROWS, y, 0));
    CHECK(same_bits(y, want, ROWS * 2));
    CHECK_OK(eml_model_forward(model, x, 1, y, 0)); /* the one-row path as well */
    CHECK(same_bits(y, want, 2));
    CHECK_OK(eml_model_get_scaling(model, pairs, NULL));
    CHECK_OK(eml_model_get_scaling(model, NULL, targets));
    CHECK(same_bits(pairs, in, 6) && same_bits(targets, out, 4));

    double bad[6] = {0, 1, 0, 0, 0, 1}; /* a factor of 0 */
    CHECK_STATUS(eml_model_set_scaling(model, bad, out), EML_E_ARGUMENT);
    bad[3] = infinity();
    CHECK(eml_model_set_scaling(model, bad, out) < 0);
    bad[3] = 1;
    bad[0] = nan_value();
    CHECK(eml_model_set_scaling(model, bad, out) < 0);
    CHECK_OK(eml_model_get_scaling(model, pairs, targets));
    CHECK(same_bits(pairs, in, 6) && same_bits(targets, out, 4));
    CHECK_OK(eml_model_set_scaling(model, NULL, NULL));
    CHECK(model_info(model).scaled == 0);
    CHECK_OK(eml_model_free(model));
  }
}

static void fitted_scaling(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 3, 2, 1);
  CHECK_STATUS(eml_model_fit_scaling(model), EML_E_STATE);
  double x[6] = {10, 7, 30, 7, 20, 7}, t[3] = {-5, 5, 15}, pairs[4], target[2];
  CHECK_OK(eml_model_record(model, x, t, NULL, 3, 0));
  CHECK_OK(eml_model_fit_scaling(model));
  CHECK(model_info(model).scaled == 1 && model_info(model).sample_count == 3);
  CHECK_OK(eml_model_get_scaling(model, pairs, target));
  CHECK(pairs[0] == 10 && pairs[1] == 1.0 / 20);
  CHECK_THAT(pairs[3] != 0 && pairs[3] - pairs[3] == 0, "a constant column has the factor %g", pairs[3]);
  CHECK(target[0] == -5 && target[1] == 1.0 / 20);
  CHECK_OK(eml_model_free(model));
}

static void clones(void) {
  static const double in[4] = {1, 2, 3, 4}, out[2] = {5, 6};
  eml_model *model = random_model(EML_PROFILE_DEFAULT, 4, 2, 1), *copy = NULL;
  CHECK_OK(eml_model_set_name(model, "original", EML_NTS));
  CHECK_OK(eml_model_set_metadata(model, "k", EML_NTS, "v", EML_NTS));
  CHECK_OK(eml_model_set_scaling(model, in, out));
  record_samples(model, 12, 3);
  CHECK_OK(eml_model_set_trained(model, 1));
  eml_event event;
  memset(&event, 0, sizeof event);
  event.struct_size = sizeof event;
  event.type = EML_EVENT_DRIFT;
  event.value2 = 12.5;
  CHECK_OK(eml_model_push_event(model, &event));
  CHECK_OK(eml_model_clone(model, &copy));
  eml_model_info a = model_info(model), b = model_info(copy);
  CHECK(memcmp(&a, &b, sizeof a) == 0);
  CHECK(b.sample_count == 12 && b.event_count == 1 && b.scaled == 1 && b.trained == 1);
  double *p = model_params(model), *q = model_params(copy), pairs[4], target[2];
  CHECK(same_bits(p, q, a.param_count));
  CHECK(loss_of(model) == loss_of(copy));
  CHECK_OK(eml_model_get_scaling(copy, pairs, target));
  CHECK(same_bits(pairs, in, 4) && same_bits(target, out, 2));
  char text[32];
  uint64_t need = 0;
  CHECK_OK(eml_model_get_name(copy, text, sizeof text, &need));
  CHECK(strcmp(text, "original") == 0);
  CHECK_OK(eml_model_get_metadata(copy, "k", 1, text, sizeof text, &need));
  CHECK(strcmp(text, "v") == 0);
  /* From here on they are apart. */
  randomise(copy, 999);
  CHECK_OK(eml_model_set_name(copy, "copy", EML_NTS));
  CHECK_OK(eml_model_clear_samples(copy));
  free(q);
  q = model_params(model);
  CHECK(same_bits(p, q, a.param_count));
  CHECK(model_info(model).sample_count == 12);
  CHECK_OK(eml_model_get_name(model, text, sizeof text, &need));
  CHECK(strcmp(text, "original") == 0);
  CHECK_OK(eml_model_next_event(copy, &event));
  CHECK(event.value2 == 12.5 && model_info(model).event_count == 1);
  free(p);
  free(q);
  CHECK_OK(eml_model_free(model));
  CHECK_OK(eml_model_free(copy));
}

/* ------------------------------------------------------------------------------------------------ operators, EmlTree */

static void operators(void) {
  double third = 1.0 / 3, out[3];
  CHECK_OK(eml_operator_softmax3(2, 2, 2, out));
  CHECK(out[0] == third && out[1] == third && out[2] == third);
  CHECK(eml_operator_eml(1, 1) == eml_math_exp(1));
  CHECK(eml_operator_eml(0, 2) == 1 - eml_math_ln(2));
  CHECK(eml_operator_eml_safe(100, 1) == eml_math_exp(20));
  CHECK(eml_operator_eml_safe(-100, 1) == eml_math_exp(-20));
  double floor = eml_operator_eml_safe(0, 0);
  CHECK(floor == 1 - eml_math_ln(0x1p-1022));
  CHECK(eml_operator_eml_safe(0, -3) == floor && eml_operator_eml_safe(0, nan_value()) == floor);
  uint64_t state = 0xDEADBEEFCAFE1234u, again = state;
  double values[64], one;
  CHECK_OK(eml_random_restart(&state, values, 64));
  for (int i = 0; i < 64; i++) { /* in pieces as in one go; u / (4294967295 / 2) - 1 with the upper 31 bits */
    uint64_t s = again * 6364136223846793005u + 1442695040888963407u;
    CHECK_OK(eml_random_restart(&again, &one, 1));
    CHECK(again == s && one == values[i]);
    CHECK(one == (double)(s >> 33) / (4294967295.0 / 2) - 1);
  }
  CHECK(state == again);
}

static void eml_trees(void) {
  uint64_t count = 0;
  for (uint32_t depth = 2; depth <= 5; depth++) {
    CHECK_OK(eml_tree_param_count(depth, 3, &count));
    double *params = new_doubles(count + 1), x[21], y[7], one;
    fill_uniform(params, count, depth, -1, 1);
    fill_uniform(x, 21, 8, -1, 1);
    CHECK_OK(eml_tree_evaluate(depth, 3, params, count, x, 7, y, 0));
    for (int r = 0; r < 7; r++) {
      CHECK_OK(eml_tree_evaluate(depth, 3, params, count, x + 3 * r, 1, &one, 0));
      CHECK(same_bits(&one, y + r, 1));
    }
    CHECK_STATUS(eml_tree_evaluate(depth, 3, params, count - 1, x, 7, y, 0), EML_E_SHAPE);
    CHECK_STATUS(eml_tree_evaluate(depth, 3, params, count + 1, x, 7, y, 0), EML_E_SHAPE);
    CHECK_STATUS(eml_tree_evaluate(depth, 0, params, count, x, 7, y, 0), EML_E_ARGUMENT);
    params[1] = nan_value();
    CHECK_STATUS(eml_tree_evaluate(depth, 3, params, count, x, 7, y, 0), EML_E_NONFINITE);
    CHECK_OK(eml_tree_evaluate(depth, 3, params, count, x, 7, y, EML_ALLOW_NONFINITE));
    free(params);
  }
  CHECK_OK(eml_tree_param_count(2, 1, &count));
  CHECK(count == 8);
  CHECK_STATUS(eml_tree_param_count(2, 0, &count), EML_E_ARGUMENT);
  CHECK_STATUS(eml_tree_param_count(6, 1, &count), EML_E_ARGUMENT);
}

int main(void) {
  RUN(creation_limits);
  RUN(core_param_counts);
  RUN(params_keep_their_bits);
  RUN(forward_rows);
  RUN(forward_refuses_nonfinite);
  RUN(core_without_inputs);
  RUN(record_and_loss);
  RUN(core_loss_formula);
  RUN(record_refuses_nonfinite);
  RUN(scaling);
  RUN(fitted_scaling);
  RUN(clones);
  RUN(operators);
  RUN(eml_trees);
  RUN(rows_too_many);
  return test_summary("model");
}
