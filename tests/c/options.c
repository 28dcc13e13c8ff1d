/*
 * options.c - structs with struct_size: defaults for what a short one lacks, zero past what the library knows, and the
 * init functions. Every struct of eml.h has its line here.
 */
#include "fixture.h"

#include <stddef.h>

/* Room for a struct of a later version. */
#define TAIL 24
#define WITH_TAIL(type) \
  struct {              \
    type known;         \
    unsigned char tail[TAIL]; \
  }

static void model_defaults(void) {
  eml_model_options options;
  memset(&options, 0xee, sizeof options);
  CHECK_OK(eml_model_options_init(&options, sizeof options));
  CHECK(options.struct_size == sizeof options);
  CHECK(options.depth == 4 && options.inputs == 1 && options.heads == 1);
  CHECK(options.profile == EML_PROFILE_DEFAULT && options.reserved == 0);
}

static void train_defaults(void) {
  eml_train_options options;
  memset(&options, 0xee, sizeof options);
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  CHECK(options.struct_size == sizeof options);
  CHECK(options.max_sweeps == 0 && options.target_loss == 0);
  CHECK(options.cancel == NULL && options.progress == NULL && options.user == NULL);
  CHECK(options.audit_path == NULL && options.audit_path_len == 0 && options.audit == NULL);
}

/* init writes struct_size bytes: no more for a program with an older header, zeros past the known for a newer one. */
static void init_respects_the_size(void) {
  WITH_TAIL(eml_model_options) m;
  memset(&m, 0xee, sizeof m);
  CHECK_OK(eml_model_options_init(&m.known, sizeof m));
  CHECK(m.known.struct_size == sizeof m && m.known.depth == 4);
  for (int i = 0; i < TAIL; i++) CHECK(m.tail[i] == 0);
  memset(&m, 0xee, sizeof m);
  CHECK_OK(eml_model_options_init(&m.known, offsetof(eml_model_options, heads)));
  CHECK(m.known.struct_size == offsetof(eml_model_options, heads) && m.known.inputs == 1);
  CHECK(m.known.heads == UINT64_C(0xeeeeeeeeeeeeeeee) && m.tail[0] == 0xee);

  WITH_TAIL(eml_train_options) t;
  memset(&t, 0xee, sizeof t);
  CHECK_OK(eml_train_options_init(&t.known, sizeof t));
  CHECK(t.known.struct_size == sizeof t && t.known.progress == NULL);
  for (int i = 0; i < TAIL; i++) CHECK(t.tail[i] == 0);
  memset(&t, 0xee, sizeof t);
  CHECK_OK(eml_train_options_init(&t.known, offsetof(eml_train_options, cancel)));
  CHECK(t.known.target_loss == 0 && t.known.cancel != NULL && t.known.user != NULL);
}

static eml_status create_with(const eml_model_options *options, eml_model_info *info) {
  eml_model *model = POISON;
  eml_status status = eml_model_create(options, &model);
  if (status != EML_OK) {
    CHECK(model == NULL);
    return status;
  }
  *info = model_info(model);
  CHECK_OK(eml_model_free(model));
  return status;
}

static void model_options_sizes(void) {
  WITH_TAIL(eml_model_options) o;
  eml_model_info info;
  memset(&o, 0, sizeof o);
  CHECK_OK(eml_model_options_init(&o.known, sizeof o.known));
  o.known.depth = 3;
  o.known.inputs = 5;
  o.known.heads = 2;
  o.known.profile = EML_PROFILE_EML_CORE_0_1;

  o.known.struct_size = sizeof o; /* a longer struct with a zero tail */
  CHECK_OK(create_with(&o.known, &info));
  CHECK(info.depth == 3 && info.inputs == 5 && info.heads == 2 && info.profile == EML_PROFILE_EML_CORE_0_1);
  for (int i = 0; i < TAIL; i++) { /* any non-zero byte in the tail is from a version we do not know */
    o.tail[i] = 1;
    CHECK_STATUS(create_with(&o.known, &info), EML_E_VERSION);
    o.tail[i] = 0;
  }
  o.known.struct_size = offsetof(eml_model_options, heads); /* shorter: heads and profile are the defaults */
  CHECK_OK(create_with(&o.known, &info));
  CHECK(info.depth == 3 && info.inputs == 5 && info.heads == 1 && info.profile == EML_PROFILE_DEFAULT);
  o.known.struct_size = offsetof(eml_model_options, inputs);
  CHECK_OK(create_with(&o.known, &info));
  CHECK(info.depth == 3 && info.inputs == 1);
  o.known.struct_size = sizeof(uint32_t); /* nothing but the size */
  CHECK_OK(create_with(&o.known, &info));
  CHECK(info.depth == 4 && info.inputs == 1 && info.heads == 1);
  CHECK_OK(create_with(NULL, &info));
  CHECK(info.depth == 4 && info.inputs == 1 && info.heads == 1 && info.profile == EML_PROFILE_DEFAULT);
}

