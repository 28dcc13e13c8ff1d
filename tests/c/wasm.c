/*
 * wasm.c - WebAssembly machines: calls, imported functions, memory, traps, runs in pieces, cancelling, token callbacks, functions,
 * refusals.
 */
#include "fixture.h"
#include "wasm_modules.h"

#include <pthread.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* What the imported functions are given and did. */
typedef struct {
  eml_wasm *machine;
  uint64_t next_input;
  uint64_t outputs[8];
  size_t count;
  char printed[64];
  int32_t answer;     /* what output returns */
  eml_status nested;  /* what a call got that an imported function must not make */
  eml_status freeing;
} world;

static int32_t output(const eml_wasm_call *call, void *user) {
  world *w = user;
  CHECK(call->struct_size == sizeof *call && call->nargs == 1 && call->nresults == 0 && call->params[0] == EML_WASM_I32);
  CHECK(strcmp(call->module, "env") == 0 && call->module_len == 3 && strcmp(call->name, "output") == 0 && call->name_len == 6);
  if (w->count < COUNT(w->outputs)) w->outputs[w->count++] = call->args[0];
  return w->answer;
}

static int32_t input(const eml_wasm_call *call, void *user) {
  world *w = user;
  CHECK(call->nargs == 0 && call->nresults == 1 && call->result_types[0] == EML_WASM_I32 && call->results[0] == 0);
  call->results[0] = w->next_input;
  return 0;
}

/* Reads its text from the memory of the machine that calls it, and writes a '!' behind it. */
static int32_t print(const eml_wasm_call *call, void *user) {
  world *w = user;
  CHECK(call->nargs == 2 && call->args[1] < sizeof w->printed);
  CHECK_OK(eml_wasm_read_memory(w->machine, (uint32_t)call->args[0], w->printed, call->args[1]));
  CHECK_OK(eml_wasm_write_memory(w->machine, (uint32_t)(call->args[0] + call->args[1]), "!", 1));
  uint64_t n = 0, value = 0;
  w->nested = eml_wasm_invoke(w->machine, "started", EML_NTS, NULL, 0, 0, NULL, &value, 1, &n);
  w->freeing = eml_wasm_free(w->machine);
  return 0;
}

#define BASE 0x123456789abcdef0u

static eml_wasm *load_with(world *w, int32_t dense, eml_wasm_token_fn token, void *user) {
  eml_wasm_import imports[] = {
      {"env", EML_NTS, "output", EML_NTS, output, w, 0},
      {"env", 3, "input", 5, input, w, 0},
      {"env", EML_NTS, "print", EML_NTS, print, w, 0},
      {"env", EML_NTS, "base", EML_NTS, NULL, NULL, BASE},
      {"other", EML_NTS, "unused", EML_NTS, output, NULL, 0},
  };
  eml_wasm_options options;
  CHECK_OK(eml_wasm_options_init(&options, sizeof options));
  CHECK(options.dense == 0 && options.imports == NULL && options.import_count == 0 && options.token == NULL);
  options.dense = dense;
  options.imports = imports;
  options.import_count = COUNT(imports);
  options.token = token;
  options.user = user;
  eml_wasm *machine = NULL;
  memset(w, 0, sizeof *w);
  CHECK_OK(eml_wasm_load(small_module, sizeof small_module, &options, &machine));
  w->machine = machine;
  return machine;
}

static eml_wasm *load(world *w) { return load_with(w, 0, NULL, NULL); }

/* A call of a function with one result. */
static uint64_t call(eml_wasm *machine, const char *name, const uint64_t *args, uint64_t nargs) {
  uint64_t result = 0xee, n = 0xee;
  CHECK_OK(eml_wasm_invoke(machine, name, EML_NTS, args, nargs, 0, NULL, &result, 1, &n));
  CHECK_THAT(n == 1, "%s: %" PRIu64 " results", name, n);
  return result;
}

static uint64_t call1(eml_wasm *machine, const char *name, uint64_t a) { return call(machine, name, &a, 1); }

static uint64_t call2(eml_wasm *machine, const char *name, uint64_t a, uint64_t b) {
  return call(machine, name, (const uint64_t[]){a, b}, 2);
}

