/*
 * machine.c - compact machines: programs, refusals, texts, folders, runs in pieces, callbacks, cancelling, files, traces, layer data.
 */
#include "fixture.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define OP(opcode, operand) {EML_OP_##opcode, operand}
#define OP0(opcode) {EML_OP_##opcode, EML_NO_OPERAND}
#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define NONE 256
#define HALT 257

static const eml_instruction adds[] = {OP(CONST, 3), OP(CONST, 5), OP0(ADD), OP0(OUTPUT), OP0(HALT)};
/* 250, 251, ..., 255, 0: seven bytes from a loop over local 0. */
static const eml_instruction counts[] = {
    OP(CONST, 250), OP(LOCAL_SET, 0), OP0(LOOP), OP(LOCAL_GET, 0), OP0(OUTPUT), OP(LOCAL_GET, 0), OP(CONST, 1),
    OP0(ADD), OP(LOCAL_TEE, 0), OP(CONST, 1), OP0(NE), OP(BR_IF, 0), OP0(END_LOOP), OP0(HALT),
};
/* Copies file 0 to file 1 until a 0 byte, adding 1 to each byte. */
static const eml_instruction copies[] = {
    OP(FD_OPEN, 0), OP(LOCAL_SET, 9), OP(FD_OPEN, 1), OP(LOCAL_SET, 9), OP0(LOOP), OP(CONST, 0), OP0(FD_READ),
    OP(LOCAL_SET, 0), OP(CONST, 1), OP(LOCAL_GET, 0), OP(CONST, 1), OP0(ADD), OP0(FD_WRITE), OP(LOCAL_GET, 0),
    OP(BR_IF, 0), OP0(END_LOOP), OP0(HALT),
};
/* Loops inside loops: 255 * 255 turns, far more work than any test waits for. */
static const eml_instruction long_work[] = {
    OP(CONST, 255), OP(LOCAL_SET, 0), OP0(LOOP), OP(CONST, 255), OP(LOCAL_SET, 1), OP0(LOOP), OP(CONST, 255),
    OP(LOCAL_SET, 2), OP0(LOOP), OP(LOCAL_GET, 2), OP(CONST, 1), OP0(SUB), OP(LOCAL_TEE, 2), OP(BR_IF, 0),
    OP0(END_LOOP), OP(LOCAL_GET, 1), OP(CONST, 1), OP0(SUB), OP(LOCAL_TEE, 1), OP(BR_IF, 0), OP0(END_LOOP),
    OP(LOCAL_GET, 0), OP(CONST, 1), OP0(SUB), OP(LOCAL_TEE, 0), OP(BR_IF, 0), OP0(END_LOOP), OP0(HALT),
};
static const eml_instruction endless[] = {OP0(LOOP), OP(CONST, 1), OP(BR_IF, 0), OP0(END_LOOP), OP0(HALT)};

static eml_machine *new_machine(int32_t dense, int32_t keep_trace, int32_t probe) {
  eml_machine_options options;
  eml_machine *machine = NULL;
  CHECK_OK(eml_machine_options_init(&options, sizeof options));
  options.dense = dense;
  options.keep_trace = keep_trace;
  options.probe = probe;
  CHECK_OK(eml_machine_create(&options, &machine));
  return machine;
}

static eml_machine_info machine_info(const eml_machine *machine) {
  eml_machine_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK_OK(eml_machine_get_info(machine, &info));
  return info;
}

static eml_machine_event new_event(void) {
  eml_machine_event event;
  memset(&event, 0xee, sizeof event);
  event.struct_size = sizeof event;
  return event;
}

/* Checks everything that the program put out. */
static void expect_output(const eml_machine *machine, const unsigned char *want, uint64_t count) {
  unsigned char bytes[4096];
  uint64_t need = 0;
  CHECK_OK(eml_machine_output(machine, bytes, sizeof bytes, &need));
  CHECK_THAT(need == count, "%" PRIu64 " bytes, expected %" PRIu64, need, count);
  for (uint64_t i = 0; i < count && need == count; i++) {
    CHECK_THAT(bytes[i] == want[i], "byte %" PRIu64 " is %u, expected %u", i, bytes[i], want[i]);
  }
  CHECK(machine_info(machine).output_size == count);
}

static const unsigned char counted[] = {250, 251, 252, 253, 254, 255, 0};

/* ------------------------------------------------------------------------------------------------ programs */

static void a_program_runs(void) {
  for (int dense = 0; dense < 2; dense++) {
    eml_machine *machine = new_machine(dense, 0, 0);
    CHECK(machine_info(machine).state == EML_MACHINE_EMPTY && machine_info(machine).steps == 0);
    CHECK_OK(eml_machine_load(machine, adds, COUNT(adds)));
    CHECK(machine_info(machine).state == EML_MACHINE_READY && machine_info(machine).instructions == COUNT(adds));
    CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
    expect_output(machine, (const unsigned char[]){8}, 1);
    CHECK(machine_info(machine).state == EML_MACHINE_HALTED && machine_info(machine).steps == COUNT(adds));
    CHECK(machine_info(machine).state_bytes > 0);
    CHECK_STATUS(eml_machine_run(machine, 0, NULL, NULL, NULL), EML_DONE);
    eml_machine_event event = new_event(), untouched = event;
    CHECK_STATUS(eml_machine_step(machine, &event), EML_DONE);
    CHECK(memcmp(&event, &untouched, sizeof event) == 0);
    CHECK_OK(eml_machine_load(machine, counts, COUNT(counts))); /* the next program begins afresh */
    expect_output(machine, NULL, 0);
    CHECK(machine_info(machine).steps == 0);
    CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
    expect_output(machine, counted, sizeof counted);
    CHECK_OK(eml_machine_free(machine));
  }
  eml_machine *machine = NULL;
  CHECK_OK(eml_machine_create(NULL, &machine));
  CHECK_OK(eml_machine_free(machine));
}