/* A size that does not even cover struct_size is nonsense: somebody forgot to fill it in. */
static void sizes_too_small(void) {
  eml_model_options m;
  eml_train_options t;
  eml_model_info info;
  CHECK_OK(eml_model_options_init(&m, sizeof m));
  CHECK_OK(eml_train_options_init(&t, sizeof t));
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  record_samples(model, 10, 1);
  for (uint32_t size = 0; size < sizeof(uint32_t); size++) {
    CHECK_STATUS(eml_model_options_init(&m, size), EML_E_VERSION);
    CHECK_STATUS(eml_train_options_init(&t, size), EML_E_VERSION);
    m.struct_size = size;
    CHECK_STATUS(create_with(&m, &info), EML_E_VERSION);
    t.struct_size = size;
    CHECK_STATUS(eml_model_train(model, &t, NULL), EML_E_VERSION);
    info.struct_size = size;
    CHECK_STATUS(eml_model_get_info(model, &info), EML_E_VERSION);
    eml_event event;
    memset(&event, 0, sizeof event);
    event.type = EML_EVENT_RESET;
    event.struct_size = size;
    CHECK_STATUS(eml_model_push_event(model, &event), EML_E_VERSION);
    eml_error error;
    error.struct_size = size;
    CHECK_STATUS(eml_last_error(&error), EML_E_VERSION);
  }
  CHECK_OK(eml_model_free(model));
}

static int32_t stop_at_once(const eml_progress *progress, void *user) {
  CHECK(progress->struct_size == sizeof *progress);
  *(int *)user += 1;
  return 5;
}

static void train_options_sizes(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 3, 1, 1);
  record_samples(model, 60, 1);
  WITH_TAIL(eml_train_options) o;
  int calls = 0;
  memset(&o, 0, sizeof o);
  CHECK_OK(eml_train_options_init(&o.known, sizeof o.known));
  o.known.max_sweeps = 1;
  o.known.progress = stop_at_once;
  o.known.user = &calls;
  o.known.struct_size = sizeof o;
  CHECK_STATUS(eml_model_train(model, &o.known, NULL), EML_CANCELLED);
  CHECK(calls == 1);
  o.tail[TAIL - 1] = 1;
  CHECK_STATUS(eml_model_train(model, &o.known, NULL), EML_E_VERSION);
  eml_model *student = POISON;
  CHECK_STATUS(eml_model_distill(model, 2, 50, &o.known, &student), EML_E_VERSION);
  CHECK(student == NULL);
  /* Without the progress field nothing stops the training. */
  o.known.struct_size = offsetof(eml_train_options, progress);
  CHECK_OK(eml_model_train(model, &o.known, NULL));
  CHECK(calls == 1);
  CHECK_OK(eml_model_free(model));
}