static eml_wasm_info machine_info(const eml_wasm *machine) {
  eml_wasm_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK_OK(eml_wasm_get_info(machine, &info));
  return info;
}

static void expect_trap(const eml_wasm *machine, const char *want) {
  char text[100] = "?";
  uint64_t need = 0;
  CHECK_OK(eml_wasm_trap(machine, text, sizeof text, &need));
  CHECK_THAT(strcmp(text, want) == 0 && need == strlen(want) + 1, "trap '%s', expected '%s'", text, want);
}

/* ------------------------------------------------------------------------------------------------ calls */

static void functions_run(void) {
  for (int32_t dense = 0; dense < 2; dense++) {
    world w;
    eml_wasm *machine = load_with(&w, dense, NULL, NULL);
    CHECK(machine_info(machine).tokens == 0 && machine_info(machine).prompt_tokens > 50);
    CHECK(call2(machine, "add", 3, 5) == 8);
    CHECK(call2(machine, "add", 0xffffffff, 2) == 1);
    CHECK(call2(machine, "add", 0xabc00000001u, 0xdef00000002u) == 3); /* the upper halves of an i32 do not count */
    CHECK(call2(machine, "wide", 0x123456789u, 0xfedcba987u) == 0x123456789u * 0xfedcba987u);
    CHECK(call1(machine, "fib", 5) == 5);
    CHECK(call(machine, "started", NULL, 0) == 7); /* the start function ran before */
    CHECK(call(machine, "base", NULL, 0) == BASE);
    eml_wasm_info info = machine_info(machine);
    CHECK(info.state == EML_WASM_IDLE && info.pages == 1 && info.functions == 12);
    CHECK(info.instructions > 0 && info.tokens >= info.instructions && info.state_bytes > 0);
    CHECK(info.parameters > 0 && info.layers > 0 && info.d_model > 0);
    CHECK_OK(eml_wasm_free(machine));
  }
  world w;
  eml_wasm *machine = load(&w);
  CHECK(call1(machine, "fib", 15) == 610);
  uint64_t results[2] = {0, 0}, n = 0;
  CHECK_OK(eml_wasm_invoke(machine, "divide", 6, (const uint64_t[]){(uint32_t)-7, 2}, 2, 0, NULL, results, 2, &n));
  CHECK(n == 2 && results[0] == (uint32_t)-3 && results[1] == (uint32_t)-1);
  expect_trap(machine, "");
  CHECK_OK(eml_wasm_free(machine));
}

static void imported_functions(void) {
  world w;
  eml_wasm *machine = load(&w);
  uint64_t n = 9;
  w.next_input = 0xabc00000029u;
  CHECK_OK(eml_wasm_invoke(machine, "echo", EML_NTS, NULL, 0, 0, NULL, NULL, 0, &n));
  CHECK(n == 0 && w.count == 1 && w.outputs[0] == 42);
  CHECK_OK(eml_wasm_invoke(machine, "hello", EML_NTS, NULL, 0, 0, NULL, NULL, 0, &n));
  CHECK(strcmp(w.printed, "hello, world") == 0);
  CHECK(w.nested == EML_E_BUSY && w.freeing == EML_E_BUSY);
  CHECK(call1(machine, "get", 28) == '!');
  /* A value other than 0 ends the call. */
  w.answer = -77;
  CHECK_STATUS(eml_wasm_invoke(machine, "echo", EML_NTS, NULL, 0, 0, NULL, NULL, 0, &n), EML_CANCELLED);
  CHECK(last_error().code == EML_CANCELLED && last_error().sub_code == -77);
  CHECK(machine_info(machine).state == EML_WASM_IDLE);
  CHECK_STATUS(eml_wasm_resume(machine, 0, NULL, NULL, 0, &n), EML_E_STATE);
  w.answer = 0;
  CHECK_OK(eml_wasm_invoke(machine, "echo", EML_NTS, NULL, 0, 0, NULL, NULL, 0, &n));
  CHECK(w.count == 3);
  CHECK_OK(eml_wasm_free(machine));
}

