/*
 * wasi.c PROGRAMS DATA - WebAssembly machines with WASI: the programs of the folder examples/wasm put out what is expected; arguments,
 * environment, input, clock, random numbers, exit codes; callbacks; refusals; the machine as files.
 */
#include "fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *programs, *data;

typedef struct {
  unsigned char *at;
  size_t size;
} bytes;

/* A file, or nothing if it is not there. */
static bytes read_file(const char *folder, const char *name, const char *ending) {
  char path[1024];
  bytes b = {malloc(1 << 20), 0};
  snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
  FILE *file = fopen(path, "rb");
  if (b.at == NULL) abort();
  if (file != NULL) {
    b.size = fread(b.at, 1, 1 << 20, file);
    fclose(file);
  }
  return b;
}

static eml_wasm_wasi new_wasi(void) {
  eml_wasm_wasi wasi;
  memset(&wasi, 0xee, sizeof wasi);
  CHECK_OK(eml_wasm_wasi_init(&wasi, sizeof wasi));
  CHECK(wasi.fixed_clock == 0 && wasi.seed == 0 && wasi.arg_count == 0 && wasi.env_count == 0 && wasi.input_size == 0);
  CHECK(wasi.read == NULL && wasi.write == NULL);
  return wasi;
}

static eml_status load_status(const char *folder, const char *name, const eml_wasm_wasi *wasi, eml_wasm **machine) {
  bytes module = read_file(folder, name, ".wasm");
  eml_wasm_options options;
  CHECK_OK(eml_wasm_options_init(&options, sizeof options));
  CHECK(options.wasi == NULL);
  options.wasi = wasi;
  eml_status status = eml_wasm_load(module.at, module.size, &options, machine);
  free(module.at);
  return status;
}

static eml_wasm *load(const eml_wasm_wasi *wasi) {
  eml_wasm *machine = NULL;
  CHECK_OK(load_status(data, "wasi", wasi, &machine));
  return machine;
}

/* A call of a function with one result. */
static uint64_t call(eml_wasm *machine, const char *name) {
  uint64_t result = 0xee, n = 0;
  CHECK_OK(eml_wasm_invoke(machine, name, EML_NTS, NULL, 0, 0, NULL, &result, 1, &n));
  return result;
}

static eml_wasm_info machine_info(const eml_wasm *machine) {
  eml_wasm_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK_OK(eml_wasm_get_info(machine, &info));
  return info;
}

static void expect_output(const eml_wasm *machine, int32_t stream, const void *want, uint64_t size, const char *what) {
  static char got[1 << 20];
  uint64_t need = 0;
  CHECK_OK(eml_wasm_output(machine, stream, got, sizeof got, &need));
  CHECK_THAT(need == size && memcmp(got, want, (size_t)size) == 0, "%s: stream %" PRId32 " has %" PRIu64 " bytes, not the %" PRIu64 " expected",
             what, stream, need, size);
}

static void examples(void) {
  static const char *const names[] = {"hello", "collatz", "primes", "sha256", "quicksort", "nqueens", "matching", "sudoku", "lisp"};
  for (size_t i = 0; i < COUNT(names); i++) {
    bytes input = read_file(programs, names[i], ".in"), expected = read_file(programs, names[i], ".expected");
    CHECK_THAT(expected.size > 0, "%s.expected is missing", names[i]);
    eml_wasm_wasi wasi = new_wasi();
    eml_wasm_text name = {names[i], EML_NTS};
    eml_wasm *machine = NULL;
    uint64_t n = 0;
    wasi.args = &name;
    wasi.arg_count = 1;
    wasi.input = input.at;
    wasi.input_size = input.size;
    CHECK_OK(load_status(programs, names[i], &wasi, &machine));
    memset(input.at, 0xee, input.size); /* all was copied */
    eml_status status = eml_wasm_invoke(machine, "_start", EML_NTS, NULL, 0, 0, NULL, NULL, 0, &n);
    eml_wasm_info info = machine_info(machine);
    CHECK_THAT((status == EML_OK && info.has_exited == 0) || (status == EML_EXITED && info.has_exited == 1), "%s: %s", names[i],
               eml_status_name(status));
    CHECK(info.exit_code == 0 && info.state == EML_WASM_IDLE);
    expect_output(machine, 1, expected.at, expected.size, names[i]);
    expect_output(machine, 2, "", 0, names[i]);
    CHECK_OK(eml_wasm_free(machine));
    free(input.at);
    free(expected.at);
  }
}

