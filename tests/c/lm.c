/*
 * lm.c - language models: golden logits and tokens, formats, sessions, generation, evaluation, batches, threads, cancelling,
 * refusals. Golden data: tests/data/lm/tiny-b.*.
 */
#include "language.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *data_folder;
static const int32_t prompt[] = {33, 29, 175, 170, 60, 136, 44, 217, 71, 87, 296, 33};
static const int32_t greedy[] = {115, 44, 44, 44, 258, 92, 185, 221, 44, 44, 44, 44, 44, 44, 44, 44};
enum { PROMPT = COUNT(prompt), GREEDY = COUNT(greedy) };

static eml_lm_info lm_info(const eml_lm *lm) {
  eml_lm_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK_OK(eml_lm_get_info(lm, &info));
  return info;
}

static eml_lm *load_tiny(const char *variant, int32_t mapped) {
  char path[4096];
  snprintf(path, sizeof path, "%s/tiny-b.%s.safetensors", data_folder, variant);
  eml_lm_options options;
  CHECK_OK(eml_lm_options_init(&options, sizeof options));
  CHECK(options.mapped == 0 && options.config == NULL && options.tokenizer == NULL);
  options.mapped = mapped;
  options.config = TINY_CONFIG;
  options.config_len = EML_NTS;
  eml_lm *lm = NULL;
  CHECK_OK(eml_lm_load(path, EML_NTS, &options, &lm));
  return lm;
}

static int32_t largest(const float *logits, uint32_t n) {
  int32_t best = 0;
  for (uint32_t i = 1; i < n; i++) best = logits[i] > logits[best] ? (int32_t)i : best;
  return best;
}

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* A tensor of F64 out of the file of expected numbers; free() the result. */
static double *expected(const char *name, uint64_t *n) {
  char path[4096], key[64];
  snprintf(path, sizeof path, "%s/tiny-b.expected.safetensors", data_folder);
  snprintf(key, sizeof key, "\"%s\":", name);
  FILE *file = fopen(path, "rb");
  uint64_t header = 0, from = 0, to = 0;
  CHECK(file != NULL && fread(&header, 8, 1, file) == 1);
  char *text = calloc(1, (size_t)header + 1);
  if (text == NULL) abort();
  CHECK(fread(text, 1, (size_t)header, file) == header);
  const char *at = strstr(text, key);
  at = at == NULL ? NULL : strstr(at, "\"data_offsets\":");
  CHECK(at != NULL && sscanf(at, "\"data_offsets\": [%" SCNu64 ", %" SCNu64 "]", &from, &to) == 2);
  *n = (to - from) / 8;
  double *numbers = new_doubles(*n);
  CHECK(fseek(file, (long)(8 + header + from), SEEK_SET) == 0 && fread(numbers, 8, (size_t)*n, file) == *n);
  fclose(file);
  free(text);
  return numbers;
}

/* ------------------------------------------------------------------------------------------------ numbers */

static void golden(void) {
  static const char *variants[] = {"f32", "bf16", "int8"};
  for (int v = 0; v < 3; v++) {
    eml_lm *lm = load_tiny(variants[v], v == 1);
    eml_lm_info info = lm_info(lm);
    CHECK(info.vocab_size == 300 && info.n_layer == 3 && info.n_embd == 48 && info.n_head == 4 && info.n_kv_head == 4);
    CHECK(info.head_dim == 12 && info.hidden_dim == 192 && info.sequence_len == 16 && info.parameters == 140809);
    CHECK(info.weight_type == EML_WEIGHT_F32 + v && info.activation == EML_ACTIVATION_EML && info.has_tokenizer == 0);
    CHECK(v != 0 || info.bytes == 4 * 140809);
    float k[3], logits[PROMPT * 300];
    CHECK_OK(eml_lm_activation_parameters(lm, k, 3));
    CHECK(k[0] == 1.0f && k[1] == 0.3f && k[2] == 0.01f);
    CHECK_STATUS(eml_lm_activation_parameters(lm, k, 2), EML_E_SHAPE);
    for (uint32_t threads = 1; threads <= 2; threads++) {
      eml_lm_session *session = new_session(lm, threads);
      CHECK_OK(eml_lm_session_read_all(session, prompt, PROMPT, logits, NULL));
      CHECK(session_position(session) == PROMPT);
      char name[32];
      uint64_t n = 0;
      snprintf(name, sizeof name, "%s.logits", variants[v]);
      double *want = expected(name, &n), worst = 0;
      CHECK(n == PROMPT * 300);
      for (uint64_t i = 0; i < n; i++) {
        double difference = logits[i] - want[i];
        difference = difference < 0 ? -difference : difference;
        worst = difference > worst ? difference : worst;
      }
      CHECK_THAT(worst <= 5e-5, "%s: a logit deviates by %g", variants[v], worst);
      free(want);
      float next[300];
      memcpy(next, logits + (PROMPT - 1) * 300, sizeof next);
      for (int i = 0; i < GREEDY; i++) {
        int32_t token = largest(next, 300);
        CHECK_THAT(token == greedy[i], "%s: token %d is %d", variants[v], i, token);
        CHECK_OK(eml_lm_session_read(session, &token, 1, next, NULL));
      }
      CHECK_OK(eml_lm_session_free(session));
    }
    CHECK_OK(eml_lm_free(lm));
  }
}