/* Structs that the library fills: a short one gets the fields it has, bytes past struct_size stay as they were. */
static void out_struct_sizes(void) {
  eml_model *model = random_model(EML_PROFILE_EML_CORE_0_1, 3, 5, 2);
  record_samples(model, 60, 1);
  WITH_TAIL(eml_model_info) info;
  memset(&info, 0xee, sizeof info);
  info.known.struct_size = offsetof(eml_model_info, heads);
  CHECK_OK(eml_model_get_info(model, &info.known));
  CHECK(info.known.struct_size == offsetof(eml_model_info, heads));
  CHECK(info.known.depth == 3 && info.known.inputs == 5);
  CHECK(info.known.heads == UINT64_C(0xeeeeeeeeeeeeeeee));
  memset(&info, 0, sizeof info);
  info.known.struct_size = sizeof info;
  CHECK_OK(eml_model_get_info(model, &info.known));
  CHECK(info.known.struct_size == sizeof info && info.known.sample_count == 60);
  for (int i = 0; i < TAIL; i++) CHECK(info.tail[i] == 0);

  eml_safetree *tree = NULL;
  CHECK_OK(eml_safetree_create(3, 4, 5, &tree));
  WITH_TAIL(eml_safetree_info) safe;
  memset(&safe, 0xee, sizeof safe);
  safe.known.struct_size = offsetof(eml_safetree_info, param_count);
  CHECK_OK(eml_safetree_get_info(tree, &safe.known));
  CHECK(safe.known.depth == 3 && safe.known.inputs == 4 && safe.known.heads == 5);
  CHECK(safe.known.param_count == UINT64_C(0xeeeeeeeeeeeeeeee));
  CHECK_OK(eml_safetree_free(tree));

  CHECK_STATUS(eml_cancel_set(POISON), EML_E_HANDLE);
  WITH_TAIL(eml_error) error;
  memset(&error, 0xee, sizeof error);
  error.known.struct_size = offsetof(eml_error, byte_offset);
  CHECK_OK(eml_last_error(&error.known));
  CHECK(error.known.code == EML_E_HANDLE && error.known.sub_code == 0);
  CHECK(error.known.message_len == UINT64_C(0xeeeeeeeeeeeeeeee));
  memset(&error, 0, sizeof error);
  error.known.struct_size = sizeof error;
  CHECK_OK(eml_last_error(&error.known));
  CHECK(error.known.code == EML_E_HANDLE && error.known.message_len > 0);
  error.tail[0] = 1; /* what the library fills needs not be zero before */
  CHECK_OK(eml_last_error(&error.known));
  CHECK(error.tail[0] == 0);

  WITH_TAIL(eml_train_result) result;
  eml_train_options options;
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  options.max_sweeps = 1;
  memset(&result, 0xee, sizeof result);
  result.known.struct_size = offsetof(eml_train_result, loss_after);
  CHECK_OK(eml_model_train(model, &options, &result.known));
  CHECK(result.known.samples_used == 60);
  CHECK(bits_of(result.known.loss_after) == UINT64_C(0xeeeeeeeeeeeeeeee));

  WITH_TAIL(eml_event) event;
  memset(&event, 0xee, sizeof event);
  event.known.struct_size = offsetof(eml_event, text);
  CHECK_OK(eml_model_next_event(model, &event.known));
  CHECK(event.known.type == EML_EVENT_TRAINED && event.known.model_name_len == strlen("eml_d3x5x2"));
  CHECK(event.known.text_len == UINT64_C(0xeeeeeeeeeeeeeeee));
  CHECK_OK(eml_model_free(model));
}

static void pushed_event_sizes(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  WITH_TAIL(eml_event) event;
  eml_event back;
  memset(&event, 0, sizeof event);
  event.known.type = EML_EVENT_DRIFT;
  event.known.value0 = 1;
  event.known.value1 = 2;
  event.known.value2 = 3;
  event.known.struct_size = sizeof event;
  CHECK_OK(eml_model_push_event(model, &event.known));
  event.tail[3] = 1;
  CHECK_STATUS(eml_model_push_event(model, &event.known), EML_E_VERSION);
  event.known.struct_size = offsetof(eml_event, value2);
  CHECK_OK(eml_model_push_event(model, &event.known));
  back.struct_size = sizeof back;
  CHECK_OK(eml_model_next_event(model, &back));
  CHECK(back.type == EML_EVENT_DRIFT && back.value0 == 1 && back.value1 == 2 && back.value2 == 3);
  CHECK_OK(eml_model_next_event(model, &back));
  CHECK(back.value1 == 2 && back.value2 == 0);
  CHECK_STATUS(eml_model_next_event(model, &back), EML_DONE);
  CHECK_OK(eml_model_free(model));
}

static void attention_defaults(void) {
  WITH_TAIL(eml_attention_options) o;
  memset(&o, 0xee, sizeof o);
  CHECK_OK(eml_attention_options_init(&o.known, sizeof o));
  CHECK(o.known.struct_size == sizeof o && o.known.kind == EML_ATTENTION_BLOCK && o.known.d_model == 8);
  CHECK(o.known.d_k == 8 && o.known.seq_len == 4 && o.known.depth == 3 && o.known.heads == 1 && o.known.nodes == 8);
  CHECK(o.known.positional == 0 && o.known.residual == 1 && o.known.chunk == 0 && o.known.reserved == 0);
  for (int i = 0; i < TAIL; i++) CHECK(o.tail[i] == 0);
  memset(&o, 0xee, sizeof o);
  CHECK_OK(eml_attention_options_init(&o.known, offsetof(eml_attention_options, heads)));
  CHECK(o.known.depth == 3 && o.known.heads == 0xeeeeeeeeu);

  WITH_TAIL(eml_attention_train_options) t;
  memset(&t, 0xee, sizeof t);
  CHECK_OK(eml_attention_train_options_init(&t.known, sizeof t));
  CHECK(t.known.struct_size == sizeof t && t.known.reserved == 0 && t.known.seed == 0xDEADBEEFu);
  CHECK(t.known.trials == 2000 && t.known.step_init == 0.5 && t.known.step_final == 0.02 && t.known.max_samples == 96);
  CHECK(t.known.eval_subset == 16 && t.known.convergence_mse == 0.01 && t.known.max_evaluations == 0);
  CHECK(t.known.target_loss == 0 && t.known.cancel == NULL && t.known.progress == NULL && t.known.user == NULL);
  CHECK(t.known.audit_path == NULL && t.known.audit_path_len == 0 && t.known.audit == NULL);
  for (int i = 0; i < TAIL; i++) CHECK(t.tail[i] == 0);
}

