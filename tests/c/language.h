/*
 * language.h - small language models for the tests: one with random weights of any shape, and one from tests/data/lm.
 */
#ifndef LANGUAGE_H
#define LANGUAGE_H

#include "fixture.h"

typedef struct {
  uint32_t vocab, layers, width, heads, kv_heads, head_dim, hidden, length;
} lm_shape;

/* 256 bytes, 40 merges, 4 special tokens: the vocabulary of tiny-b. */
enum { LM_VOCAB = 300, LM_LAYERS = 2 };
static const lm_shape small_shape = {LM_VOCAB, LM_LAYERS, 32, 2, 1, 16, 64, 16};

/* tiny-b of the golden models, whose file has no config. */
#define TINY_CONFIG                                                                                              \
  "{\"vocab_size\":300,\"n_layer\":3,\"n_embd\":48,\"n_head\":4,\"n_kv_head\":4,\"head_dim\":12,\"sequence_len\":16," \
  "\"window_pattern\":\"SSSL\",\"activation\":\"eml\"}"

typedef struct {
  char *header;
  size_t used;
  uint64_t offset;
  float *data;
  uint64_t seed;
} lm_writer;

static inline void lm_tensor(lm_writer *w, const char *name, uint64_t rows, uint64_t columns, double low, double high) {
  uint64_t n = rows * (columns == 0 ? 1 : columns);
  w->used += (size_t)sprintf(w->header + w->used, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%" PRIu64, w->used == 1 ? "" : ",", name, rows);
  if (columns != 0) w->used += (size_t)sprintf(w->header + w->used, ",%" PRIu64, columns);
  w->used += (size_t)sprintf(w->header + w->used, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", 4 * w->offset, 4 * (w->offset + n));
  w->data = realloc(w->data, (size_t)(4 * (w->offset + n)));
  if (w->data == NULL) abort();
  for (uint64_t i = 0; i < n; i++) w->data[w->offset + i] = (float)uniform(&w->seed, low, high);
  w->offset += n;
}

/* A model's file with random weights (safetensors, config in the metadata); free() the result. */
static inline unsigned char *lm_file(lm_shape s, uint64_t *size) {
  lm_writer w = {malloc(4096 + 2048 * (size_t)s.layers), 1, 0, NULL, 7};
  if (w.header == NULL) abort();
  strcpy(w.header, "{");
  uint64_t query = (uint64_t)s.heads * s.head_dim, key = (uint64_t)s.kv_heads * s.head_dim;
  char name[64];
  const double a = 0.2;
  lm_tensor(&w, "wte.weight", s.vocab, s.width, -1, 1);
#define LM_BLOCK(part) (sprintf(name, "blocks.%u." part, i), name)
  for (uint32_t i = 0; i < s.layers; i++) {
    lm_tensor(&w, LM_BLOCK("attn.c_q.weight"), query, s.width, -a, a);
    lm_tensor(&w, LM_BLOCK("attn.c_k.weight"), key, s.width, -a, a);
    lm_tensor(&w, LM_BLOCK("attn.c_v.weight"), key, s.width, -a, a);
    lm_tensor(&w, LM_BLOCK("attn.c_proj.weight"), s.width, query, -a, a);
    lm_tensor(&w, LM_BLOCK("mlp.c_fc.weight"), s.hidden, s.width, -a, a);
    lm_tensor(&w, LM_BLOCK("mlp.c_proj.weight"), s.width, s.hidden, -a, a);
    lm_tensor(&w, LM_BLOCK("mlp.eml_k"), 1, 0, 0.5, 0.5);
    if (i % 2 == (s.layers - 1) % 2) {
      lm_tensor(&w, LM_BLOCK("attn.ve_gate.weight"), s.kv_heads, 32, -a, a);
      sprintf(name, "value_embeds.%u.weight", i);
      lm_tensor(&w, name, s.vocab, key, -1, 1);
    }
  }
#undef LM_BLOCK
  lm_tensor(&w, "lm_head.weight", s.vocab, s.width, -1, 1);
  lm_tensor(&w, "resid_lambdas", s.layers, 0, 1, 1);
  lm_tensor(&w, "x0_lambdas", s.layers, 0, 0.1, 0.1);
  w.used += (size_t)sprintf(w.header + w.used,
                            ",\"__metadata__\":{\"config\":\"{\\\"vocab_size\\\":%u,\\\"n_layer\\\":%u,\\\"n_embd\\\":%u,\\\"n_head\\\":%u,"
                            "\\\"n_kv_head\\\":%u,\\\"head_dim\\\":%u,\\\"hidden_dim\\\":%u,\\\"sequence_len\\\":%u,"
                            "\\\"window_pattern\\\":\\\"SL\\\",\\\"activation\\\":\\\"eml\\\"}\"}}",
                            s.vocab, s.layers, s.width, s.heads, s.kv_heads, s.head_dim, s.hidden, s.length);
  while (w.used % 8 != 0) w.header[w.used++] = ' ';
  *size = 8 + w.used + 4 * w.offset;
  unsigned char *file = malloc((size_t)*size);
  if (file == NULL) abort();
  for (int i = 0; i < 8; i++) file[i] = (unsigned char)((uint64_t)w.used >> (8 * i));
  memcpy(file + 8, w.header, w.used);
  memcpy(file + 8 + w.used, w.data, (size_t)(4 * w.offset));
  free(w.header);
  free(w.data);
  return file;
}

/* A tokenizer of 300 tokens. */
static inline eml_tokenizer *new_tokenizer(void) {
  static const eml_text documents[] = {
      {"the cat sat on the mat, the dog lay on the log, and the hen ran to the den. then they all went there again", EML_NTS},
      {"stop and go, stop and start, this and that: a thing that thinks, another thing that sinks", EML_NTS}};
  static const eml_text special[] = {{"<|bos|>", EML_NTS}, {"<|a|>", 5}, {"<|b|>", 5}, {"<|c|>", 5}};
  eml_tokenizer *tokenizer = NULL;
  CHECK_OK(eml_tokenizer_train(documents, 2, 40, special, 4, NULL, &tokenizer));
  return tokenizer;
}

static inline eml_lm *new_lm(lm_shape shape, int with_tokenizer) {
  uint64_t size = 0;
  unsigned char *file = lm_file(shape, &size);
  eml_lm_options options;
  CHECK_OK(eml_lm_options_init(&options, sizeof options));
  eml_tokenizer *tokenizer = with_tokenizer ? new_tokenizer() : NULL;
  options.tokenizer = tokenizer;
  eml_lm *lm = NULL;
  CHECK_OK(eml_lm_import(file, size, &options, &lm));
  CHECK_OK(eml_tokenizer_free(tokenizer));
  free(file);
  return lm;
}

static inline eml_lm_session *new_session(const eml_lm *lm, uint32_t threads) {
  eml_lm_session *session = NULL;
  CHECK_OK(eml_lm_session_create(lm, threads, &session));
  return session;
}

static inline uint64_t session_position(const eml_lm_session *session) {
  eml_lm_session_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK_OK(eml_lm_session_get_info(session, &info));
  return info.position;
}

#endif