static void parity(void) {
  eml_lm *lm = load_tiny("f32", 0);
  const char *sidecar = "{\"version\":1,\"tokens\":[33,29,175,170,60,136,44,217,71,87,296,33],\"greedy\":[115,44,44,44,258,92]}";
  const char *wrong = "{\"tokens\":[33,29,175,170,60,136,44,217,71,87,296,33],\"greedy\":[115,44,45]}";
  eml_lm_parity found;
  found.struct_size = sizeof found;
  CHECK_OK(eml_lm_check_parity(lm, sidecar, strlen(sidecar), &found));
  CHECK(found.is_right == 1 && found.largest_deviation == 0 && found.differing_index == UINT64_MAX && found.differing_token == -1);
  CHECK_OK(eml_lm_check_parity(lm, wrong, strlen(wrong), &found));
  CHECK(found.is_right == 0 && found.differing_index == 2 && found.differing_token == 44);
  CHECK_STATUS(eml_lm_check_parity(lm, "{}", 2, &found), EML_E_FORMAT);
  CHECK_STATUS(eml_lm_check_parity(lm, "{\"tokens\":[300]}", 16, &found), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_check_parity(lm, NULL, 2, &found), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_check_parity(lm, sidecar, strlen(sidecar), NULL), EML_E_ARGUMENT);
  CHECK_OK(eml_lm_free(lm));
}

static void log_probabilities(void) {
  const float logits[] = {0, 0, 0, 0};
  double p = 0;
  CHECK_OK(eml_lm_log_probability(logits, 4, 3, &p));
  CHECK(p < -1.386294 && p > -1.386295);
  CHECK_STATUS(eml_lm_log_probability(logits, 4, 4, &p), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_log_probability(logits, 4, -1, &p), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_log_probability(logits, 0, 0, &p), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_log_probability(NULL, 4, 0, &p), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_log_probability(logits, 4, 0, NULL), EML_E_ARGUMENT);
}

/* ------------------------------------------------------------------------------------------------ files */

static void prompt_logits(const eml_lm *lm, float logits[300]) {
  eml_lm_session *session = new_session(lm, 1);
  CHECK_OK(eml_lm_session_read(session, prompt, PROMPT, logits, NULL));
  CHECK_OK(eml_lm_session_free(session));
}

static void formats(void) {
  static const struct {
    int32_t format;
    const char *extension;
  } all[] = {{EML_FORMAT_JSON, "json"}, {EML_FORMAT_SAFETENSORS, "safetensors"}, {EML_FORMAT_PROTOBUF, "pb"}, {EML_FORMAT_NPZ, "npz"}};
  eml_lm *lm = new_lm(small_shape, 1);
  float want[300], got[300];
  prompt_logits(lm, want);
  for (size_t i = 0; i < COUNT(all); i++) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/eml-lm-%d.%s", (int)getpid(), all[i].extension);
    CHECK_OK(eml_lm_save(lm, path, EML_NTS, EML_FORMAT_AUTO));
    for (int32_t mapped = 0; mapped < 3; mapped++) {
      eml_lm_options options;
      CHECK_OK(eml_lm_options_init(&options, sizeof options));
      options.mapped = mapped;
      eml_lm *other = NULL;
      if (mapped == 2) {
        CHECK_STATUS(eml_lm_load(path, EML_NTS, &options, &other), EML_E_ARGUMENT);
        continue;
      }
      CHECK_OK(eml_lm_load(path, EML_NTS, &options, &other));
      prompt_logits(other, got);
      CHECK_THAT(memcmp(want, got, sizeof want) == 0, "%s: other logits", path);
      CHECK(lm_info(other).n_layer == LM_LAYERS && lm_info(other).has_tokenizer == 1);
      CHECK_OK(eml_lm_free(other));
    }
    CHECK(unlink(path) == 0);
    eml_buffer *buffer = NULL;
    const void *data = NULL;
    uint64_t size = 0;
    eml_lm *other = NULL;
    CHECK_OK(eml_lm_export_buffer(lm, all[i].format, &buffer));
    CHECK_OK(eml_buffer_data(buffer, &data, &size));
    CHECK_OK(eml_lm_import(data, size, NULL, &other));
    CHECK_OK(eml_buffer_free(buffer)); /* the model has a copy */
    prompt_logits(other, got);
    CHECK_THAT(memcmp(want, got, sizeof want) == 0, "%s: other logits out of a buffer", all[i].extension);
    CHECK_OK(eml_lm_free(other));
  }
  eml_buffer *buffer = POISON;
  CHECK_STATUS(eml_lm_export_buffer(lm, EML_FORMAT_TIKTOKEN, &buffer), EML_E_UNSUPPORTED);
  CHECK(buffer == NULL);
  CHECK_STATUS(eml_lm_save(lm, "/tmp/a.txt", EML_NTS, EML_FORMAT_AUTO), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_save(lm, "/nonexistent/a.npz", EML_NTS, EML_FORMAT_AUTO), EML_E_IO);
  char config[512];
  uint64_t need = 0;
  CHECK_OK(eml_lm_config(lm, config, sizeof config, &need));
  CHECK_THAT(need == strlen(config) + 1 && contains(config, "\"n_embd\":32") && contains(config, "\"window_pattern\":\"SL\""), "%s", config);
  CHECK_STATUS(eml_lm_config(lm, NULL, 0, &need), EML_E_BUFFER);
  CHECK_OK(eml_lm_free(lm));
}