/* Every instruction on two operands, against C. */
static void arithmetic(void) {
  static const int32_t opcodes[] = {EML_OP_ADD, EML_OP_SUB, EML_OP_MUL, EML_OP_AND, EML_OP_OR, EML_OP_EQ,
                                    EML_OP_NE, EML_OP_LT_S, EML_OP_GT_S, EML_OP_LE_S, EML_OP_GE_S};
  eml_machine *machine = new_machine(0, 0, 0);
  uint64_t seed = 5;
  for (int round = 0; round < 60; round++) {
    int a = (int)(next_random(&seed) % 256), b = round % 7 == 0 ? a : (int)(next_random(&seed) % 256);
    unsigned char want[COUNT(opcodes)] = {
        (unsigned char)(a + b), (unsigned char)(a - b), (unsigned char)(a * b), (unsigned char)(a & b), (unsigned char)(a | b),
        a == b, a != b, a < b, a > b, a <= b, a >= b};
    eml_instruction program[4 * COUNT(opcodes) + 1];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(opcodes); i++) {
      program[n++] = (eml_instruction)OP(CONST, a);
      program[n++] = (eml_instruction)OP(CONST, b);
      program[n++] = (eml_instruction){opcodes[i], EML_NO_OPERAND};
      program[n++] = (eml_instruction)OP0(OUTPUT);
    }
    program[n++] = (eml_instruction)OP0(HALT);
    CHECK_OK(eml_machine_load(machine, program, n));
    CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
    expect_output(machine, want, sizeof want);
  }
  CHECK_OK(eml_machine_free(machine));
}

static void memory_and_left_out_operands(void) {
  static const eml_instruction program[] = {
      OP(CONST, 200), OP(CONST, 7), OP(STORE, 100), OP(CONST, 255), OP(LOAD, 45), OP0(OUTPUT), OP(CONST, 9), OP(CONST, 4),
      OP0(STORE), OP(CONST, 9), OP0(LOAD), OP0(OUTPUT), OP(CONST, 10), OP(LOAD, 0), OP0(OUTPUT), OP0(HALT)};
  eml_machine *machine = new_machine(0, 0, 0);
  CHECK_OK(eml_machine_load(machine, program, COUNT(program)));
  eml_machine_event event = new_event();
  while (eml_machine_step(machine, &event) == EML_OK) {
    if (event.row == 8) CHECK(event.operand == 0); /* as if it had been given */
  }
  expect_output(machine, (const unsigned char[]){7, 4, 0}, 3);
  CHECK_OK(eml_machine_free(machine));
}

/* ------------------------------------------------------------------------------------------------ refusals */

static void expect_refusal(eml_machine *machine, const eml_instruction *program, uint64_t count, eml_status want, int32_t at,
                           const char *word) {
  CHECK_STATUS(eml_machine_load(machine, program, count), want);
  eml_error error = last_error();
  char number[32];
  snprintf(number, sizeof number, "instruction %d ", at);
  CHECK_THAT(at < 0 || contains(error.message, number), "no '%s' in: %s", number, error.message);
  CHECK_THAT(error.sub_code == (at < 0 ? 0 : at), "sub-code %d, expected %d: %s", error.sub_code, at, error.message);
  CHECK_THAT(contains(error.message, word), "no '%s' in: %s", word, error.message);
}

static void refused_programs(void) {
  eml_machine *machine = new_machine(0, 0, 0);
  CHECK_OK(eml_machine_load(machine, adds, COUNT(adds)));
  CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
#define REFUSE(want, at, word, ...)                                                                   \
  do {                                                                                                \
    static const eml_instruction program[] = {__VA_ARGS__};                                           \
    expect_refusal(machine, program, COUNT(program), want, at, word);                                 \
  } while (0)
  expect_refusal(machine, NULL, 0, EML_E_ARGUMENT, -1, "empty");
  expect_refusal(machine, NULL, 3, EML_E_ARGUMENT, -1, "NULL");
  expect_refusal(machine, adds, 4097, EML_E_LIMIT, -1, "4096");
  expect_refusal(machine, adds, UINT64_MAX, EML_E_LIMIT, -1, "4096");
  expect_refusal(machine, adds, 4, EML_E_ARGUMENT, 3, "halt");
  REFUSE(EML_E_ARGUMENT, 1, "0x02", OP(CONST, 1), {2, EML_NO_OPERAND}, OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 0, "not an instruction", {-1, EML_NO_OPERAND}, OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 0, "not an instruction", {INT32_MAX, 1}, OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 0, "needs an operand", OP0(CONST), OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 0, "255", OP(CONST, 256), OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 0, "255", OP(CONST, -2), OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 2, "no operand", OP(CONST, 1), OP(CONST, 1), OP(ADD, 0), OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 1, "stack", OP(CONST, 1), OP0(ADD), OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 0, "end_loop", OP0(LOOP), OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 0, "no loop", OP0(END_LOOP), OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 1, "loop", OP(CONST, 1), OP(BR_IF, 0), OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 1, "not open", OP(CONST, 1), OP0(FD_READ), OP0(HALT));
  REFUSE(EML_E_ARGUMENT, 0, "descriptor", OP(FD_OPEN, 4), OP0(HALT));
  /* What was loaded before is still there. */
  CHECK(machine_info(machine).state == EML_MACHINE_HALTED);
  expect_output(machine, (const unsigned char[]){8}, 1);

  eml_instruction deep[258];
  for (int i = 0; i < 257; i++) deep[i] = (eml_instruction)OP(CONST, i % 256);
  deep[257] = (eml_instruction)OP0(HALT);
  expect_refusal(machine, deep, 258, EML_E_LIMIT, 256, "256");
  deep[256] = deep[257];
  CHECK_OK(eml_machine_load(machine, deep, 257));
  CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
  CHECK_OK(eml_machine_free(machine));
}