static void what_a_program_sees(void) {
  const eml_wasm_text args[] = {{"name", EML_NTS}, {"two words and more", 9}, {"", 0}, {"\xc3\xa9", 2}};
  const eml_wasm_text env[] = {{"HOME=/", EML_NTS}, {"EMPTY=", EML_NTS}};
  eml_wasm_wasi wasi = new_wasi();
  wasi.fixed_clock = 1;
  wasi.clock_ns = 0x123456789abcdef0u;
  wasi.seed = 7;
  wasi.args = args;
  wasi.arg_count = COUNT(args);
  wasi.env = env;
  wasi.env_count = COUNT(env);
  eml_wasm *machine = load(&wasi), *same = load(&wasi);
  CHECK(call(machine, "args") == 4);
  expect_output(machine, 1, "name\0two words\0\0\xc3\xa9\0", 19, "args");
  CHECK(call(machine, "env") == 2);
  expect_output(machine, 1, "name\0two words\0\0\xc3\xa9\0HOME=/\0EMPTY=\0", 33, "env");
  CHECK(call(machine, "clock") == 0x123456789abcdef0u);
  uint64_t random = call(machine, "random"), next = call(machine, "random");
  CHECK(random != next && call(same, "random") == random && call(same, "random") == next);
  CHECK(call(machine, "missing") == 52);
  uint64_t n = 0;
  CHECK_OK(eml_wasm_invoke(machine, "complain", EML_NTS, NULL, 0, 0, NULL, NULL, 0, &n));
  expect_output(machine, 2, "oops\n", 5, "complain");
  CHECK_OK(eml_wasm_free(machine));
  CHECK_OK(eml_wasm_free(same));
  wasi = new_wasi();
  wasi.seed = 8;
  machine = load(&wasi);
  CHECK(call(machine, "random") != random);
  CHECK(call(machine, "clock") > 1700000000u * (uint64_t)1000000000u); /* after 2023 */
  CHECK(call(machine, "args") == 0 && call(machine, "env") == 0 && call(machine, "copy") == 0);
  expect_output(machine, 1, "", 0, "nothing");
  CHECK_OK(eml_wasm_free(machine));
}

static void exit_codes(void) {
  static const uint32_t codes[] = {0, 1, 134, 256, UINT32_MAX};
  eml_wasm_wasi wasi = new_wasi();
  eml_wasm *machine = load(&wasi);
  CHECK(machine_info(machine).has_exited == 0 && machine_info(machine).exit_code == 0);
  for (size_t i = 0; i < COUNT(codes); i++) {
    uint64_t result = 0xee, n = 0, code = codes[i];
    CHECK_STATUS(eml_wasm_invoke(machine, "exit", EML_NTS, &code, 1, 0, NULL, &result, 1, &n), EML_EXITED);
    eml_wasm_info info = machine_info(machine);
    CHECK(info.has_exited == 1 && info.exit_code == codes[i] && info.state == EML_WASM_IDLE && result == 0xee);
    CHECK_STATUS(eml_wasm_resume(machine, 0, NULL, &result, 1, &n), EML_E_STATE);
    CHECK(call(machine, "missing") == 52); /* the module can be called again */
    info = machine_info(machine);
    CHECK(info.has_exited == 0 && info.exit_code == 0);
  }
  /* The exit is found in pieces, too. */
  uint64_t result = 0, n = 0, code = 3, pieces = 0;
  eml_status status = eml_wasm_invoke(machine, "exit", EML_NTS, &code, 1, 1, NULL, &result, 1, &n);
  for (; status == EML_OUT_OF_FUEL; pieces++) status = eml_wasm_resume(machine, 1, NULL, &result, 1, &n);
  CHECK(status == EML_EXITED && pieces > 2 && machine_info(machine).exit_code == 3);
  CHECK_OK(eml_wasm_free(machine));
}

/* ------------------------------------------------------------------------------------------------ callbacks */

typedef struct {
  uint64_t left, given; /* bytes to give, given */
  int32_t read_answer, write_answer;
  uint64_t excess;
  char out[2000], error[100];
  uint64_t out_size, error_size, calls;
  eml_wasm *machine;
  eml_status nested;
} streams;

static int32_t give(eml_wasm_transfer *transfer, void *user) {
  streams *s = user;
  uint64_t size = transfer->size;
  CHECK(transfer->struct_size == sizeof *transfer && transfer->stream == 0 && transfer->given == 0 && size > 0);
  uint64_t n = s->left < 7 ? s->left : 7; /* less than what is asked for */
  for (uint64_t i = 0; i < n && i < size; i++) ((char *)transfer->bytes)[i] = (char)('a' + (s->given + i) % 26);
  s->left -= n;
  s->given += n;
  transfer->given = n + (s->excess == 0 ? 0 : size + s->excess);
  return s->read_answer;
}