static void quantising(void) {
  static const char *variants[] = {"f32", "bf16", "int8"};
  eml_lm *lm = load_tiny("f32", 0);
  float want[300], got[300];
  for (int v = 0; v < 3; v++) {
    eml_lm *loaded = load_tiny(variants[v], 0), *made = NULL;
    CHECK_OK(eml_lm_quantize(lm, EML_WEIGHT_F32 + v, &made));
    CHECK(lm_info(made).weight_type == EML_WEIGHT_F32 + v && lm_info(made).bytes == lm_info(loaded).bytes);
    prompt_logits(loaded, want);
    prompt_logits(made, got);
    CHECK_THAT(memcmp(want, got, sizeof want) == 0, "%s: not the golden weights", variants[v]);
    CHECK_OK(eml_lm_free(made));
    CHECK_OK(eml_lm_free(loaded));
  }
  eml_lm *made = POISON;
  CHECK_STATUS(eml_lm_quantize(lm, 4, &made), EML_E_ARGUMENT);
  CHECK(made == NULL);
  CHECK_OK(eml_lm_free(lm));
}

static void rubbish(void) {
  uint64_t size = 0;
  unsigned char *file = lm_file(small_shape, &size);
  eml_lm *lm = POISON;
  for (uint64_t n = 0; n < size; n += n < 3000 ? 113 : 9973) {
    unsigned char *cut = malloc((size_t)(n == 0 ? 1 : n));
    if (cut == NULL) abort();
    memcpy(cut, file, n);
    CHECK_THAT(eml_lm_import(cut, n, NULL, &lm) < 0 && lm == NULL, "the first %" PRIu64 " bytes were accepted", n);
    free(cut);
  }
  uint64_t seed = 3;
  for (int i = 0; i < 200; i++) { /* a wrong byte in the header: refused, or harmless */
    uint64_t at = next_random(&seed) % 3000;
    unsigned char old = file[at];
    file[at] = (unsigned char)next_random(&seed);
    if (eml_lm_import(file, size, NULL, &lm) == EML_OK) CHECK_OK(eml_lm_free(lm));
    CHECK(last_error().code != EML_E_INTERNAL);
    file[at] = old;
  }
  eml_lm_options options;
  CHECK_OK(eml_lm_options_init(&options, sizeof options));
  eml_tokenizer *large = NULL;
  const eml_text special[] = {{"<1>", 3}, {"<2>", 3}};
  const eml_text document = {"a b c d e f g h i j", EML_NTS};
  CHECK_OK(eml_tokenizer_train(&document, 1, 0, special, 2, NULL, &large)); /* 258 tokens */
  lm_shape narrow = small_shape;
  narrow.vocab = 257;
  uint64_t narrow_size = 0;
  unsigned char *narrow_file = lm_file(narrow, &narrow_size);
  options.tokenizer = large;
  CHECK_STATUS(eml_lm_import(narrow_file, narrow_size, &options, &lm), EML_E_ARGUMENT);
  CHECK_OK(eml_tokenizer_free(large));
  CHECK_STATUS(eml_lm_import(narrow_file, narrow_size, &options, &lm), EML_E_HANDLE);
  options.tokenizer = NULL;
  options.struct_size = 3;
  CHECK_STATUS(eml_lm_import(narrow_file, narrow_size, &options, &lm), EML_E_VERSION);
  CHECK_OK(eml_lm_options_init(&options, sizeof options));
  options.config = "{\"n_layer\":";
  options.config_len = EML_NTS;
  char path[4096];
  snprintf(path, sizeof path, "%s/tiny-b.f32.safetensors", data_folder);
  CHECK_STATUS(eml_lm_load(path, EML_NTS, &options, &lm), EML_E_FORMAT);
  CHECK_STATUS(eml_lm_load(path, EML_NTS, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_load("/nonexistent/a.npz", EML_NTS, NULL, &lm), EML_E_IO);
  CHECK(lm == NULL);
  free(narrow_file);
  free(file);
}

/* ------------------------------------------------------------------------------------------------ sessions */

typedef struct {
  int calls, value_at;
  int32_t value;
  uint64_t rows;
  float last[16 * 32]; /* final_norm */
} listening;

static int32_t listen(const char *part, const float *rows, uint64_t count, uint64_t n_embd, void *user) {
  listening *l = user;
  CHECK(n_embd == 32 && count <= 16);
  if (l->calls == 0) CHECK_THAT(strcmp(part, "embed_norm") == 0, "%s", part);
  if (l->calls == 1) CHECK_THAT(strcmp(part, "blocks.0.after_attn") == 0, "%s", part);
  if (strcmp(part, "final_norm") == 0) {
    memcpy(l->last, rows, (size_t)(count * n_embd) * sizeof *rows);
    l->rows = count;
  }
  return ++l->calls == l->value_at ? l->value : 0;
}

static void sessions(void) {
  eml_lm *lm = new_lm(small_shape, 0);
  eml_lm_session *session = new_session(lm, 2), *other = new_session(lm, 1);
  CHECK_OK(eml_lm_free(lm)); /* sessions go on */
  float all[PROMPT * 300], one[300], embeddings[PROMPT * 32];
  CHECK_OK(eml_lm_session_read_all(session, prompt, PROMPT, all, NULL));
  for (int i = 0; i < PROMPT; i++) {
    CHECK_OK(eml_lm_session_read(other, prompt + i, 1, one, NULL));
    CHECK_THAT(memcmp(one, all + 300 * i, sizeof one) == 0, "token %d alone has other logits", i);
  }
  CHECK(session_position(other) == PROMPT);
  CHECK_OK(eml_lm_session_read(other, prompt, 3, NULL, NULL));
  CHECK(session_position(other) == PROMPT + 3);
  CHECK_OK(eml_lm_session_reset(other));
  CHECK(session_position(other) == 0);
  listening l;
  memset(&l, 0, sizeof l);
  CHECK_OK(eml_lm_session_set_listener(other, listen, &l));
  CHECK_OK(eml_lm_session_embed(other, prompt, PROMPT, embeddings, NULL));
  CHECK(l.calls == 2 + 2 * LM_LAYERS && l.rows == PROMPT && memcmp(l.last, embeddings, sizeof embeddings) == 0);
  /* A value stops the work, whatever part it is given at. */
  for (uint32_t threads = 1; threads <= 2; threads++) {
    eml_lm_session *heard = threads == 1 ? other : session;
    CHECK_OK(eml_lm_session_set_listener(heard, listen, &l));
    for (int at = 1; at <= 2 + 2 * LM_LAYERS; at++) {
      l.calls = 0;
      l.value_at = at;
      l.value = 70 + at;
      CHECK_STATUS(eml_lm_session_read(heard, prompt, PROMPT, one, NULL), EML_CANCELLED);
      CHECK_THAT(last_error().sub_code == 70 + at && l.calls == at, "%d calls", l.calls);
    }
    CHECK_OK(eml_lm_session_set_listener(heard, NULL, NULL));
    CHECK_OK(eml_lm_session_reset(heard));
    CHECK_OK(eml_lm_session_read(heard, prompt, PROMPT, one, NULL));
    CHECK(memcmp(one, all + 300 * (PROMPT - 1), sizeof one) == 0);
  }
  /* Refusals change nothing. */
  const int32_t bad[] = {1, 300}, negative[] = {-1};
  uint64_t before = session_position(session);
  CHECK_STATUS(eml_lm_session_read(session, bad, 2, one, NULL), EML_E_ARGUMENT);
  CHECK_THAT(contains(last_error().message, "300"), "%s", last_error().message);
  CHECK_STATUS(eml_lm_session_read(session, negative, 1, one, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_read(session, prompt, 0, one, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_read(session, NULL, 1, one, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_read_all(session, prompt, 2, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_embed(session, prompt, 2, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_read(session, prompt, 1, one, POISON), EML_E_HANDLE);
  CHECK(session_position(session) == before);
  CHECK_OK(eml_lm_session_free(session));
  CHECK_OK(eml_lm_session_free(other));
  lm = new_lm(small_shape, 0);
  CHECK_STATUS(eml_lm_session_create(lm, 0, &session), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_create(lm, 257, &session), EML_E_ARGUMENT);
  CHECK(session == NULL);
  CHECK_OK(eml_lm_free(lm));
}

/* ------------------------------------------------------------------------------------------------ generation */

typedef struct {
  eml_lm_session *session;
  char text[4096];
  int32_t ids[256];
  uint64_t count;
  double total;
  uint64_t stop_at;
  eml_status nested, freeing;
} collected;

static int32_t collect(const eml_lm_token *token, void *user) {
  collected *c = user;
  CHECK(token->struct_size == sizeof *token && token->index == c->count && strlen(token->text) == token->text_len);
  strcat(c->text, token->text);
  c->ids[c->count++] = token->id;
  c->total += token->log_probability;
  uint64_t need = 0;
  c->nested = eml_lm_session_text(c->session, NULL, 0, &need);
  c->freeing = eml_lm_session_free(c->session);
  return c->count == c->stop_at ? 55 : 0;
}

static eml_lm_generate_options generate_options(uint32_t max_tokens) {
  eml_lm_generate_options options;
  CHECK_OK(eml_lm_generate_options_init(&options, sizeof options));
  CHECK(options.max_tokens == 256 && options.temperature == 1 && options.top_p == 1 && options.min_p == 0 && options.top_k == 0);
  CHECK(options.repetition_penalty == 1 && options.seed == 0 && options.special == 0);
  options.max_tokens = max_tokens;
  return options;
}

static eml_lm_generation generation(void) {
  eml_lm_generation result;
  memset(&result, 0, sizeof result);
  result.struct_size = sizeof result;
  return result;
}

static uint64_t session_text(const eml_lm_session *session, char *text, uint64_t cap) {
  uint64_t need = 0;
  CHECK_OK(eml_lm_session_text(session, text, cap, &need));
  return need - 1;
}

static void greedy_generation(void) {
  eml_lm *lm = load_tiny("f32", 0);
  eml_lm_session *session = new_session(lm, 1);
  int32_t tokens[GREEDY];
  uint64_t n = 9;
  CHECK_OK(eml_lm_session_tokens(session, NULL, 0, &n));
  CHECK(n == 0);
  eml_lm_generate_options options = generate_options(GREEDY);
  options.temperature = 0;
  eml_lm_generation result = generation();
  CHECK_OK(eml_lm_session_generate(session, prompt, PROMPT, &options, &result));
  CHECK(result.end == EML_LM_END_LENGTH && result.tokens == GREEDY && result.text_len == 0 && result.log_probability < 0);
  CHECK_OK(eml_lm_session_tokens(session, tokens, GREEDY, &n));
  CHECK(n == GREEDY && memcmp(tokens, greedy, sizeof greedy) == 0);
  CHECK(session_position(session) == PROMPT + GREEDY - 1);
  CHECK_STATUS(eml_lm_session_generate_text(session, "a", 1, &options, &result), EML_E_STATE);
  const int32_t stops[] = {258, 92};
  options.stop_tokens = stops;
  options.stop_token_count = 2;
  CHECK_OK(eml_lm_session_reset(session));
  CHECK_OK(eml_lm_session_generate(session, prompt, PROMPT, &options, &result));
  CHECK(result.end == EML_LM_END_STOP_TOKEN && result.tokens == 4);
  options.stop_token_count = 0;
  options.max_tokens = 0;
  CHECK_OK(eml_lm_session_generate(session, prompt, PROMPT, &options, NULL));
  CHECK_OK(eml_lm_session_tokens(session, tokens, 0, &n));
  CHECK(n == 0);
  CHECK_OK(eml_lm_session_free(session));
  CHECK_OK(eml_lm_free(lm));
}

static void sampled_generation(void) {
  eml_lm *lm = new_lm(small_shape, 1);
  char first[2048] = "";
  double log_probability = 0;
  for (uint32_t run = 0; run < 4; run++) { /* the same text on one thread and on two, and another with another seed */
    eml_lm_session *session = new_session(lm, 1 + run % 2);
    collected c;
    memset(&c, 0, sizeof c);
    c.session = session;
    eml_lm_generate_options options = generate_options(40);
    options.temperature = 1.2;
    options.top_k = 100;
    options.top_p = 0.95;
    options.min_p = 0.001;
    options.repetition_penalty = 1.1;
    options.seed = run == 3 ? 6 : 5;
    options.token = collect;
    options.user = &c;
    eml_lm_generation result = generation();
    CHECK_OK(eml_lm_session_generate_text(session, "the cat", EML_NTS, &options, &result));
    CHECK(result.end == EML_LM_END_LENGTH && result.tokens == 40 && c.count == 40);
    CHECK(c.nested == EML_E_BUSY && c.freeing == EML_E_BUSY);
    CHECK(c.total == result.log_probability && c.total < 0);
    char text[2048];
    CHECK(session_text(session, text, sizeof text) == result.text_len);
    CHECK(strncmp(text, c.text, strlen(c.text)) == 0); /* what was held back comes last */
    if (run == 0) {
      strcpy(first, text);
      log_probability = result.log_probability;
    } else {
      CHECK_THAT((strcmp(text, first) == 0) == (run < 3), "run %u: '%s', '%s'", run, text, first);
      CHECK((result.log_probability == log_probability) == (run < 3));
    }
    CHECK_OK(eml_lm_session_free(session));
  }
  /* Stop texts: everything before the first is the text. */
  size_t half = strlen(first) / 2;
  while (half > 0 && ((unsigned char)first[half] & 0xc0) == 0x80) half--;
  size_t end = half + 3;
  while (((unsigned char)first[end] & 0xc0) == 0x80) end++;
  const eml_text stop[] = {{"no such text", EML_NTS}, {first + half, end - half}};
  eml_lm_session *session = new_session(lm, 1);
  collected c;
  memset(&c, 0, sizeof c);
  c.session = session;
  eml_lm_generate_options options = generate_options(40);
  options.temperature = 1.2;
  options.top_k = 100;
  options.top_p = 0.95;
  options.min_p = 0.001;
  options.repetition_penalty = 1.1;
  options.seed = 5;
  options.stop_texts = stop;
  options.stop_text_count = 2;
  options.token = collect;
  options.user = &c;
  eml_lm_generation result = generation();
  CHECK_OK(eml_lm_session_generate_text(session, "the cat", EML_NTS, &options, &result));
  char text[2048];
  uint64_t len = session_text(session, text, sizeof text);
  CHECK(result.end == EML_LM_END_STOP_TEXT && len <= half && strncmp(text, first, len) == 0);
  CHECK(strcmp(c.text, text) == 0 && strstr(text, "no such text") == NULL);
  /* A value of the callback. */
  c.count = 0;
  c.stop_at = 3;
  options.stop_text_count = 0;
  CHECK_OK(eml_lm_session_reset(session));
  CHECK_STATUS(eml_lm_session_generate_text(session, "the cat", EML_NTS, &options, &result), EML_CANCELLED);
  CHECK(last_error().sub_code == 55 && result.end == EML_LM_END_CALLBACK && result.tokens == 3);
  /* The token that begins a text stands before the first text only. */
  uint64_t before = session_position(session);
  options.token = NULL;
  options.max_tokens = 0;
  CHECK_OK(eml_lm_session_generate_text(session, "a", 1, &options, NULL));
  CHECK(session_position(session) == before + 1);
  CHECK_OK(eml_lm_session_reset(session));
  CHECK_OK(eml_lm_session_generate_text(session, "a", 1, &options, NULL));
  CHECK(session_position(session) == 2);
  options.special = 1;
  CHECK_OK(eml_lm_session_generate_text(session, "<|a|>", 5, &options, NULL));
  CHECK(session_position(session) == 3);
  CHECK_OK(eml_lm_session_free(session));
  CHECK_OK(eml_lm_free(lm));
}

static void generation_refusals(void) {
  eml_lm *lm = new_lm(small_shape, 0);
  eml_lm_session *session = new_session(lm, 1);
  const int32_t bad[] = {300};
  eml_lm_generation result = generation();
  eml_lm_generate_options options = generate_options(5);
  CHECK_STATUS(eml_lm_session_generate(session, bad, 1, &options, &result), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_generate(session, prompt, 0, &options, &result), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_generate(session, NULL, 3, &options, &result), EML_E_ARGUMENT);
#define REFUSED(field, value)                                                                          \
  do {                                                                                                 \
    options = generate_options(5);                                                                     \
    options.field = value;                                                                             \
    CHECK_STATUS(eml_lm_session_generate(session, prompt, PROMPT, &options, &result), EML_E_ARGUMENT); \
  } while (0)
  REFUSED(temperature, -1);
  REFUSED(temperature, nan_value());
  REFUSED(temperature, 1e300);
  REFUSED(top_p, 0);
  REFUSED(top_p, 1.5);
  REFUSED(min_p, -0.1);
  REFUSED(repetition_penalty, 0);
  REFUSED(special, 2);
  REFUSED(stop_token_count, 1);
  REFUSED(stop_text_count, 1);
  const eml_text empty = {"", 0}, some = {"a", 1};
  options = generate_options(5);
  options.stop_text_count = 1;
  options.stop_texts = &empty;
  CHECK_STATUS(eml_lm_session_generate(session, prompt, PROMPT, &options, &result), EML_E_ARGUMENT);
  options.stop_texts = &some; /* without a tokenizer */
  CHECK_STATUS(eml_lm_session_generate(session, prompt, PROMPT, &options, &result), EML_E_ARGUMENT);
  options = generate_options(UINT32_MAX);
  CHECK_STATUS(eml_lm_session_generate(session, prompt, PROMPT, &options, &result), EML_E_LIMIT);
  options = generate_options(5);
  options.cancel = POISON;
  CHECK_STATUS(eml_lm_session_generate(session, prompt, PROMPT, &options, &result), EML_E_HANDLE);
  options = generate_options(5);
  result.struct_size = 2;
  CHECK_STATUS(eml_lm_session_generate(session, prompt, PROMPT, &options, &result), EML_E_VERSION);
  CHECK(session_position(session) == 0);
  CHECK_OK(eml_lm_session_generate(session, prompt, PROMPT, NULL, NULL)); /* all defaults */
  CHECK_OK(eml_lm_session_free(session));
  CHECK_OK(eml_lm_free(lm));
}

static void evaluation(void) {
  eml_lm *lm = new_lm(small_shape, 1);
  eml_lm_session *session = new_session(lm, 2);
  eml_lm_score score;
  score.struct_size = sizeof score;
  CHECK_OK(eml_lm_session_evaluate(session, prompt, PROMPT, 296, NULL, NULL, &score));
  CHECK(score.tokens == PROMPT && score.bytes == PROMPT && score.bits_per_byte > 0);
  double nats = 0; /* the same by hand */
  float logits[300];
  int32_t before = 296;
  CHECK_OK(eml_lm_session_reset(session));
  for (int i = 0; i < PROMPT; i++) {
    double p = 0;
    CHECK_OK(eml_lm_session_read(session, &before, 1, logits, NULL));
    CHECK_OK(eml_lm_log_probability(logits, 300, prompt[i], &p));
    nats -= p;
    before = prompt[i];
  }
  CHECK(score.nats == nats && score.mean_loss == nats / PROMPT);
  const char *text = "the cat sat on the mat, and then it stopped";
  CHECK_OK(eml_lm_session_evaluate_text(session, text, EML_NTS, EML_BYTES_RAW, NULL, &score));
  CHECK(score.bytes == strlen(text) && score.tokens < score.bytes);
  int32_t lengths[300] = {0};
  CHECK_OK(eml_lm_session_evaluate(session, prompt, PROMPT, 296, lengths, NULL, &score));
  CHECK(score.bytes == 0 && score.bits_per_byte == infinity() && score.nats == 0 && score.mean_loss == nats / PROMPT);
  lengths[7] = -1;
  CHECK_STATUS(eml_lm_session_evaluate(session, prompt, PROMPT, 296, lengths, NULL, &score), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_evaluate(session, prompt, PROMPT, 300, NULL, NULL, &score), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_evaluate(session, prompt, PROMPT, 296, NULL, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_session_evaluate_text(session, text, EML_NTS, 5, NULL, &score), EML_E_ARGUMENT);
  CHECK_OK(eml_lm_session_free(session));
  CHECK_OK(eml_lm_free(lm));
}

static void batches(void) {
  eml_lm *lm = new_lm(small_shape, 0);
  eml_lm_batch *batch = NULL;
  CHECK_OK(eml_lm_batch_create(lm, 3, 2, &batch));
  eml_lm_session *sessions[3];
  float logits[3 * 300], one[300];
  for (uint32_t i = 0; i < 3; i++) {
    sessions[i] = new_session(lm, 1);
    CHECK_OK(eml_lm_session_read(sessions[i], prompt + i, i + 1, one, NULL));
    CHECK_OK(eml_lm_batch_read(batch, i, prompt + i, i + 1, i == 1 ? NULL : logits, NULL));
    CHECK(i == 1 || memcmp(one, logits, sizeof one) == 0);
  }
  CHECK_OK(eml_lm_free(lm));
  for (int step = 0; step < 4; step++) {
    CHECK_OK(eml_lm_batch_step(batch, prompt + step, 3, logits, NULL));
    for (int i = 0; i < 3; i++) {
      CHECK_OK(eml_lm_session_read(sessions[i], prompt + step + i, 1, one, NULL));
      CHECK_THAT(memcmp(one, logits + 300 * i, sizeof one) == 0, "sequence %d, step %d", i, step);
    }
  }
  uint64_t position = 0;
  CHECK_OK(eml_lm_batch_position(batch, 2, &position));
  CHECK(position == 7);
  CHECK_OK(eml_lm_batch_reset(batch, 2));
  CHECK_OK(eml_lm_batch_position(batch, 2, &position));
  CHECK(position == 0);
  CHECK_STATUS(eml_lm_batch_position(batch, 3, &position), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_batch_reset(batch, UINT32_MAX), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_batch_read(batch, 3, prompt, 1, one, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_batch_read(batch, 0, prompt, 0, one, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_batch_step(batch, prompt, 2, logits, NULL), EML_E_SHAPE);
  CHECK_STATUS(eml_lm_batch_step(batch, prompt, 3, NULL, NULL), EML_E_ARGUMENT);
  const int32_t bad[] = {1, 2, 300};
  CHECK_STATUS(eml_lm_batch_step(batch, bad, 3, logits, NULL), EML_E_ARGUMENT);
  eml_cancel *cancel = NULL;
  CHECK_OK(eml_cancel_create(&cancel));
  CHECK_OK(eml_cancel_set(cancel));
  CHECK_STATUS(eml_lm_batch_step(batch, prompt, 3, logits, cancel), EML_CANCELLED);
  CHECK_OK(eml_cancel_free(cancel));
  CHECK_OK(eml_lm_batch_free(batch));
  for (int i = 0; i < 3; i++) CHECK_OK(eml_lm_session_free(sessions[i]));
  lm = new_lm(small_shape, 0);
  CHECK_STATUS(eml_lm_batch_create(lm, 0, 1, &batch), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_batch_create(lm, 65, 1, &batch), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_batch_create(lm, 1, 0, &batch), EML_E_ARGUMENT);
  CHECK(batch == NULL);
  CHECK_OK(eml_lm_free(lm));
}

/* ------------------------------------------------------------------------------------------------ threads */

typedef struct {
  const eml_lm *lm;
  int32_t tokens[30];
} shared;

static void *generate_alone(void *argument) {
  shared *s = argument;
  eml_lm_session *session = new_session(s->lm, 1);
  eml_lm_generate_options options = generate_options(30);
  options.seed = 9;
  uint64_t n = 0;
  CHECK_OK(eml_lm_session_generate(session, prompt, PROMPT, &options, NULL));
  CHECK_OK(eml_lm_session_tokens(session, s->tokens, 30, &n));
  CHECK(n == 30);
  CHECK_OK(eml_lm_session_free(session));
  return NULL;
}

static void one_model_for_all(void) {
  eml_lm *lm = new_lm(small_shape, 0);
  enum { THREADS = 6 };
  static shared all[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    all[i].lm = lm;
    CHECK(pthread_create(&threads[i], NULL, generate_alone, &all[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  for (int i = 1; i < THREADS; i++) CHECK(memcmp(all[i].tokens, all[0].tokens, sizeof all[0].tokens) == 0);
  CHECK_OK(eml_lm_free(lm));
}

typedef struct {
  eml_lm_session *session;
  eml_cancel *cancel;
  int32_t *tokens;
  uint64_t count;
  eml_status status;
  double returned;
} long_work;

static void *read_long(void *argument) {
  long_work *w = argument;
  w->status = eml_lm_session_read(w->session, w->tokens, w->count, NULL, w->cancel);
  w->returned = milliseconds();
  return NULL;
}

static void cancelling(void) {
  const lm_shape shape = {1024, 4, 256, 2, 2, 128, 1024, 1024};
  eml_lm *lm = new_lm(shape, 0);
  double worst = 0;
  for (uint32_t run = 0; run < 6; run++) {
    long_work w = {new_session(lm, 1 + run % 2), NULL, calloc(200000, sizeof(int32_t)), 200000, EML_OK, 0};
    if (w.tokens == NULL) abort();
    CHECK_OK(eml_cancel_create(&w.cancel));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, read_long, &w) == 0);
    usleep(100000 + 7000 * run);
    CHECK_STATUS(eml_lm_session_reset(w.session), EML_E_BUSY); /* it is at work */
    CHECK_STATUS(eml_lm_session_free(w.session), EML_E_BUSY);
    double set = milliseconds();
    CHECK_OK(eml_cancel_set(w.cancel));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(w.status == EML_CANCELLED);
    worst = w.returned - set > worst ? w.returned - set : worst;
    uint64_t position = session_position(w.session);
    CHECK_THAT(position < 200000, "%" PRIu64 " tokens were read", position);
    /* The session goes on where it stopped. */
    CHECK_OK(eml_cancel_reset(w.cancel));
    CHECK_OK(eml_lm_session_read(w.session, w.tokens, 5, NULL, w.cancel));
    CHECK(session_position(w.session) == position + 5);
    CHECK_OK(eml_lm_session_free(w.session));
    CHECK_OK(eml_cancel_free(w.cancel));
    free(w.tokens);
  }
  printf("  cancelled in the midst of a prefill, %" PRIu64 " parameters: returned after at most %.1f ms\n", lm_info(lm).parameters, worst);
  eml_lm_session *session = new_session(lm, 1);
  eml_cancel *cancel = NULL;
  CHECK_OK(eml_cancel_create(&cancel));
  CHECK_OK(eml_cancel_set(cancel));
  eml_lm_generate_options options = generate_options(5);
  options.cancel = cancel;
  eml_lm_generation result = generation();
  CHECK_STATUS(eml_lm_session_generate(session, prompt, PROMPT, &options, &result), EML_CANCELLED);
  CHECK(last_error().sub_code == 0 && result.end == EML_LM_END_CANCELLED && result.tokens == 0);
  eml_lm_score score;
  score.struct_size = sizeof score;
  CHECK_STATUS(eml_lm_session_evaluate(session, prompt, PROMPT, 0, NULL, cancel, &score), EML_CANCELLED);
  CHECK(score.tokens == 0);
  CHECK_OK(eml_lm_session_free(session));
  CHECK_OK(eml_cancel_free(cancel));
  CHECK_OK(eml_lm_free(lm));
}

typedef struct {
  const eml_cancel *cancel;
  int32_t is_over;
} setting;

static void *set_often(void *argument) {
  setting *s = argument;
  uint64_t seed = 1;
  while (__atomic_load_n(&s->is_over, __ATOMIC_ACQUIRE) == 0) {
    usleep((useconds_t)(next_random(&seed) % 200));
    CHECK_OK(eml_cancel_set(s->cancel));
  }
  return NULL;
}

/* Whenever the token is set, all threads of a session stop, and none waits for another for ever. */
static void cancelling_at_any_time(void) {
  eml_lm *lm = new_lm(small_shape, 0);
  eml_lm_session *session = new_session(lm, 2);
  eml_cancel *cancel = NULL;
  CHECK_OK(eml_cancel_create(&cancel));
  setting s = {cancel, 0};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, set_often, &s) == 0);
  uint64_t position = 0;
  for (int i = 0; i < 2000; i++) {
    CHECK_OK(eml_cancel_reset(cancel));
    eml_status status = eml_lm_session_read(session, prompt, 2, NULL, cancel);
    CHECK(status == EML_OK || status == EML_CANCELLED);
    position += status == EML_OK ? 2 : 0;
    CHECK(session_position(session) == position);
  }
  __atomic_store_n(&s.is_over, 1, __ATOMIC_RELEASE);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK_OK(eml_cancel_free(cancel));
  CHECK_OK(eml_lm_session_free(session));
  CHECK_OK(eml_lm_free(lm));
}

static void freeing_in_any_order(void) {
  for (int order = 0; order < 6; order++) {
    eml_lm *lm = new_lm(small_shape, 1);
    eml_tokenizer *tokenizer = NULL;
    eml_lm_batch *batch = NULL;
    float logits[2 * 300];
    CHECK_OK(eml_lm_get_tokenizer(lm, &tokenizer));
    eml_lm_session *session = new_session(lm, 2);
    CHECK_OK(eml_lm_batch_create(lm, 2, 1, &batch));
    for (int i = 0; i < 4; i++) {
      switch ((order + (order < 3 ? i : 3 * i)) % 4) {
        case 0: CHECK_OK(eml_lm_free(lm)); break;
        case 1: CHECK_OK(eml_tokenizer_free(tokenizer)); break;
        case 2:
          CHECK_OK(eml_lm_session_generate_text(session, "the", 3, NULL, NULL));
          CHECK_OK(eml_lm_session_free(session));
          break;
        default:
          CHECK_OK(eml_lm_batch_step(batch, prompt, 2, logits, NULL));
          CHECK_OK(eml_lm_batch_free(batch));
      }
    }
  }
  eml_lm *lm = new_lm(small_shape, 0);
  eml_tokenizer *none = POISON;
  CHECK_STATUS(eml_lm_get_tokenizer(lm, &none), EML_E_STATE);
  CHECK(none == NULL);
  CHECK_OK(eml_lm_free(lm));
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  data_folder = argv[1];
  RUN(golden);
  RUN(parity);
  RUN(log_probabilities);
  RUN(formats);
  RUN(quantising);
  RUN(rubbish);
  RUN(sessions);
  RUN(greedy_generation);
  RUN(sampled_generation);
  RUN(generation_refusals);
  RUN(evaluation);
  RUN(batches);
  RUN(one_model_for_all);
  RUN(cancelling);
  RUN(cancelling_at_any_time);
  RUN(freeing_in_any_order);
  return test_summary("lm");
}