static void memory(void) {
  world w;
  eml_wasm *machine = load(&w);
  unsigned char bytes[64], back[64];
  memset(bytes, 0xee, sizeof bytes);
  CHECK_OK(eml_wasm_read_memory(machine, 14, bytes, 16)); /* before any call */
  CHECK(memcmp(bytes, "\0\0hello, world\0\0", 16) == 0 && bytes[16] == 0xee);
  for (uint64_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(3 * i + 1);
  for (uint32_t at = 100; at < 109; at++) {
    for (uint64_t size = 0; size < 20; size++) {
      CHECK_OK(eml_wasm_write_memory(machine, at, bytes, size));
      memset(back, 0, sizeof back);
      CHECK_OK(eml_wasm_read_memory(machine, at, back, size));
      CHECK(memcmp(bytes, back, (size_t)size) == 0 && back[size] == 0);
    }
  }
  CHECK(call1(machine, "get", 109) == 4);
  uint64_t n = 0;
  CHECK_OK(eml_wasm_invoke(machine, "set", EML_NTS, (const uint64_t[]){65535, 200}, 2, 0, NULL, NULL, 0, &n));
  CHECK_OK(eml_wasm_read_memory(machine, 65535, bytes, 1));
  CHECK(bytes[0] == 200);
  CHECK_OK(eml_wasm_write_memory(machine, 65535, "a", 1));
  CHECK_OK(eml_wasm_read_memory(machine, 65536, NULL, 0));
  CHECK_STATUS(eml_wasm_read_memory(machine, 65535, bytes, 2), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "65536"));
  CHECK_STATUS(eml_wasm_write_memory(machine, 65536, bytes, 1), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_write_memory(machine, UINT32_MAX, bytes, 1), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_read_memory(machine, 0, bytes, UINT64_MAX), EML_E_LIMIT);
  CHECK_STATUS(eml_wasm_read_memory(machine, 0, NULL, 1), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_write_memory(machine, 0, NULL, 1), EML_E_ARGUMENT);
  CHECK_OK(eml_wasm_free(machine));
}

static void traps(void) {
  world w;
  eml_wasm *machine = load(&w);
  uint64_t results[2] = {5, 5}, n = 0;
  CHECK_STATUS(eml_wasm_invoke(machine, "divide", EML_NTS, (const uint64_t[]){1, 0}, 2, 0, NULL, results, 2, &n), EML_TRAPPED);
  CHECK(n == 2 && results[0] == 5);
  expect_trap(machine, "integer divide by zero");
  CHECK(last_error().code == EML_TRAPPED && contains(last_error().message, "integer divide by zero"));
  CHECK_STATUS(eml_wasm_invoke(machine, "divide", EML_NTS, (const uint64_t[]){0x80000000u, 0xffffffffu}, 2, 0, NULL, results, 2, &n),
               EML_TRAPPED);
  expect_trap(machine, "integer overflow");
  CHECK_STATUS(eml_wasm_invoke(machine, "get", EML_NTS, (const uint64_t[]){65536}, 1, 0, NULL, results, 2, &n), EML_TRAPPED);
  expect_trap(machine, "out of bounds memory access");
  CHECK_STATUS(eml_wasm_resume(machine, 0, NULL, results, 2, &n), EML_E_STATE);
  char text[4];
  CHECK_STATUS(eml_wasm_trap(machine, text, sizeof text, &n), EML_E_BUFFER);
  CHECK(n == strlen("out of bounds memory access") + 1);
  CHECK(call2(machine, "add", 1, 2) == 3); /* it goes on living */
  expect_trap(machine, "");
  CHECK_OK(eml_wasm_free(machine));
}

/* ------------------------------------------------------------------------------------------------ pieces */