static int32_t take(eml_wasm_transfer *transfer, void *user) {
  streams *s = user;
  int32_t stream = transfer->stream;
  uint64_t size = transfer->size;
  char *to = stream == 1 ? s->out : s->error;
  uint64_t *used = stream == 1 ? &s->out_size : &s->error_size, room = stream == 1 ? sizeof s->out : sizeof s->error;
  CHECK(stream == 1 || stream == 2);
  CHECK(*used + size <= room);
  if (*used + size <= room) memcpy(to + *used, transfer->bytes, (size_t)size);
  *used += size;
  s->calls++;
  char byte;
  s->nested = eml_wasm_read_memory(s->machine, 0, &byte, 1);
  return s->write_answer;
}

static void stream_callbacks(void) {
  static streams s;
  memset(&s, 0, sizeof s);
  eml_wasm_wasi wasi = new_wasi();
  wasi.read = give;
  wasi.write = take;
  wasi.user = &s;
  eml_wasm *machine = s.machine = load(&wasi);
  uint64_t result = 0, n = 0;
  s.left = 1000;
  CHECK(call(machine, "copy") == 1000);
  CHECK(s.out_size == 1000 && s.left == 0 && s.calls == 143 && s.nested == EML_E_BUSY);
  for (uint64_t i = 0; i < 1000; i++) CHECK(s.out[i] == (char)('a' + i % 26));
  expect_output(machine, 1, "", 0, "taken by the callback");
  CHECK_OK(eml_wasm_invoke(machine, "complain", EML_NTS, NULL, 0, 0, NULL, NULL, 0, &n));
  CHECK(s.error_size == 5 && memcmp(s.error, "oops\n", 5) == 0);
  /* Values other than 0 end the call. */
  s.left = 1000;
  s.out_size = 0;
  s.write_answer = -5;
  CHECK_STATUS(eml_wasm_invoke(machine, "copy", EML_NTS, NULL, 0, 0, NULL, &result, 1, &n), EML_CANCELLED);
  CHECK(last_error().sub_code == -5 && machine_info(machine).state == EML_WASM_IDLE);
  s.read_answer = 6;
  CHECK_STATUS(eml_wasm_invoke(machine, "copy", EML_NTS, NULL, 0, 0, NULL, &result, 1, &n), EML_CANCELLED);
  CHECK(last_error().sub_code == 6);
  s.read_answer = s.write_answer = 0;
  s.excess = 1;
  CHECK_STATUS(eml_wasm_invoke(machine, "copy", EML_NTS, NULL, 0, 0, NULL, &result, 1, &n), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "wasi.read gave"));
  s.excess = 0;
  s.left = 3;
  s.out_size = 0;
  CHECK(call(machine, "copy") == 3 && s.out_size == 3);
  CHECK_OK(eml_wasm_free(machine));
}

static int32_t my_random(const eml_wasm_call *called, void *user) {
  CHECK(called->nargs == 2 && called->nresults == 1);
  uint64_t value = 42;
  CHECK_OK(eml_wasm_write_memory(*(eml_wasm **)user, (uint32_t)called->args[0], &value, 8));
  return 0;
}

/* What the host gives itself goes before WASI. */
static void imports_go_first(void) {
  eml_wasm *machine = NULL;
  eml_wasm_import import = {"wasi_snapshot_preview1", EML_NTS, "random_get", EML_NTS, my_random, &machine, 0};
  eml_wasm_wasi wasi = new_wasi();
  eml_wasm_options options;
  bytes module = read_file(data, "wasi", ".wasm");
  CHECK_OK(eml_wasm_options_init(&options, sizeof options));
  options.imports = &import;
  options.import_count = 1;
  options.wasi = &wasi;
  CHECK_OK(eml_wasm_load(module.at, module.size, &options, &machine));
  CHECK(call(machine, "random") == 42 && call(machine, "missing") == 52);
  CHECK_OK(eml_wasm_free(machine));
  free(module.at);
}

/* ------------------------------------------------------------------------------------------------ refusals, files */

