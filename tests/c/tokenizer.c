/*
 * tokenizer.c - tokenizers: files, encoding and decoding, special tokens, streams, training, refusals. The pairs of texts and ids
 * are those of tests/data/lm/bpe_parity.json.
 */
#include "language.h"

#include <unistd.h>

static const char *data_folder;

static eml_tokenizer *load(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/tokenizer.tiktoken", data_folder);
  eml_tokenizer *tokenizer = NULL;
  CHECK_OK(eml_tokenizer_load(path, EML_NTS, &tokenizer));
  return tokenizer;
}

static eml_tokenizer_info tokenizer_info(const eml_tokenizer *tokenizer) {
  eml_tokenizer_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK_OK(eml_tokenizer_get_info(tokenizer, &info));
  return info;
}

static uint64_t encode(const eml_tokenizer *tokenizer, const char *text, uint32_t flags, int32_t *ids, uint64_t cap) {
  uint64_t need = 0;
  CHECK_OK(eml_tokenizer_encode(tokenizer, text, EML_NTS, flags, ids, cap, &need));
  return need;
}

static void vocabulary(void) {
  eml_tokenizer *tokenizer = load();
  eml_tokenizer_info info = tokenizer_info(tokenizer);
  CHECK(info.vocab_size == 8192 && info.rank_count == 8188 && info.bos_id == 8188);
  int32_t id = 77;
  CHECK_OK(eml_tokenizer_special(tokenizer, "<|reserved_1|>", EML_NTS, &id));
  CHECK(id == 8189);
  CHECK_OK(eml_tokenizer_special(tokenizer, "<|nothing|>", EML_NTS, &id));
  CHECK(id == -1);
  static int32_t lengths[8192];
  CHECK_OK(eml_tokenizer_byte_lengths(tokenizer, EML_BYTES_RAW, lengths, 8192));
  CHECK(lengths['a'] == 1 && lengths[255] == 1 && lengths[8188] == 0);
  CHECK_OK(eml_tokenizer_byte_lengths(tokenizer, EML_BYTES_REFERENCE, lengths, 8192));
  CHECK(lengths['a'] == 1 && lengths[255] == 3 && lengths[8188] == 0);
  CHECK_STATUS(eml_tokenizer_byte_lengths(tokenizer, EML_BYTES_RAW, lengths, 8191), EML_E_SHAPE);
  CHECK_STATUS(eml_tokenizer_byte_lengths(tokenizer, 2, lengths, 8192), EML_E_ARGUMENT);
  CHECK_OK(eml_tokenizer_free(tokenizer));
}