static void wrong_arguments(void) {
  eml_machine *machine = POISON;
  eml_machine_options options;
  CHECK_OK(eml_machine_options_init(&options, sizeof options));
  CHECK(options.struct_size == sizeof options && options.dense == 0 && options.keep_trace == 0 && options.probe == 0);
  int32_t *flags[] = {&options.dense, &options.keep_trace, &options.probe};
  for (int i = 0; i < 3; i++) {
    *flags[i] = 2;
    machine = POISON;
    CHECK_STATUS(eml_machine_create(&options, &machine), EML_E_ARGUMENT);
    CHECK(machine == NULL);
    *flags[i] = 0;
  }
  struct {
    eml_machine_options known;
    uint32_t tail;
  } newer = {options, 0};
  newer.known.struct_size = sizeof newer;
  CHECK_OK(eml_machine_create(&newer.known, &machine));
  CHECK_OK(eml_machine_free(machine));
  newer.tail = 1;
  CHECK_STATUS(eml_machine_create(&newer.known, &machine), EML_E_VERSION);
  options.struct_size = 3;
  CHECK_STATUS(eml_machine_create(&options, &machine), EML_E_VERSION);
  CHECK_STATUS(eml_machine_create(NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_options_init(NULL, 16), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_options_init(&options, 0), EML_E_VERSION);

  machine = new_machine(0, 0, 0);
  uint64_t need = 0;
  unsigned char bytes[8];
  eml_machine_event event = new_event();
  /* Without a program. */
  CHECK_STATUS(eml_machine_run(machine, 0, NULL, NULL, NULL), EML_E_STATE);
  CHECK_STATUS(eml_machine_step(machine, &event), EML_E_STATE);
  CHECK_STATUS(eml_machine_set_file(machine, 0, "a", 1), EML_E_STATE);
  CHECK_STATUS(eml_machine_file(machine, 0, bytes, sizeof bytes, &need), EML_E_STATE);
  expect_output(machine, NULL, 0);
  CHECK_OK(eml_machine_load(machine, adds, COUNT(adds)));
  CHECK_STATUS(eml_machine_step(machine, NULL), EML_E_ARGUMENT);
  event.struct_size = 0;
  CHECK_STATUS(eml_machine_step(machine, &event), EML_E_VERSION);
  CHECK(machine_info(machine).steps == 0); /* refused before it did anything */
  /* An event of an older or a newer program. */
  event = new_event();
  event.struct_size = 32;
  CHECK_OK(eml_machine_step(machine, &event));
  CHECK(event.struct_size == 32 && event.opcode == EML_OP_CONST && event.operand == 3 && event.token == 3);
  CHECK(event.layers == 0xeeeeeeeeu);
  eml_machine_info info;
  info.struct_size = 2;
  CHECK_STATUS(eml_machine_get_info(machine, &info), EML_E_VERSION);
  CHECK_STATUS(eml_machine_get_info(machine, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_output(machine, bytes, sizeof bytes, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_file(machine, 4, bytes, sizeof bytes, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_file(machine, -1, bytes, sizeof bytes, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_trace(machine, 0, NULL, 0, &need), EML_E_UNSUPPORTED);
  CHECK(contains(last_error().message, "keep_trace"));
  CHECK_STATUS(eml_machine_run(machine, 0, NULL, NULL, (const eml_cancel *)POISON), EML_E_HANDLE);
  CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
  bytes[0] = 99;
  need = 0;
  CHECK_STATUS(eml_machine_output(machine, bytes, 0, &need), EML_E_BUFFER);
  CHECK(need == 1 && bytes[0] == 99);
  CHECK_STATUS(eml_machine_output(machine, NULL, 1, &need), EML_E_ARGUMENT);
  CHECK_OK(eml_machine_free(machine));
}

/* ------------------------------------------------------------------------------------------------ texts, folders */

static void program_text(void) {
  eml_machine *machine = new_machine(0, 0, 0);
  CHECK_OK(eml_machine_load_text(machine, ";; a sum\n(i32.add (i32.const 3) (i32.const 5))\n0xF0 halt", EML_NTS));
  CHECK(machine_info(machine).state == EML_MACHINE_READY && machine_info(machine).instructions == COUNT(adds));
  CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
  expect_output(machine, (const unsigned char[]){8}, 1);

  static const struct {
    const char *text;
    eml_status want;
    int32_t sub_code;
    uint64_t offset;
    const char *word;
  } wrong[] = {
      {"halt\n  i32.ad", EML_E_FORMAT, EML_F_VALUE, 7, "line 2, column 3: 'i32.ad' is not an instruction"},
      {"i32.const 256 halt", EML_E_FORMAT, EML_F_VALUE, 10, "line 1, column 11"},
      {"halt\n\n(", EML_E_FORMAT, EML_F_VALUE, 6, "line 3, column 1"},
      {"i32.const 1\n i32.add halt", EML_E_ARGUMENT, 1, UINT64_MAX, "line 2, column 2: instruction 1 (i32.add)"},
      {"", EML_E_ARGUMENT, 0, UINT64_MAX, "empty"},
      {"halt \xff", EML_E_ARGUMENT, 0, UINT64_MAX, "byte 5 is not UTF-8"},
      {NULL, EML_E_ARGUMENT, 0, UINT64_MAX, "text is NULL"},
  };
  for (size_t i = 0; i < COUNT(wrong); i++) {
    CHECK_STATUS(eml_machine_load_text(machine, wrong[i].text, EML_NTS), wrong[i].want);
    eml_error error = last_error();
    CHECK_THAT(error.sub_code == wrong[i].sub_code && error.byte_offset == wrong[i].offset && contains(error.message, wrong[i].word),
               "%s: sub-code %d, byte %" PRIu64, error.message, error.sub_code, error.byte_offset);
  }
  /* What was loaded before is still there. */
  CHECK(machine_info(machine).state == EML_MACHINE_HALTED);
  expect_output(machine, (const unsigned char[]){8}, 1);

  /* A failure while it runs is told with its place, too; a program of numbers has none. */
  CHECK_OK(eml_machine_load_text(machine, "loop\n i32.const 1\n br_if\nend\nhalt and what lies behind", 33));
  CHECK_STATUS(eml_machine_run(machine, 0, NULL, NULL, NULL), EML_E_LIMIT);
  CHECK_THAT(last_error().sub_code == 2 && contains(last_error().message, "line 3, column 2: instruction 2 "), "%s",
             last_error().message);
  eml_machine_event event = new_event();
  CHECK_STATUS(eml_machine_step(machine, &event), EML_E_LIMIT);
  CHECK(contains(last_error().message, "line 3, column 2: instruction 2 "));
  CHECK_OK(eml_machine_load(machine, endless, COUNT(endless)));
  CHECK_STATUS(eml_machine_run(machine, 0, NULL, NULL, NULL), EML_E_LIMIT);
  CHECK_THAT(!contains(last_error().message, "line"), "%s", last_error().message);
  CHECK_OK(eml_machine_free(machine));
}

/* Does the file hold this text? */
static int file_contains(const char *folder, const char *name, const char *word) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (file == NULL) return 0;
  static char bytes[1 << 20];
  size_t size = fread(bytes, 1, sizeof bytes - 1, file);
  fclose(file);
  bytes[size] = 0;
  return contains(bytes, word);
}

static void exported_folder(void) {
  char parent[] = "/tmp/eml-machine-XXXXXX", folder[64], path[128];
  CHECK(mkdtemp(parent) != NULL);
  snprintf(folder, sizeof folder, "%s/new", parent);
  eml_machine *machine = new_machine(0, 0, 0);
  CHECK_OK(eml_machine_export(machine, folder, EML_NTS));
  CHECK(file_contains(folder, "config.json", "\"model_type\":\"eml-machine\""));
  CHECK(file_contains(folder, "tokens.json", "\"name\":\"<halt>\""));
  CHECK(!file_contains(folder, "prompt.json", ""));
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  struct stat status;
  CHECK(stat(path, &status) == 0 && status.st_size > 8 * 316000);

  /* With a program, its files as they were given: the run does not show. */
  CHECK_OK(eml_machine_load(machine, copies, COUNT(copies)));
  CHECK_OK(eml_machine_set_file(machine, 0, "ab", 2));
  CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
  CHECK_OK(eml_machine_export(machine, folder, strlen(folder)));
  CHECK(file_contains(folder, "prompt.json", "\"stores\":[[97,98],[],[],[]]"));
  expect_output(machine, NULL, 0);

  CHECK_STATUS(eml_machine_export(machine, NULL, EML_NTS), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_export(machine, "", EML_NTS), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_export(machine, "/dev/null/folder", EML_NTS), EML_E_IO);
  CHECK_STATUS(eml_machine_export(machine, path, EML_NTS), EML_E_IO); /* a file */
  CHECK_THAT(last_error().sub_code > 0 && contains(last_error().message, path), "%s", last_error().message);
  static const char *names[] = {"model.safetensors", "config.json", "tokens.json", "prompt.json"};
  for (size_t i = 0; i < COUNT(names); i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    CHECK(remove(path) == 0);
  }
  CHECK(rmdir(folder) == 0 && rmdir(parent) == 0); /* and nothing else */
  CHECK_OK(eml_machine_free(machine));
}

/* ------------------------------------------------------------------------------------------------ runs in pieces */

static void fuel_in_pieces(void) {
  for (int dense = 0; dense < 2; dense++) {
    eml_machine *machine = new_machine(dense, 1, 0);
    CHECK_OK(eml_machine_load(machine, counts, COUNT(counts)));
    CHECK_OK(eml_machine_run(machine, UINT64_MAX, NULL, NULL, NULL));
    uint64_t steps = machine_info(machine).steps, need = 0;
    int32_t whole[200], parts[200];
    CHECK_OK(eml_machine_trace(machine, 0, whole, 200, &need));
    CHECK_THAT(need == steps && need > 50 && need <= 200, "%" PRIu64 " steps", steps);
    for (uint64_t fuel = 1; fuel < 12; fuel++) {
      CHECK_OK(eml_machine_load(machine, counts, COUNT(counts)));
      uint64_t done = 0;
      eml_status status;
      while ((status = eml_machine_run(machine, fuel, NULL, NULL, NULL)) == EML_OUT_OF_FUEL) {
        done += fuel;
        CHECK(machine_info(machine).steps == done && machine_info(machine).state == EML_MACHINE_READY);
      }
      CHECK_STATUS(status, EML_OK);
      CHECK_OK(eml_machine_trace(machine, 0, parts, 200, &need));
      CHECK(need == steps && memcmp(whole, parts, (size_t)need * sizeof *whole) == 0);
    }
    /* The exact number of steps is enough. */
    CHECK_OK(eml_machine_load(machine, counts, COUNT(counts)));
    CHECK_STATUS(eml_machine_run(machine, steps - 1, NULL, NULL, NULL), EML_OUT_OF_FUEL);
    CHECK_OK(eml_machine_run(machine, 1, NULL, NULL, NULL));
    CHECK_STATUS(eml_machine_run(machine, 1, NULL, NULL, NULL), EML_DONE);
    CHECK_OK(eml_machine_free(machine));
  }
}

static void traces(void) {
  eml_machine *machine = new_machine(0, 1, 0);
  int32_t tokens[8];
  uint64_t need = 7;
  CHECK_OK(eml_machine_trace(machine, 0, NULL, 0, &need)); /* no program, no tokens */
  CHECK(need == 0);
  CHECK_OK(eml_machine_load(machine, adds, COUNT(adds)));
  CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
  static const int32_t want[] = {3, 5, 8, 8, HALT};
  CHECK_STATUS(eml_machine_trace(machine, 0, NULL, 0, &need), EML_E_BUFFER);
  CHECK(need == 5);
  tokens[0] = -7;
  CHECK_STATUS(eml_machine_trace(machine, 0, tokens, 4, &need), EML_E_BUFFER);
  CHECK(tokens[0] == -7 && need == 5);
  CHECK_OK(eml_machine_trace(machine, 0, tokens, 8, &need));
  CHECK(need == 5 && memcmp(tokens, want, sizeof want) == 0);
  CHECK_OK(eml_machine_trace(machine, 3, tokens, 2, &need));
  CHECK(need == 2 && tokens[0] == 8 && tokens[1] == HALT);
  CHECK_OK(eml_machine_trace(machine, 5, NULL, 0, &need));
  CHECK(need == 0);
  CHECK_STATUS(eml_machine_trace(machine, 6, tokens, 8, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_trace(machine, 0, NULL, 8, &need), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_trace(machine, 0, tokens, 8, NULL), EML_E_ARGUMENT);
  CHECK_OK(eml_machine_free(machine));
}

typedef struct {
  eml_machine *machine;
  uint64_t calls, stop_at; /* stops at this call; 0: never */
  int32_t value;
  int probed;
  eml_machine_event last;
  int32_t tokens[200];
} watcher;

static int32_t watch(const eml_machine_event *event, void *user) {
  watcher *w = user;
  CHECK(event->struct_size == sizeof *event);
  CHECK_THAT(w->calls == 0 || event->step == w->last.step + 1, "step %" PRIu64 " after %" PRIu64, event->step, w->last.step);
  CHECK((event->stream != NULL) == w->probed && (event->units != NULL) == w->probed);
  CHECK((event->winners != NULL) == w->probed && (event->values != NULL) == w->probed);
  CHECK(event->layers == (w->probed ? 8u : 0u) && event->heads == (w->probed ? 30u : 0u));
  CHECK(event->d_model == (w->probed ? 100u : 0u) && event->d_ffn == (w->probed ? 100u : 0u));
  if (event->step < 200) w->tokens[event->step] = event->token;
  w->last = *event;
  w->calls++;
  return w->calls == w->stop_at ? w->value : 0;
}

static void callbacks_see_every_step(void) {
  for (int probe = 0; probe < 2; probe++) {
    eml_machine *machine = new_machine(0, 1, probe);
    CHECK_OK(eml_machine_load(machine, counts, COUNT(counts)));
    watcher w = {machine, 0, 0, 0, probe, new_event(), {0}};
    CHECK_OK(eml_machine_run(machine, 0, watch, &w, NULL));
    CHECK(w.calls == machine_info(machine).steps && w.last.opcode == EML_OP_HALT && w.last.token == HALT);
    int32_t tokens[200];
    uint64_t need = 0;
    CHECK_OK(eml_machine_trace(machine, 0, tokens, 200, &need));
    CHECK(need == w.calls && memcmp(tokens, w.tokens, (size_t)need * sizeof *tokens) == 0);
    CHECK_OK(eml_machine_free(machine));
  }
}

static void callback_stops_and_resumes(void) {
  static const int32_t values[] = {1, -1, 4711, INT32_MIN};
  for (int i = 0; i < 4; i++) {
    eml_machine *machine = new_machine(0, 0, 0);
    CHECK_OK(eml_machine_load(machine, counts, COUNT(counts)));
    watcher w = {machine, 0, 10, values[i], 0, new_event(), {0}};
    CHECK_STATUS(eml_machine_run(machine, 0, watch, &w, NULL), EML_CANCELLED);
    CHECK(last_error().code == EML_CANCELLED && last_error().sub_code == values[i]);
    CHECK(w.calls == 10 && machine_info(machine).steps == 10 && machine_info(machine).state == EML_MACHINE_READY);
    CHECK_OK(eml_machine_run(machine, 0, watch, &w, NULL));
    expect_output(machine, counted, sizeof counted);
    CHECK(w.calls == machine_info(machine).steps);
    /* At the last instruction: the call was stopped, but there is nothing left to do. */
    CHECK_OK(eml_machine_load(machine, adds, COUNT(adds)));
    w = (watcher){machine, 0, COUNT(adds), values[i], 0, new_event(), {0}};
    CHECK_STATUS(eml_machine_run(machine, 0, watch, &w, NULL), EML_CANCELLED);
    CHECK(last_error().sub_code == values[i] && machine_info(machine).state == EML_MACHINE_HALTED);
    CHECK_STATUS(eml_machine_run(machine, 0, watch, &w, NULL), EML_DONE);
    CHECK_OK(eml_machine_free(machine));
  }
}

static int32_t use_the_machine(const eml_machine_event *event, void *user) {
  eml_machine *m = user;
  eml_machine_event other = new_event();
  eml_machine_info info;
  unsigned char bytes[32];
  char text[8];
  uint64_t need = 0;
  if (event->step != 2) return 0;
  info.struct_size = sizeof info;
  CHECK_STATUS(eml_machine_run(m, 0, NULL, NULL, NULL), EML_E_BUSY);
  CHECK_STATUS(eml_machine_step(m, &other), EML_E_BUSY);
  CHECK_STATUS(eml_machine_load(m, adds, COUNT(adds)), EML_E_BUSY);
  CHECK_STATUS(eml_machine_load_text(m, "halt", EML_NTS), EML_E_BUSY);
  CHECK_STATUS(eml_machine_export(m, "/nonexistent", EML_NTS), EML_E_BUSY);
  CHECK_STATUS(eml_machine_set_file(m, 0, "a", 1), EML_E_BUSY);
  CHECK_STATUS(eml_machine_output(m, bytes, sizeof bytes, &need), EML_E_BUSY);
  CHECK_STATUS(eml_machine_file(m, 0, bytes, sizeof bytes, &need), EML_E_BUSY);
  CHECK_STATUS(eml_machine_trace(m, 0, NULL, 0, &need), EML_E_BUSY);
  CHECK_STATUS(eml_machine_describe(m, text, sizeof text, &need), EML_E_BUSY);
  CHECK_STATUS(eml_machine_get_info(m, &info), EML_E_BUSY);
  CHECK_STATUS(eml_machine_free(m), EML_E_BUSY);
  eml_machine *fresh = new_machine(0, 0, 0); /* another machine is fine */
  CHECK_OK(eml_machine_load(fresh, counts, COUNT(counts)));
  CHECK_OK(eml_machine_run(fresh, 0, NULL, NULL, NULL));
  expect_output(fresh, counted, sizeof counted);
  CHECK_OK(eml_machine_free(fresh));
  return 0;
}

static void machine_at_work_is_busy(void) {
  eml_machine *machine = new_machine(0, 0, 0);
  CHECK_OK(eml_machine_load(machine, adds, COUNT(adds)));
  CHECK_OK(eml_machine_run(machine, 0, use_the_machine, machine, NULL));
  expect_output(machine, (const unsigned char[]){8}, 1);
  CHECK_OK(eml_machine_free(machine));
}

/* ------------------------------------------------------------------------------------------------ cancelling */

typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int entered;
  eml_cancel *token;
} signal_box;

static int32_t tell(const eml_machine_event *event, void *user) {
  signal_box *box = user;
  if (event->step == 1000) {
    pthread_mutex_lock(&box->mutex);
    box->entered = 1;
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->mutex);
  }
  return 0;
}

static void *cancel_when_told(void *argument) {
  signal_box *box = argument;
  pthread_mutex_lock(&box->mutex);
  while (!box->entered) pthread_cond_wait(&box->changed, &box->mutex);
  pthread_mutex_unlock(&box->mutex);
  CHECK_OK(eml_cancel_set(box->token));
  return NULL;
}

static void cancelled_from_another_thread(void) {
  signal_box box = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, NULL};
  CHECK_OK(eml_cancel_create(&box.token));
  eml_machine *machine = new_machine(0, 0, 0);
  CHECK_OK(eml_machine_load(machine, long_work, COUNT(long_work)));
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, cancel_when_told, &box) == 0);
  CHECK_STATUS(eml_machine_run(machine, 0, tell, &box, box.token), EML_CANCELLED);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(last_error().sub_code == 0);
  uint64_t steps = machine_info(machine).steps;
  CHECK_THAT(steps > 1000 && machine_info(machine).state == EML_MACHINE_READY, "%" PRIu64 " steps", steps);
  CHECK_STATUS(eml_machine_run(machine, 0, NULL, NULL, box.token), EML_CANCELLED); /* still set */
  CHECK(machine_info(machine).steps == steps);
  CHECK_OK(eml_cancel_reset(box.token));
  CHECK_STATUS(eml_machine_run(machine, 100, NULL, NULL, box.token), EML_OUT_OF_FUEL);
  CHECK(machine_info(machine).steps == steps + 100);
  /* Set before the first instruction, with a program of which nothing was read yet. */
  CHECK_OK(eml_cancel_set(box.token));
  CHECK_OK(eml_machine_load(machine, counts, COUNT(counts)));
  CHECK_STATUS(eml_machine_run(machine, 0, NULL, NULL, box.token), EML_CANCELLED);
  CHECK(machine_info(machine).steps == 0);
  CHECK_OK(eml_cancel_free(box.token));
  CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
  expect_output(machine, counted, sizeof counted);
  CHECK_OK(eml_machine_free(machine));
}

