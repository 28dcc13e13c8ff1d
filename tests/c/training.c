/*
 * training.c - train and distill on one thread: results, determinism, options, too few samples. Progress and cancelling
 * have callbacks.c and concurrency.c.
 */
#include "fixture.h"

static eml_train_options train_options(uint32_t max_sweeps) {
  eml_train_options options;
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  options.max_sweeps = max_sweeps;
  return options;
}

static eml_train_result empty_result(void) {
  eml_train_result result;
  memset(&result, 0, sizeof result);
  result.struct_size = sizeof result;
  return result;
}

static double loss_of(const eml_model *model) {
  double loss = -1;
  CHECK_OK(eml_model_loss(model, &loss));
  return loss;
}

static void too_few_samples(void) {
  static const struct {
    int32_t profile;
    uint64_t least;
  } profiles[2] = {{EML_PROFILE_EML_CORE_0_1, 50}, {EML_PROFILE_DEFAULT, 2}};
  for (int p = 0; p < 2; p++) {
    eml_train_options options = train_options(1);
    eml_model *model = new_model(profiles[p].profile, 2, 1, 1);
    CHECK_STATUS(eml_model_train(model, &options, NULL), EML_E_STATE);
    record_samples(model, profiles[p].least - 1, 1);
    CHECK_STATUS(eml_model_train(model, &options, NULL), EML_E_STATE);
    char number[16];
    snprintf(number, sizeof number, "%" PRIu64, profiles[p].least);
    CHECK_THAT(contains(last_error().message, number), "%s", last_error().message);
    CHECK(model_info(model).event_count == 0);
    record_samples(model, 1, 2);
    CHECK_OK(eml_model_train(model, &options, NULL));
    CHECK(model_info(model).event_count == 1);
    CHECK_OK(eml_model_free(model));
  }
}

static void results(void) {
  for (int p = 0; p < 2; p++) {
    for (uint32_t depth = 2; depth <= 5; depth++) {
      eml_model *model = new_model(both_profiles[p], depth, 2, 2);
      record_samples(model, 80, depth);
      double before = loss_of(model), *old = model_params(model);
      uint64_t n = model_info(model).param_count;
      eml_train_options options = train_options(3);
      eml_train_result result = empty_result();
      CHECK_OK(eml_model_train(model, &options, &result));
      double after = loss_of(model);
      CHECK(result.samples_used == 80);
      CHECK(same_bits(&result.loss_before, &before, 1));
      CHECK_THAT(same_bits(&result.loss_after, &after, 1), "loss_after %a, eml_model_loss %a", result.loss_after, after);
      CHECK_THAT(after < before, "profile %d depth %u: no better, %g -> %g", both_profiles[p], depth, before, after);
      CHECK(result.converged == (after < 0.01));
      CHECK(result.sweeps >= 1 && result.sweeps <= 3);
      CHECK(result.evaluations > 0 && result.accepted > 0 && result.accepted <= result.evaluations);
      double *params = model_params(model);
      CHECK(!same_bits(old, params, n));
      eml_model_info info = model_info(model);
      CHECK(info.sample_count == 80 && info.event_count == 1);
      if (both_profiles[p] == EML_PROFILE_EML_CORE_0_1) CHECK(info.trained == result.converged);

      eml_event event;
      event.struct_size = sizeof event;
      CHECK_OK(eml_model_next_event(model, &event));
      char name[32];
      snprintf(name, sizeof name, "eml_d%ux2x2", depth);
      CHECK(event.type == EML_EVENT_TRAINED && strcmp(event.model_name, name) == 0);
      CHECK(event.count0 == 80 && event.count1 == n && event.flag == result.converged);
      CHECK(event.value0 == result.loss_before && event.value1 == result.loss_after);
      free(old);
      free(params);
      CHECK_OK(eml_model_free(model));
    }
  }
}

static double *train_copy(const eml_model *model, const eml_train_options *options) {
  eml_model *copy = NULL;
  CHECK_OK(eml_model_clone(model, &copy));
  CHECK_OK(eml_model_train(copy, options, NULL));
  double *params = model_params(copy);
  CHECK_OK(eml_model_free(copy));
  return params;
}