static void texts_and_ids(void) {
  static const char *texts[] = {"", "Hello, world!", "The year 2024 isn't over.\n\n  x = 3.14159;\ty", "na\xc3\xafve caf\xc3\xa9 \xe2\x82\xac 5",
                                "\xf0\x9f\x98\x80\xf0\x9f\x91\x8d", "a\r\nb   \r\n   c", "<|reserved_0|>"};
  eml_tokenizer *tokenizer = load();
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    int32_t ids[128];
    char text[256];
    uint64_t n = encode(tokenizer, texts[i], 0, ids, 128), need = 0;
    CHECK(n <= strlen(texts[i]));
    CHECK_OK(eml_tokenizer_decode(tokenizer, ids, n, text, sizeof text, &need));
    CHECK_THAT(need == strlen(texts[i]) + 1 && strcmp(text, texts[i]) == 0, "text %zu became '%s'", i, text);
    CHECK_OK(eml_tokenizer_decode_bytes(tokenizer, ids, n, text, sizeof text, &need));
    CHECK(need == strlen(texts[i]) && memcmp(text, texts[i], need) == 0);
    eml_buffer *buffer = NULL;
    const void *data = NULL;
    uint64_t size = 0;
    CHECK_OK(eml_tokenizer_encode_buffer(tokenizer, texts[i], EML_NTS, 0, &buffer));
    CHECK_OK(eml_buffer_data(buffer, &data, &size));
    CHECK(size == n * sizeof(int32_t) && memcmp(data, ids, size) == 0);
    CHECK_OK(eml_buffer_free(buffer));
  }
  int32_t ids[8], more[8];
  CHECK(encode(tokenizer, "<|reserved_0|>", EML_TOKENIZER_SPECIAL, ids, 8) == 1 && ids[0] == 8188);
  CHECK(encode(tokenizer, "a\0b", 0, ids, 8) == 1); /* EML_NTS ends at the NUL */
  uint64_t need = 0;
  CHECK_OK(eml_tokenizer_encode(tokenizer, "a\0b", 3, 0, more, 8, &need));
  CHECK(need == 3 && more[0] == 'a' && more[1] == 0 && more[2] == 'b');
  CHECK_STATUS(eml_tokenizer_encode(tokenizer, "a\0b", 3, 0, more, 2, &need), EML_E_BUFFER);
  CHECK(need == 3);
  CHECK_STATUS(eml_tokenizer_encode(tokenizer, "a\0b", 3, 0, NULL, 0, &need), EML_E_BUFFER);
  CHECK_STATUS(eml_tokenizer_encode(tokenizer, "a\0b", 3, 2, more, 8, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_tokenizer_encode(tokenizer, "a\xff", 2, 0, more, 8, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_tokenizer_encode(tokenizer, NULL, 2, 0, more, 8, &need), EML_E_ARGUMENT);
  CHECK_OK(eml_tokenizer_encode(tokenizer, NULL, 0, 0, NULL, 0, &need));
  CHECK(need == 0);
  ids[0] = 97, ids[1] = 8192;
  char text[16];
  CHECK_STATUS(eml_tokenizer_decode(tokenizer, ids, 2, text, sizeof text, &need), EML_E_ARGUMENT);
  CHECK_THAT(contains(last_error().message, "ids[1]"), "%s", last_error().message);
  ids[1] = -1;
  CHECK_STATUS(eml_tokenizer_decode_bytes(tokenizer, ids, 2, text, sizeof text, &need), EML_E_ARGUMENT);
  /* Half a character becomes U+FFFD; the bytes stay as they are. */
  ids[0] = 0xe2, ids[1] = 0x82;
  CHECK_OK(eml_tokenizer_decode(tokenizer, ids, 2, text, sizeof text, &need));
  CHECK(need == 4 && strcmp(text, "\xef\xbf\xbd") == 0);
  CHECK_OK(eml_tokenizer_decode_bytes(tokenizer, ids, 2, text, sizeof text, &need));
  CHECK(need == 2 && memcmp(text, "\xe2\x82", 2) == 0);
  CHECK_OK(eml_tokenizer_free(tokenizer));
}

static void streams(void) {
  eml_tokenizer *tokenizer = load();
  eml_token_stream *stream = NULL;
  CHECK_OK(eml_token_stream_create(tokenizer, &stream));
  CHECK_OK(eml_tokenizer_free(tokenizer)); /* the stream goes on */
  static const int32_t ids[] = {'a', 0xe2, 0x82, 0xac, 0xe2, 'b', 0xf0, 0x9f};
  static const char *want[] = {"a", "", "", "\xe2\x82\xac", "", "\xef\xbf\xbd" "b", "", ""};
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    const char *text = NULL;
    uint64_t len = 99;
    CHECK_OK(eml_token_stream_push(stream, ids[i], &text, &len));
    CHECK_THAT(len == strlen(want[i]) && strcmp(text, want[i]) == 0, "token %zu gave '%s'", i, text);
  }
  const char *text = NULL;
  uint64_t len = 0;
  CHECK_STATUS(eml_token_stream_push(stream, 8192, &text, &len), EML_E_ARGUMENT);
  CHECK_OK(eml_token_stream_flush(stream, &text, &len));
  CHECK(len == 3 && strcmp(text, "\xef\xbf\xbd") == 0);
  CHECK_OK(eml_token_stream_flush(stream, &text, &len));
  CHECK(len == 0 && text[0] == 0);
  CHECK_STATUS(eml_token_stream_flush(stream, NULL, &len), EML_E_ARGUMENT);
  CHECK_OK(eml_token_stream_free(stream));
}

static unsigned char *exported_tokenizer(const eml_tokenizer *tokenizer, int32_t format, uint64_t *len) {
  CHECK_STATUS(eml_tokenizer_export(tokenizer, format, NULL, 0, len), EML_E_BUFFER);
  unsigned char *bytes = malloc((size_t)*len);
  if (bytes == NULL) abort();
  CHECK_OK(eml_tokenizer_export(tokenizer, format, bytes, *len, len));
  return bytes;
}