/* ------------------------------------------------------------------------------------------------ limits, files */

static void a_loop_ends_at_its_limit(void) {
  eml_machine *machine = new_machine(0, 0, 0);
  CHECK_OK(eml_machine_load(machine, endless, COUNT(endless)));
  for (int again = 0; again < 2; again++) {
    CHECK_STATUS(eml_machine_run(machine, 0, NULL, NULL, NULL), EML_E_LIMIT);
    CHECK_THAT(last_error().sub_code == 2 && contains(last_error().message, "instruction 2") &&
                   contains(last_error().message, "256"), "%d: %s", last_error().sub_code, last_error().message);
    CHECK(machine_info(machine).state == EML_MACHINE_FAILED && machine_info(machine).steps == 1 + 2 * 256);
  }
  eml_machine_event event = new_event();
  CHECK_STATUS(eml_machine_step(machine, &event), EML_E_LIMIT);
  CHECK_OK(eml_machine_load(machine, adds, COUNT(adds)));
  CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
  CHECK_OK(eml_machine_free(machine));
}

static void expect_file(const eml_machine *machine, int32_t descriptor, const void *want, uint64_t size) {
  unsigned char bytes[32];
  uint64_t need = 99;
  CHECK_OK(eml_machine_file(machine, descriptor, bytes, sizeof bytes, &need));
  CHECK_THAT(need == size && memcmp(bytes, want, (size_t)size) == 0, "file %d has %" PRIu64 " bytes", descriptor, need);
}