/* One token at a time, with the memory read and written in between, gives the same. */
static void runs_in_pieces(void) {
  static const struct { const char *name; uint64_t argument, want; } cases[] = {{"fib", 9, 34}, {"locals", 7, 777}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    for (uint64_t fuel = 1; fuel < 4; fuel++) {
      world w;
      eml_wasm *machine = load(&w);
      uint64_t result = 99, n = 0, pieces = 0, argument = cases[i].argument;
      eml_status status = eml_wasm_invoke(machine, cases[i].name, EML_NTS, &argument, 1, fuel, NULL, &result, 1, &n);
      while (status == EML_OUT_OF_FUEL) {
        char word[5] = "";
        pieces++;
        CHECK(machine_info(machine).state == EML_WASM_SUSPENDED && n == 1 && result == 99);
        CHECK_OK(eml_wasm_write_memory(machine, (uint32_t)(pieces % 1000), "abcd", 4));
        CHECK_OK(eml_wasm_read_memory(machine, (uint32_t)(pieces % 1000), word, 4));
        CHECK(strcmp(word, "abcd") == 0);
        status = eml_wasm_resume(machine, fuel, NULL, &result, 1, &n);
      }
      CHECK_OK(status);
      CHECK_THAT(result == cases[i].want && pieces > 3, "%s: %" PRIu64 " after %" PRIu64 " pieces", cases[i].name, result, pieces);
      CHECK(machine_info(machine).state == EML_WASM_IDLE);
      CHECK_STATUS(eml_wasm_resume(machine, 0, NULL, &result, 1, &n), EML_E_STATE);
      CHECK_OK(eml_wasm_free(machine));
    }
  }
  world w;
  eml_wasm *machine = load(&w);
  uint64_t n = 0;
  CHECK_STATUS(eml_wasm_resume(machine, 0, NULL, NULL, 0, &n), EML_E_STATE); /* nothing was begun */
  CHECK_STATUS(eml_wasm_invoke(machine, "spin", EML_NTS, NULL, 0, 1000, NULL, NULL, 0, &n), EML_OUT_OF_FUEL);
  CHECK_STATUS(eml_wasm_resume(machine, 1000, NULL, NULL, 0, &n), EML_OUT_OF_FUEL);
  eml_wasm_info info = machine_info(machine);
  CHECK_STATUS(eml_wasm_resume(machine, 100000, NULL, NULL, 0, &n), EML_OUT_OF_FUEL);
  CHECK(machine_info(machine).tokens == info.tokens + 100000 && machine_info(machine).state_bytes == info.state_bytes);
  CHECK(call2(machine, "add", 1, 2) == 3); /* another call gives it up */
  CHECK_OK(eml_wasm_free(machine));
}

static void *set_soon(void *cancel) {
  usleep(20000);
  CHECK_OK(eml_cancel_set(cancel));
  return NULL;
}

static void cancelling(void) {
  for (int32_t dense = 0; dense < 2; dense++) {
    world w;
    eml_wasm *machine = load_with(&w, dense, NULL, NULL);
    eml_cancel *cancel = NULL;
    pthread_t thread;
    uint64_t n = 0;
    CHECK_OK(eml_cancel_create(&cancel));
    CHECK(pthread_create(&thread, NULL, set_soon, cancel) == 0);
    CHECK_STATUS(eml_wasm_invoke(machine, "spin", EML_NTS, NULL, 0, 0, cancel, NULL, 0, &n), EML_CANCELLED);
    pthread_join(thread, NULL);
    CHECK(last_error().sub_code == 0 && machine_info(machine).state == EML_WASM_SUSPENDED);
    CHECK_STATUS(eml_wasm_resume(machine, 5, NULL, NULL, 0, &n), EML_OUT_OF_FUEL);
    CHECK_OK(eml_cancel_free(cancel));
    CHECK_STATUS(eml_wasm_resume(machine, 5, cancel, NULL, 0, &n), EML_E_HANDLE);
    CHECK(machine_info(machine).state == EML_WASM_SUSPENDED);
    CHECK_OK(eml_wasm_free(machine));
  }
}

typedef struct {
  uint64_t count, stop_at, hash;
} tokens;

static int32_t see(const double *numbers, uint64_t count, uint64_t token, void *user) {
  tokens *t = user;
  CHECK(token == t->count && count > 0);
  t->count++;
  for (uint64_t i = 0; i < count; i++) t->hash = t->hash * 1099511628211u + bits_of(numbers[i] + 0.0);
  return t->count == t->stop_at ? 5 : 0;
}