static void files(void) {
  eml_tokenizer *tokenizer = new_tokenizer(), *other = NULL;
  uint64_t len = 0, again = 0, need = 0;
  unsigned char *json = exported_tokenizer(tokenizer, EML_FORMAT_JSON, &len);
  CHECK_OK(eml_tokenizer_import(json, len, &other));
  unsigned char *same = exported_tokenizer(other, EML_FORMAT_JSON, &again);
  CHECK(len == again && memcmp(json, same, len) == 0);
  int32_t first[64], second[64];
  uint64_t n = encode(tokenizer, "then the cat thinks<|a|>", EML_TOKENIZER_SPECIAL, first, 64);
  CHECK(n == encode(other, "then the cat thinks<|a|>", EML_TOKENIZER_SPECIAL, second, 64));
  CHECK(memcmp(first, second, n * sizeof *first) == 0 && n < 18);
  CHECK(tokenizer_info(other).bos_id == 296 && tokenizer_info(other).vocab_size == 300);
  CHECK_OK(eml_tokenizer_free(other));
  CHECK_STATUS(eml_tokenizer_export(tokenizer, EML_FORMAT_SAFETENSORS, NULL, 0, &need), EML_E_UNSUPPORTED);
  CHECK_STATUS(eml_tokenizer_save(tokenizer, "/tmp/a.txt", EML_NTS, EML_FORMAT_AUTO), EML_E_ARGUMENT);
  CHECK_STATUS(eml_tokenizer_load("/nonexistent/a.json", EML_NTS, &other), EML_E_IO);
  CHECK(other == NULL);
  char path[64];
  snprintf(path, sizeof path, "/tmp/eml-tokenizer-%d.json", (int)getpid());
  CHECK_OK(eml_tokenizer_save(tokenizer, path, EML_NTS, EML_FORMAT_AUTO));
  CHECK_OK(eml_tokenizer_load(path, EML_NTS, &other));
  CHECK(tokenizer_info(other).vocab_size == 300);
  CHECK(unlink(path) == 0);
  /* Every file that is cut off is refused, none is read beyond its end. */
  for (uint64_t size = 0; size < len; size += 97) {
    unsigned char *cut = malloc((size_t)(size == 0 ? 1 : size));
    if (cut == NULL) abort();
    memcpy(cut, json, size);
    eml_tokenizer *none = POISON;
    CHECK_THAT(eml_tokenizer_import(cut, size, &none) < 0 && none == NULL, "the first %" PRIu64 " bytes were accepted", size);
    free(cut);
  }
  free(json);
  free(same);
  CHECK_OK(eml_tokenizer_free(other));
  CHECK_OK(eml_tokenizer_free(tokenizer));
}

static void training(void) {
  eml_tokenizer *tokenizer = NULL;
  const eml_text document = {"aaaa abab", 9}, twice[] = {{"<x>", 3}, {"<x>", 3}}, bad = {"\xff", 1};
  CHECK_OK(eml_tokenizer_train(&document, 1, 1, NULL, 0, NULL, &tokenizer));
  int32_t ids[8];
  CHECK(encode(tokenizer, "aaab", 0, ids, 8) == 3 && ids[0] == 256 && ids[1] == 'a' && ids[2] == 'b'); /* aa three times, ab twice */
  CHECK(tokenizer_info(tokenizer).bos_id == -1 && tokenizer_info(tokenizer).vocab_size == 257);
  CHECK_OK(eml_tokenizer_free(tokenizer));
  CHECK_STATUS(eml_tokenizer_train(&document, 1, 1, twice, 2, NULL, &tokenizer), EML_E_ARGUMENT);
  CHECK_STATUS(eml_tokenizer_train(&bad, 1, 1, NULL, 0, NULL, &tokenizer), EML_E_ARGUMENT);
  CHECK_STATUS(eml_tokenizer_train(&document, 1, UINT64_MAX, NULL, 0, NULL, &tokenizer), EML_E_LIMIT);
  CHECK(tokenizer == NULL);
  eml_cancel *cancel = NULL;
  CHECK_OK(eml_cancel_create(&cancel));
  CHECK_OK(eml_cancel_set(cancel));
  CHECK_STATUS(eml_tokenizer_train(&document, 1, 5, NULL, 0, cancel, &tokenizer), EML_CANCELLED);
  CHECK(tokenizer_info(tokenizer).vocab_size == 256);
  CHECK_OK(eml_tokenizer_free(tokenizer));
  CHECK_OK(eml_cancel_free(cancel));
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  data_folder = argv[1];
  RUN(vocabulary);
  RUN(texts_and_ids);
  RUN(streams);
  RUN(files);
  RUN(training);
  return test_summary("tokenizer");
}