static void files(void) {
  eml_machine *machine = new_machine(0, 0, 0);
  unsigned char full[33];
  memset(full, 7, sizeof full);
  CHECK_OK(eml_machine_load(machine, copies, COUNT(copies)));
  CHECK_STATUS(eml_machine_set_file(machine, 4, "a", 1), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_set_file(machine, -1, "a", 1), EML_E_ARGUMENT);
  CHECK_STATUS(eml_machine_set_file(machine, 0, full, 33), EML_E_LIMIT);
  CHECK_STATUS(eml_machine_set_file(machine, 0, NULL, 1), EML_E_ARGUMENT);
  CHECK_OK(eml_machine_set_file(machine, 3, full, 32));
  CHECK_OK(eml_machine_set_file(machine, 0, "wrong", 5));
  CHECK_OK(eml_machine_set_file(machine, 0, "abc", 3)); /* the last one counts */
  CHECK_OK(eml_machine_set_file(machine, 2, NULL, 0));
  expect_file(machine, 0, "abc", 3);
  CHECK_STATUS(eml_machine_run(machine, 3, NULL, NULL, NULL), EML_OUT_OF_FUEL);
  CHECK_STATUS(eml_machine_set_file(machine, 0, "xyz", 3), EML_E_STATE); /* it has begun */
  CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
  expect_file(machine, 0, "abc", 3);
  expect_file(machine, 1, "bcd\1", 4);
  expect_file(machine, 2, "", 0);
  expect_file(machine, 3, full, 32);
  uint64_t need = 0;
  CHECK_STATUS(eml_machine_file(machine, 1, NULL, 0, &need), EML_E_BUFFER);
  CHECK(need == 4);
  CHECK_OK(eml_machine_load(machine, copies, COUNT(copies))); /* files are of one run */
  expect_file(machine, 0, "", 0);
  /* 32 bytes without a 0: the 33rd that is written is the 0 past the end. */
  CHECK_OK(eml_machine_set_file(machine, 0, full, 32));
  CHECK_STATUS(eml_machine_run(machine, 0, NULL, NULL, NULL), EML_E_LIMIT);
  CHECK(last_error().sub_code == 12 && contains(last_error().message, "32"));
  memset(full, 8, sizeof full);
  expect_file(machine, 1, full, 32);
  CHECK_OK(eml_machine_free(machine));
}