static void determinism(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = new_model(both_profiles[p], 4, 3, 2);
    record_samples(model, 64, 7);
    uint64_t n = model_info(model).param_count;
    eml_train_options options = train_options(2);
    double *a = train_copy(model, &options), *b = train_copy(model, &options);
    CHECK(same_bits(a, b, n));
    free(b);
    if (both_profiles[p] == EML_PROFILE_DEFAULT) {
      options.seed = 12345;
      b = train_copy(model, &options);
      CHECK(!same_bits(a, b, n));
      double *c = train_copy(model, &options);
      CHECK(same_bits(b, c, n));
      free(b);
      free(c);
    }
    free(a);
    CHECK_OK(eml_model_free(model));
  }
}

/* A training goes on from what is there and never makes it worse. */
static void training_again(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = new_model(both_profiles[p], 3, 2, 1);
    record_samples(model, 60, 3);
    eml_train_options options = train_options(2);
    eml_train_result first = empty_result(), second = empty_result();
    CHECK_OK(eml_model_train(model, &options, &first));
    CHECK_OK(eml_model_train(model, &options, &second));
    CHECK(second.loss_before == first.loss_after);
    CHECK(second.loss_after <= second.loss_before);
    CHECK(model_info(model).event_count == 2);
    CHECK_OK(eml_model_free(model));
  }
}

static void absent_targets(void) {
  for (int p = 0; p < 2; p++) {
    enum { ROWS = 60 };
    eml_model *model = new_model(both_profiles[p], 2, 1, 2);
    double x[ROWS], t[ROWS * 2];
    uint8_t present[ROWS * 2];
    fill_uniform(x, ROWS, 1, 0, 1);
    for (int r = 0; r < ROWS; r++) {
      t[2 * r] = x[r] + 0.5;
      t[2 * r + 1] = nan_value();
      present[2 * r] = 1;
      present[2 * r + 1] = 0;
    }
    CHECK_OK(eml_model_record(model, x, t, present, ROWS, 0));
    eml_train_options options = train_options(5);
    eml_train_result result = empty_result();
    CHECK_OK(eml_model_train(model, &options, &result));
    CHECK(result.loss_after < result.loss_before);
    double *params = model_params(model);
    for (uint64_t i = 0; i < model_info(model).param_count; i++) CHECK(params[i] - params[i] == 0); /* finite */
    free(params);
    CHECK_OK(eml_model_free(model));
  }
}

static void refused_options(void) {
  eml_model *core = new_model(EML_PROFILE_EML_CORE_0_1, 2, 1, 1), *ours = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  record_samples(core, 60, 1);
  record_samples(ours, 60, 1);
  eml_train_options options = train_options(1);
  options.seed = 1;
  CHECK_STATUS(eml_model_train(core, &options, NULL), EML_E_ARGUMENT); /* its seed is fixed */
  options = train_options(1);
  options.target_loss = 0.5;
  CHECK_STATUS(eml_model_train(core, &options, NULL), EML_E_ARGUMENT);
  options.target_loss = nan_value();
  CHECK(eml_model_train(ours, &options, NULL) < 0);
  options.target_loss = -1;
  CHECK_STATUS(eml_model_train(ours, &options, NULL), EML_E_ARGUMENT);
  CHECK(model_info(core).event_count == 0 && model_info(ours).event_count == 0);
  CHECK_OK(eml_model_free(core));
  CHECK_OK(eml_model_free(ours));
}

static void target_loss(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 3, 1, 1);
  record_samples(model, 60, 1);
  eml_train_options options = train_options(0);
  options.target_loss = loss_of(model) * 0.9; /* easy to reach: little work */
  eml_train_result early = empty_result();
  CHECK_OK(eml_model_train(model, &options, &early));
  CHECK(early.loss_after <= options.target_loss);
  eml_model *thorough = new_model(EML_PROFILE_DEFAULT, 3, 1, 1);
  record_samples(thorough, 60, 1);
  options.target_loss = 0;
  options.max_sweeps = 20;
  eml_train_result late = empty_result();
  CHECK_OK(eml_model_train(thorough, &options, &late));
  CHECK(late.loss_after < early.loss_after && late.evaluations > early.evaluations);
  CHECK_OK(eml_model_free(model));
  CHECK_OK(eml_model_free(thorough));
}