/* The callback sees every token; those of the dense path are the same. */
static void token_callbacks(void) {
  tokens seen[2] = {{0, 0, 0}, {0, 0, 0}};
  for (int32_t dense = 0; dense < 2; dense++) {
    world w;
    eml_wasm *machine = load_with(&w, dense, see, &seen[dense]);
    CHECK(call1(machine, "fib", 3) == 2);
    CHECK(seen[dense].count == machine_info(machine).tokens);
    CHECK_OK(eml_wasm_free(machine));
  }
  CHECK(seen[0].count == seen[1].count && seen[0].hash == seen[1].hash);
  /* Wherever it stops the work, in the start function too, the work goes on. */
  for (uint64_t stop = 1; stop < seen[0].count; stop++) {
    tokens stopped = {0, stop, 0};
    world w;
    uint64_t n = 0, result = 0, argument = 3;
    eml_wasm *machine = load_with(&w, 0, see, &stopped);
    CHECK_STATUS(eml_wasm_invoke(machine, "fib", EML_NTS, &argument, 1, 0, NULL, &result, 1, &n), EML_CANCELLED);
    CHECK(last_error().sub_code == 5 && stopped.count == stop);
    CHECK_OK(eml_wasm_resume(machine, 0, NULL, &result, 1, &n));
    CHECK(result == 2 && stopped.hash == seen[0].hash);
    CHECK_OK(eml_wasm_free(machine));
  }
}

/* ------------------------------------------------------------------------------------------------ functions, refusals */

static void exported_functions(void) {
  static const char *const names[] = {"add", "wide", "fib", "divide", "echo", "hello", "get", "set", "started", "base", "spin", "locals"};
  world w;
  eml_wasm *machine = load(&w);
  eml_wasm_function function = {sizeof function, 0, NULL, 0, NULL, 0, NULL, 0};
  for (uint64_t i = 0; i < COUNT(names); i++) {
    CHECK_OK(eml_wasm_get_function(machine, i, &function));
    CHECK_THAT(strcmp(function.name, names[i]) == 0 && function.name_len == strlen(names[i]), "'%s'", function.name);
    CHECK(function.number == i + 4); /* three are imported, one is the start function */
  }
  CHECK_OK(eml_wasm_get_function(machine, 1, &function));
  CHECK(function.nparams == 2 && function.params[0] == EML_WASM_I64 && function.params[1] == EML_WASM_I64);
  CHECK(function.nresults == 1 && function.results[0] == EML_WASM_I64);
  CHECK_OK(eml_wasm_get_function(machine, 3, &function));
  CHECK(function.nparams == 2 && function.nresults == 2 && function.results[1] == EML_WASM_I32);
  CHECK_OK(eml_wasm_get_function(machine, 10, &function));
  CHECK(function.nparams == 0 && function.nresults == 0);
  CHECK_STATUS(eml_wasm_get_function(machine, 12, &function), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_get_function(machine, UINT64_MAX, &function), EML_E_ARGUMENT);
  CHECK_OK(eml_wasm_free(machine));
}

/* Every prefix of a module, and every module with a byte changed, is refused or loaded; nothing crashes. */
static void rubbish(void) {
  eml_wasm *machine = POISON;
  CHECK_STATUS(eml_wasm_load("rubbish!", 8, NULL, &machine), EML_E_FORMAT);
  CHECK(machine == NULL && last_error().byte_offset == 0);
  for (uint64_t size = 0; size < sizeof small_module; size++) {
    /* The header alone is a module, and so it is with the types, which are the first section. */
    eml_status status = eml_wasm_load(small_module, size, NULL, &machine);
    CHECK_THAT(size == 8 || size == 60 ? status == EML_OK : status == EML_E_FORMAT || status == EML_E_ARGUMENT, "%" PRIu64 " bytes gave %s", size,
               eml_status_name(status));
    CHECK_OK(eml_wasm_free(machine));
  }
  unsigned char bytes[sizeof small_module];
  uint64_t seed = 3;
  for (int round = 0; round < 2000; round++) {
    memcpy(bytes, small_module, sizeof bytes);
    uint64_t where = next_random(&seed) % sizeof bytes;
    bytes[where] = (unsigned char)next_random(&seed);
    eml_status status = eml_wasm_load(bytes, sizeof bytes, NULL, &machine);
    CHECK_THAT(status == EML_E_FORMAT || status == EML_E_ARGUMENT || status == EML_E_UNSUPPORTED || status == EML_E_LIMIT,
               "byte %" PRIu64 ": %s", where, eml_status_name(status)); /* its imports are missing in any case */
    CHECK(machine == NULL);
  }
}