/* ------------------------------------------------------------------------------------------------ layer data */

/* The fast and the dense machine compute the same, layer by layer, and the stream is what the parts add up to. */
static void layer_data(void) {
  enum { D = 100, LAYERS = 8, HEADS = 30 };
  eml_machine *fast = new_machine(0, 0, 0), *dense = new_machine(1, 0, 0);
  CHECK_OK(eml_machine_load(fast, copies, COUNT(copies)));
  CHECK_OK(eml_machine_load(dense, copies, COUNT(copies)));
  CHECK_OK(eml_machine_set_file(fast, 0, "ab", 2));
  CHECK_OK(eml_machine_set_file(dense, 0, "ab", 2));
  eml_machine_event a = new_event(), b = new_event();
  eml_status status;
  uint64_t steps = 0;
  while ((status = eml_machine_step(fast, &a)) == EML_OK) {
    CHECK_OK(eml_machine_step(dense, &b));
    CHECK(a.layers == LAYERS && a.heads == HEADS && a.d_model == D && a.d_ffn == D);
    CHECK(a.step == steps && b.step == steps && a.row == b.row && a.token == b.token && a.operand == b.operand);
    for (int i = 0; i < (2 * LAYERS + 1) * D; i++) {
      CHECK_THAT(a.stream[i] == b.stream[i], "step %" PRIu64 ": stream %d is %g and %g", steps, i, a.stream[i], b.stream[i]);
    }
    for (int i = 0; i < LAYERS * D; i++) CHECK_THAT(a.units[i] == b.units[i], "step %" PRIu64 ": unit %d", steps, i);
    for (int i = 0; i < 2 * HEADS; i++) CHECK_THAT(a.values[i] == b.values[i], "step %" PRIu64 ": value %d", steps, i);
    for (int i = 0; i < HEADS; i++) {
      CHECK_THAT(a.winners[i] >= -1 && a.winners[i] <= (int64_t)(2 * COUNT(copies) + 1 + steps), "head %d read %" PRId64, i,
                 a.winners[i]);
      CHECK_THAT(a.winners[i] == b.winners[i], "step %" PRIu64 ": head %d read %" PRId64 " and %" PRId64, steps, i,
                 a.winners[i], b.winners[i]);
    }
    CHECK(a.winners[0] == 2 * (int64_t)a.row + 1); /* the first head finds the opcode */
    steps++;
  }
  CHECK_STATUS(status, EML_DONE);
  CHECK(steps > 30 && machine_info(fast).state_bytes > 0 && machine_info(dense).state_bytes > 0);
  CHECK_OK(eml_machine_free(fast));
  CHECK_OK(eml_machine_free(dense));
}