static void scaled_training(void) {
  enum { ROWS = 60 };
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 3, 1, 1);
  double x[ROWS], t[ROWS], y[ROWS], mean = 0, residual = 0, variance = 0;
  for (int r = 0; r < ROWS; r++) {
    x[r] = 300 + 10 * r;
    t[r] = 5000 + 40 * x[r];
    mean += t[r] / ROWS;
  }
  CHECK_OK(eml_model_record(model, x, t, NULL, ROWS, 0));
  CHECK_OK(eml_model_fit_scaling(model));
  eml_train_options options = train_options(100);
  eml_train_result result = empty_result();
  CHECK_OK(eml_model_train(model, &options, &result));
  CHECK(result.loss_before < 10); /* losses are in the model's units */
  CHECK_OK(eml_model_forward(model, x, ROWS, y, 0));
  for (int r = 0; r < ROWS; r++) {
    residual += (y[r] - t[r]) * (y[r] - t[r]);
    variance += (t[r] - mean) * (t[r] - mean);
  }
  CHECK_THAT(residual < 0.01 * variance, "residual %g of %g", residual, variance); /* predictions in the user's */
  CHECK_OK(eml_model_free(model));
}

static void reset(void) {
  eml_model *model = new_model(EML_PROFILE_EML_CORE_0_1, 3, 2, 1);
  record_samples(model, 60, 1);
  CHECK_OK(eml_model_set_name(model, "keeper", EML_NTS));
  static const double in[4] = {1, 2, 3, 4}, out[2] = {5, 6};
  CHECK_OK(eml_model_set_scaling(model, in, out));
  randomise(model, 5);
  CHECK_OK(eml_model_set_trained(model, 1));
  CHECK_OK(eml_model_reset(model, "drift", EML_NTS));
  eml_model_info info = model_info(model);
  CHECK(info.trained == 0 && info.sample_count == 60 && info.event_count == 1 && info.scaled == 1);
  double *params = model_params(model);
  for (uint64_t i = 0; i < info.param_count; i++) CHECK(bits_of(params[i]) == 0);
  free(params);
  eml_event event;
  event.struct_size = sizeof event;
  CHECK_OK(eml_model_next_event(model, &event));
  CHECK(event.type == EML_EVENT_RESET && strcmp(event.text, "drift") == 0 && strcmp(event.model_name, "keeper") == 0);
  CHECK_OK(eml_model_free(model));
}

static void distilling(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *teacher = random_model(both_profiles[p], 4, 2, 2), *a = NULL, *b = NULL, *none = POISON;
    eml_train_options options = train_options(2);
    uint64_t n = model_info(teacher).param_count;
    double *before = model_params(teacher);
    CHECK_OK(eml_model_distill(teacher, 3, 75, &options, &a));
    CHECK_OK(eml_model_distill(teacher, 3, 75, &options, &b));
    eml_model_info info = model_info(a);
    CHECK(info.depth == 3 && info.inputs == 2 && info.heads == 2 && info.profile == both_profiles[p]);
    CHECK(info.sample_count == 75);
    double *pa = model_params(a), *pb = model_params(b), *after = model_params(teacher);
    CHECK(same_bits(pa, pb, info.param_count));
    CHECK(same_bits(before, after, n) && model_info(teacher).sample_count == 0);
    CHECK_STATUS(eml_model_distill(teacher, 4, 75, &options, &none), EML_E_ARGUMENT);
    CHECK_STATUS(eml_model_distill(teacher, 5, 75, &options, &none), EML_E_ARGUMENT);
    CHECK_STATUS(eml_model_distill(teacher, 1, 75, &options, &none), EML_E_ARGUMENT);
    CHECK_STATUS(eml_model_distill(teacher, 2, UINT64_MAX, &options, &none), EML_E_LIMIT);
    CHECK(none == NULL);
    free(before);
    free(after);
    free(pa);
    free(pb);
    CHECK_OK(eml_model_free(teacher));
    CHECK_OK(eml_model_free(a));
    CHECK_OK(eml_model_free(b));
  }
}

int main(void) {
  RUN(too_few_samples);
  RUN(results);
  RUN(determinism);
  RUN(training_again);
  RUN(absent_targets);
  RUN(refused_options);
  RUN(target_loss);
  RUN(scaled_training);
  RUN(reset);
  RUN(distilling);
  return test_summary("training");
}