static void refusals(void) {
  eml_wasm *machine = POISON;
  CHECK_STATUS(eml_wasm_load(float_module, sizeof float_module, NULL, &machine), EML_E_UNSUPPORTED);
  CHECK(machine == NULL);
  CHECK(last_error().byte_offset == 31);
  CHECK_THAT(contains(last_error().message, "byte 31, function 0") && contains(last_error().message, "f32.const"), "%s",
             last_error().message);
  CHECK_STATUS(eml_wasm_load(small_module, sizeof small_module, NULL, &machine), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "env.output"));
  CHECK_STATUS(eml_wasm_load(NULL, 8, NULL, &machine), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_load(NULL, 0, NULL, &machine), EML_E_FORMAT);
  CHECK_STATUS(eml_wasm_load(small_module, sizeof small_module, NULL, NULL), EML_E_ARGUMENT);
  eml_wasm_options options;
  CHECK_STATUS(eml_wasm_options_init(NULL, sizeof options), EML_E_ARGUMENT);
  CHECK_OK(eml_wasm_options_init(&options, sizeof options));
  options.dense = 2;
  CHECK_STATUS(eml_wasm_load(small_module, sizeof small_module, &options, &machine), EML_E_ARGUMENT);
  options.dense = 0;
  options.import_count = 1;
  CHECK_STATUS(eml_wasm_load(small_module, sizeof small_module, &options, &machine), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "imports"));
  eml_wasm_import unnamed = {"env", EML_NTS, NULL, EML_NTS, output, NULL, 0};
  options.imports = &unnamed;
  CHECK_STATUS(eml_wasm_load(small_module, sizeof small_module, &options, &machine), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "imports[0].name"));
  unnamed = (eml_wasm_import){"env", EML_NTS, "\xff", EML_NTS, output, NULL, 0};
  CHECK_STATUS(eml_wasm_load(small_module, sizeof small_module, &options, &machine), EML_E_ARGUMENT);
  options.struct_size = 2;
  CHECK_STATUS(eml_wasm_load(small_module, sizeof small_module, &options, &machine), EML_E_VERSION);

  world w;
  machine = load(&w);
  uint64_t args[3] = {1, 2, 3}, result = 9, n = 9;
  CHECK_STATUS(eml_wasm_invoke(machine, "nothing", EML_NTS, NULL, 0, 0, NULL, &result, 1, &n), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "'nothing'") && contains(last_error().message, "fib"));
  CHECK_STATUS(eml_wasm_invoke(machine, "memory", EML_NTS, NULL, 0, 0, NULL, &result, 1, &n), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_invoke(machine, NULL, EML_NTS, NULL, 0, 0, NULL, &result, 1, &n), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_invoke(machine, "add", EML_NTS, args, 1, 0, NULL, &result, 1, &n), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_invoke(machine, "add", EML_NTS, args, 3, 0, NULL, &result, 1, &n), EML_E_ARGUMENT);
  CHECK(contains(last_error().message, "[i32 i32] -> [i32]"));
  CHECK_STATUS(eml_wasm_invoke(machine, "add", EML_NTS, NULL, 2, 0, NULL, &result, 1, &n), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_invoke(machine, "add", EML_NTS, args, 2, 0, NULL, &result, 1, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_invoke(machine, "add", EML_NTS, args, 2, 0, NULL, NULL, 1, &n), EML_E_ARGUMENT);
  n = 9;
  CHECK_STATUS(eml_wasm_invoke(machine, "add", EML_NTS, args, 2, 0, NULL, NULL, 0, &n), EML_E_BUFFER);
  CHECK(n == 1);
  CHECK(machine_info(machine).tokens == 0 && result == 9); /* nothing has run */
  CHECK_STATUS(eml_wasm_get_info(machine, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_get_function(machine, 0, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_wasm_trap(machine, NULL, 0, NULL), EML_E_ARGUMENT);
  CHECK(call2(machine, "add", 1, 2) == 3);
  CHECK_OK(eml_wasm_free(machine));
}

int main(void) {
  RUN(functions_run);
  RUN(imported_functions);
  RUN(memory);
  RUN(traps);
  RUN(runs_in_pieces);
  RUN(cancelling);
  RUN(token_callbacks);
  RUN(exported_functions);
  RUN(rubbish);
  RUN(refusals);
  return test_summary("wasm");
}