static void description(void) {
  eml_machine *machine = new_machine(0, 0, 0);
  uint64_t need = 0, told = 0;
  CHECK_STATUS(eml_machine_describe(machine, NULL, 0, &need), EML_E_BUFFER);
  char *text = malloc((size_t)need);
  CHECK_OK(eml_machine_describe(machine, text, need, &told));
  CHECK(told == need && strlen(text) + 1 == need);
  static const char *parts[] = {"{\"parameters\":316000,", "\"config\":{", "\"d_model\":100", "\"d_ffn\":100", "\"vocabulary\":260",
                                "\"rules\":{", "\"layers\":[\n{\"heads\":[", "\"mode\":\"hard_max\"", "\"mode\":\"sum\"",
                                "\"mode\":\"cross\",\"store\":3", "\"units\":[\"", "\"channels\":[\n{", "\"name\":\"stack depth\"",
                                "{\"opcode\":0,\"name\":\"i32.const\",\"operand\":\"value\",\"pops\":0,\"pushes\":1}",
                                "{\"opcode\":255,\"name\":\"halt\",\"operand\":\"none\",\"pops\":0,\"pushes\":0}\n]"};
  for (size_t i = 0; i < COUNT(parts); i++) CHECK_THAT(contains(text, parts[i]), "no %s in %s", parts[i], text);
  free(text);
  CHECK_OK(eml_machine_free(machine));
}