static void refusals(void) {
  eml_wasm *machine = POISON;
  CHECK_STATUS(load_status(data, "wasi", NULL, &machine), EML_E_ARGUMENT);
  CHECK(machine == NULL && contains(last_error().message, "wasi_snapshot_preview1.fd_write"));
  CHECK_STATUS(eml_wasm_wasi_init(NULL, sizeof(eml_wasm_wasi)), EML_E_ARGUMENT);
  eml_wasm_wasi wasi = new_wasi();
  CHECK_STATUS(eml_wasm_wasi_init(&wasi, 3), EML_E_VERSION);
  wasi.struct_size = 1;
  CHECK_STATUS(load_status(data, "wasi", &wasi, &machine), EML_E_VERSION);
  wasi = new_wasi();
  wasi.fixed_clock = 2;
  CHECK_STATUS(load_status(data, "wasi", &wasi, &machine), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "wasi.fixed_clock"));
  wasi = new_wasi();
  wasi.arg_count = 1;
  CHECK_STATUS(load_status(data, "wasi", &wasi, &machine), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "wasi.args"));
  eml_wasm_text text = {"a\0b", 3};
  wasi.args = &text;
  CHECK_STATUS(load_status(data, "wasi", &wasi, &machine), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "wasi.args[0] holds a NUL"));
  text = (eml_wasm_text){"\xff", 1};
  wasi = new_wasi();
  wasi.env = &text;
  wasi.env_count = 1;
  CHECK_STATUS(load_status(data, "wasi", &wasi, &machine), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "wasi.env[0]"));
  wasi = new_wasi();
  wasi.input_size = 1;
  CHECK_STATUS(load_status(data, "wasi", &wasi, &machine), EML_E_ARGUMENT);
  wasi.input = "a";
  wasi.read = give;
  CHECK_STATUS(load_status(data, "wasi", &wasi, &machine), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "wasi.read"));

  wasi = new_wasi();
  machine = load(&wasi);
  char text_room[4];
  uint64_t need = 0;
  CHECK(call(machine, "args") == 0);
  CHECK_STATUS(eml_wasm_output(machine, 0, text_room, sizeof text_room, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_output(machine, 3, text_room, sizeof text_room, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_output(machine, 1, text_room, sizeof text_room, NULL), EML_E_ARGUMENT);
  CHECK_OK(eml_wasm_output(machine, 1, NULL, 0, &need));
  uint64_t n = 0;
  CHECK_OK(eml_wasm_invoke(machine, "complain", EML_NTS, NULL, 0, 0, NULL, NULL, 0, &n));
  CHECK_STATUS(eml_wasm_output(machine, 2, text_room, sizeof text_room, &need), EML_E_BUFFER);
  CHECK(need == 5);
  CHECK_OK(eml_wasm_free(machine));
  static const unsigned char empty[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
  CHECK_OK(eml_wasm_load(empty, sizeof empty, NULL, &machine));
  CHECK_STATUS(eml_wasm_output(machine, 1, NULL, 0, &need), EML_E_STATE);
  CHECK_OK(eml_wasm_free(machine));
}

static void export_to_files(void) {
  static const char *const files[] = {"model.safetensors", "config.json", "tokens.json", "prompt.json"};
  char folder[] = "/tmp/eml-wasi-XXXXXX", path[64], inner[64];
  CHECK(mkdtemp(folder) != NULL);
  snprintf(inner, sizeof inner, "%s/machine", folder);
  eml_wasm_wasi wasi = new_wasi();
  eml_wasm *machine = load(&wasi);
  uint64_t code = 5, before = machine_info(machine).tokens;
  CHECK_OK(eml_wasm_export(machine, "exit", EML_NTS, &code, 1, inner, EML_NTS));
  CHECK(machine_info(machine).tokens == before);
  for (size_t i = 0; i < COUNT(files); i++) {
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", inner, files[i]);
    CHECK_THAT(stat(path, &status) == 0 && status.st_size > 20, "%s is missing", path);
  }
  CHECK_STATUS(eml_wasm_export(machine, "exit", EML_NTS, NULL, 0, inner, EML_NTS), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_export(machine, "none", EML_NTS, NULL, 0, inner, EML_NTS), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_export(machine, "exit", EML_NTS, &code, 1, "", 0), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_export(machine, "exit", EML_NTS, &code, 1, "/dev/null/machine", EML_NTS), EML_E_IO);
  CHECK_OK(eml_wasm_free(machine));
  for (size_t i = 0; i < COUNT(files); i++) {
    snprintf(path, sizeof path, "%s/%s", inner, files[i]);
    unlink(path);
  }
  CHECK(rmdir(inner) == 0 && rmdir(folder) == 0);
  /* (module (func) (func (export "f")) (start 0)) */
  static const unsigned char start[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 3, 2, 0, 0, 7, 5, 1, 1, 'f', 0, 1, 8, 1, 0, 10, 7, 2, 2, 0, 11, 2, 0, 11};
  CHECK_OK(eml_wasm_load(start, sizeof start, NULL, &machine));
  CHECK_STATUS(eml_wasm_export(machine, "f", EML_NTS, NULL, 0, inner, EML_NTS), EML_E_UNSUPPORTED);
  CHECK(contains(last_error().message, "start function"));
  CHECK_OK(eml_wasm_free(machine));
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  programs = argv[1];
  data = argv[2];
  RUN(examples);
  RUN(what_a_program_sees);
  RUN(exit_codes);
  RUN(stream_callbacks);
  RUN(imports_go_first);
  RUN(refusals);
  RUN(export_to_files);
  return test_summary("wasi");
}