static void attention_sizes(void) {
  WITH_TAIL(eml_attention_options) o;
  memset(&o, 0, sizeof o);
  CHECK_OK(eml_attention_options_init(&o.known, sizeof o.known));
  o.known.kind = EML_ATTENTION_TOY;
  o.known.d_model = 4;
  o.known.d_k = 2;
  o.known.depth = 5;
  o.known.struct_size = sizeof o;
  eml_attention *attention = NULL, *other = POISON;
  CHECK_OK(eml_attention_create(&o.known, &attention));
  o.tail[5] = 1;
  CHECK_STATUS(eml_attention_create(&o.known, &other), EML_E_VERSION);
  CHECK(other == NULL);
  o.tail[5] = 0;
  o.known.struct_size = offsetof(eml_attention_options, depth); /* shorter: depth is the default */
  CHECK_OK(eml_attention_create(&o.known, &other));
  CHECK(attention_info(attention).depth == 5 && attention_info(other).depth == 3);
  CHECK_OK(eml_attention_free(other));
  CHECK_OK(eml_attention_create(NULL, &other));
  CHECK(attention_info(other).kind == EML_ATTENTION_BLOCK && attention_info(other).nodes == 8);
  CHECK_OK(eml_attention_free(other));

  WITH_TAIL(eml_attention_info) info;
  memset(&info, 0xee, sizeof info);
  info.known.struct_size = offsetof(eml_attention_info, event_count);
  CHECK_OK(eml_attention_get_info(attention, &info.known));
  CHECK(info.known.sample_count == 0 && info.known.event_count == UINT64_C(0xeeeeeeeeeeeeeeee));
  memset(&info, 0xee, sizeof info);
  info.known.struct_size = sizeof info;
  CHECK_OK(eml_attention_get_info(attention, &info.known));
  CHECK(info.known.scale > 0.7 && info.known.scale < 0.71 && info.tail[0] == 0 && info.tail[TAIL - 1] == 0);

  record_sequences(attention, 8, 1);
  WITH_TAIL(eml_attention_train_options) t;
  WITH_TAIL(eml_attention_train_result) result;
  memset(&t, 0, sizeof t);
  CHECK_OK(eml_attention_train_options_init(&t.known, sizeof t.known));
  t.known.trials = 10;
  t.known.struct_size = sizeof t;
  memset(&result, 0xee, sizeof result);
  result.known.struct_size = offsetof(eml_attention_train_result, cross_loss);
  CHECK_OK(eml_attention_train(attention, &t.known, &result.known));
  CHECK(result.known.samples_used == 8 && bits_of(result.known.cross_loss) == UINT64_C(0xeeeeeeeeeeeeeeee));
  t.tail[0] = 1;
  CHECK_STATUS(eml_attention_train(attention, &t.known, NULL), EML_E_VERSION);
  eml_buffer *json = POISON;
  CHECK_STATUS(eml_attention_compare(4, 2, 2, 3, &t.known, 1, &json), EML_E_VERSION);
  CHECK(json == NULL);
  for (uint32_t size = 0; size < sizeof(uint32_t); size++) {
    CHECK_STATUS(eml_attention_options_init(&o.known, size), EML_E_VERSION);
    CHECK_STATUS(eml_attention_train_options_init(&t.known, size), EML_E_VERSION);
    o.known.struct_size = t.known.struct_size = result.known.struct_size = info.known.struct_size = size;
    CHECK_STATUS(eml_attention_create(&o.known, &other), EML_E_VERSION);
    CHECK_STATUS(eml_attention_train(attention, &t.known, NULL), EML_E_VERSION);
    CHECK_STATUS(eml_attention_train(attention, NULL, &result.known), EML_E_VERSION);
    CHECK_STATUS(eml_attention_get_info(attention, &info.known), EML_E_VERSION);
  }
  CHECK(attention_info(attention).training_rounds == 1);
  CHECK_OK(eml_attention_free(attention));
}

int main(void) {
  RUN(model_defaults);
  RUN(train_defaults);
  RUN(init_respects_the_size);
  RUN(model_options_sizes);
  RUN(sizes_too_small);
  RUN(train_options_sizes);
  RUN(out_struct_sizes);
  RUN(pushed_event_sizes);
  RUN(attention_defaults);
  RUN(attention_sizes);
  return test_summary("options");
}