/* What a machine remembers depends on what the program touches, not on how long it runs. */
static void memory_does_not_grow(void) {
  eml_machine *machine = new_machine(0, 0, 0);
  CHECK_OK(eml_machine_load(machine, long_work, COUNT(long_work)));
  CHECK_STATUS(eml_machine_run(machine, 2000, NULL, NULL, NULL), EML_OUT_OF_FUEL);
  uint64_t before = machine_info(machine).state_bytes;
  CHECK_STATUS(eml_machine_run(machine, 100000, NULL, NULL, NULL), EML_OUT_OF_FUEL);
  CHECK_THAT(machine_info(machine).state_bytes == before, "%" PRIu64 " bytes, then %" PRIu64, before,
             machine_info(machine).state_bytes);
  CHECK_OK(eml_machine_free(machine));
}

int main(void) {
  RUN(a_program_runs);
  RUN(arithmetic);
  RUN(memory_and_left_out_operands);
  RUN(refused_programs);
  RUN(wrong_arguments);
  RUN(program_text);
  RUN(exported_folder);
  RUN(fuel_in_pieces);
  RUN(traces);
  RUN(callbacks_see_every_step);
  RUN(callback_stops_and_resumes);
  RUN(machine_at_work_is_busy);
  RUN(cancelled_from_another_thread);
  RUN(a_loop_ends_at_its_limit);
  RUN(files);
  RUN(layer_data);
  RUN(description);
  RUN(memory_does_not_grow);
  return test_summary("machine");
}
