/*
 * guard.c - caller buffers between pages that may not be touched: every array and struct parameter is placed right
 * before such a page (reading or writing past its end dies) and right after one (before its start). Inputs lie on
 * read-only pages: writing to them dies as well. A wrong access ends this program with a signal.
 */
#include "language.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
  unsigned char *map;
  size_t usable, page;
  void *at; /* the caller's buffer */
} guarded;

/* `size` bytes that end (side 1) or begin (side 0) at a page that cannot be touched. */
static guarded guard(size_t size, int side) {
  guarded g;
  g.page = (size_t)sysconf(_SC_PAGESIZE);
  g.usable = (size + g.page - 1) / g.page * g.page;
  if (g.usable == 0) g.usable = g.page;
  g.map = mmap(NULL, g.usable + 2 * g.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (g.map == MAP_FAILED) abort();
  if (mprotect(g.map + g.page, g.usable, PROT_READ | PROT_WRITE) != 0) abort();
  memset(g.map + g.page, 0x5a, g.usable);
  g.at = g.map + g.page + (side == 1 ? g.usable - size : 0);
  return g;
}

static void unguard(guarded g) {
  if (munmap(g.map, g.usable + 2 * g.page) != 0) abort();
}

/* An input: copied in, then read-only. */
static guarded guarded_input(const void *bytes, size_t size, int side) {
  guarded g = guard(size, side);
  if (size > 0) memcpy(g.at, bytes, size);
  if (mprotect(g.map + g.page, g.usable, PROT_READ) != 0) abort();
  return g;
}

/* Lengths around all vector widths, and some that need several blocks. */
static const uint64_t lengths[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 100, 513, 1000, 4099};
#define LENGTHS (sizeof lengths / sizeof lengths[0])

static void math_batches(void) {
  for (int side = 0; side < 2; side++) {
    for (size_t k = 0; k < LENGTHS; k++) {
      uint64_t n = lengths[k];
      size_t size = (size_t)n * sizeof(double);
      double *values = new_doubles(n);
      fill_uniform(values, n, n, 0.1, 5);
      guarded x = guarded_input(values, size, side), y = guarded_input(values, size, side), z = guard(size, side);
      CHECK_OK(eml_math_exp_batch(x.at, n, z.at));
      for (uint64_t i = 0; i < n; i++) CHECK(((double *)z.at)[i] == eml_math_exp(values[i]));
      CHECK_OK(eml_math_ln_batch(x.at, n, z.at));
      for (uint64_t i = 0; i < n; i++) CHECK(((double *)z.at)[i] == eml_math_ln(values[i]));
      CHECK_OK(eml_math_pow_batch(x.at, y.at, n, z.at));
      for (uint64_t i = 0; i < n; i++) CHECK(((double *)z.at)[i] == eml_math_pow(values[i], values[i]));
      if (n > 0) memcpy(z.at, values, size);
      CHECK_OK(eml_math_exp_batch(z.at, n, z.at)); /* in place */
      for (uint64_t i = 0; i < n; i++) CHECK(((double *)z.at)[i] == eml_math_exp(values[i]));
      uint64_t state = 1;
      CHECK_OK(eml_random_restart(&state, z.at, n));
      unguard(x);
      unguard(y);
      unguard(z);
      free(values);
    }
    guarded three = guard(3 * sizeof(double), side);
    CHECK_OK(eml_operator_softmax3(1, 2, 3, three.at));
    unguard(three);
  }
}

static void model_arrays(void) {
  static const uint64_t shapes[][2] = {{1, 1}, {2, 1}, {3, 2}, {7, 3}, {17, 5}};
  for (int side = 0; side < 2; side++) {
    for (size_t s = 0; s < 5; s++) {
      for (size_t k = 0; k + 2 < LENGTHS; k++) {
        int32_t profile = both_profiles[k % 2];
        uint64_t inputs = shapes[s][0], heads = shapes[s][1], rows = lengths[k];
        eml_model *model = new_model(profile, 2 + (uint32_t)(k % 4), inputs, heads);
        uint64_t n = model_info(model).param_count;
        double *values = new_doubles(n + rows * (inputs + heads));
        fill_uniform(values, n + rows * (inputs + heads), 7, 0, 1);
        guarded params = guarded_input(values, (size_t)n * 8, side), params_out = guard((size_t)n * 8, side);
        guarded x = guarded_input(values, (size_t)(rows * inputs) * 8, side);
        guarded t = guarded_input(values, (size_t)(rows * heads) * 8, side), y = guard((size_t)(rows * heads) * 8, side);
        uint8_t *mask = calloc((size_t)(rows * heads) + 1, 1);
        for (uint64_t i = 0; i < rows * heads; i++) mask[i] = i % 3 != 2;
        guarded present = guarded_input(mask, (size_t)(rows * heads), side);
        CHECK_OK(eml_model_set_params(model, params.at, n, 0));
        CHECK_OK(eml_model_get_params(model, params_out.at, n));
        CHECK(memcmp(params.at, params_out.at, (size_t)n * 8) == 0);
        CHECK_OK(eml_model_forward(model, x.at, rows, y.at, 0));
        CHECK_OK(eml_model_record(model, x.at, t.at, present.at, rows, 0));
        CHECK_OK(eml_model_record(model, x.at, t.at, NULL, rows, 0));
        guarded in = guarded_input(values, (size_t)inputs * 16, side), out = guarded_input(values, (size_t)heads * 16, side);
        guarded in_back = guard((size_t)inputs * 16, side), out_back = guard((size_t)heads * 16, side);
        CHECK_OK(eml_model_set_scaling(model, in.at, out.at));
        CHECK_OK(eml_model_get_scaling(model, in_back.at, out_back.at));
        CHECK(memcmp(in.at, in_back.at, (size_t)inputs * 16) == 0 && memcmp(out.at, out_back.at, (size_t)heads * 16) == 0);
        CHECK_OK(eml_model_forward(model, x.at, rows, y.at, 0));
        guarded all[] = {params, params_out, x, t, y, present, in, out, in_back, out_back};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) unguard(all[i]);
        free(values);
        free(mask);
        CHECK_OK(eml_model_free(model));
      }
    }
  }
}

static void tree_arrays(void) {
  for (int side = 0; side < 2; side++) {
    for (size_t k = 0; k < LENGTHS; k++) {
      uint64_t rows = lengths[k], inputs = 1 + k % 6, n = 0;
      uint32_t depth = 2 + (uint32_t)(k % 4);
      CHECK_OK(eml_tree_param_count(depth, inputs, &n));
      double *values = new_doubles(n + rows * inputs);
      fill_uniform(values, n + rows * inputs, 5, -1, 1);
      guarded params = guarded_input(values, (size_t)n * 8, side);
      guarded x = guarded_input(values, (size_t)(rows * inputs) * 8, side), y = guard((size_t)rows * 8, side);
      CHECK_OK(eml_tree_evaluate(depth, inputs, params.at, n, x.at, rows, y.at, 0));
      unguard(params);
      unguard(y);
      uint64_t heads = 1 + k % 5;
      eml_safetree *tree = NULL;
      CHECK_OK(eml_safetree_create((uint32_t)(k % 4), inputs, heads, &tree));
      uint64_t m = heads * (inputs + 1 + 3 * (k % 4));
      double *weights = new_doubles(m);
      fill_uniform(weights, m, 6, -1, 1);
      guarded w = guarded_input(weights, (size_t)m * 8, side), back = guard((size_t)m * 8, side);
      guarded z = guard((size_t)(rows * heads) * 8, side);
      CHECK_OK(eml_safetree_set_params(tree, w.at, m, 0));
      CHECK_OK(eml_safetree_get_params(tree, back.at, m));
      CHECK(memcmp(w.at, back.at, (size_t)m * 8) == 0);
      CHECK_OK(eml_safetree_forward(tree, x.at, rows, z.at, 0));
      unguard(w);
      unguard(back);
      unguard(z);
      unguard(x);
      free(values);
      free(weights);
      CHECK_OK(eml_safetree_free(tree));
    }
  }
}

/* Text with an explicit length has no NUL after it; EML_NTS stops at the NUL. */
static void texts(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1), *out = NULL;
  for (int side = 0; side < 2; side++) {
    guarded name = guarded_input("name", 4, side), nts = guarded_input("key", 4, side), json = guarded_input("x.json", 6, side);
    CHECK_OK(eml_model_set_name(model, name.at, 4));
    CHECK_OK(eml_model_set_name(model, nts.at, EML_NTS));
    CHECK_OK(eml_model_set_metadata(model, name.at, 4, name.at, 4));
    CHECK_OK(eml_model_set_metadata(model, nts.at, EML_NTS, nts.at, EML_NTS));
    CHECK_OK(eml_model_reset(model, name.at, 4));
    CHECK_STATUS(eml_model_load(json.at, 6, EML_FORMAT_AUTO, &out), EML_E_IO);
    for (size_t need = 4; need <= 5; need++) { /* "key" and its NUL: fits exactly, one short */
      guarded text = guard(need - 1, side), fit = guard(need, side);
      uint64_t told = 0;
      CHECK_STATUS(eml_model_get_name(model, text.at, need - 1, &told), need == 4 ? EML_E_BUFFER : EML_OK);
      CHECK(told == 4);
      CHECK_OK(eml_model_get_metadata(model, nts.at, EML_NTS, fit.at, need, &told));
      CHECK(strcmp(fit.at, "key") == 0);
      unguard(text);
      unguard(fit);
    }
    CHECK_STATUS(eml_cancel_set(POISON), EML_E_HANDLE);
    size_t length = (size_t)last_error().message_len + 1;
    guarded message = guard(length, side);
    uint64_t told = 0;
    CHECK_OK(eml_last_error_message(message.at, length, &told));
    CHECK(strlen(message.at) + 1 == length);
    unguard(message);
    unguard(name);
    unguard(nts);
    unguard(json);
  }
  CHECK_OK(eml_model_free(model));
}

static void bytes_in_and_out(void) {
  for (int side = 0; side < 2; side++) {
    for (int p = 0; p < 2; p++) {
      eml_model *model = random_model(both_profiles[p], 3, 2, 2);
      for (int f = 0; f < 3; f++) {
        uint64_t len = 0, told = 0;
        unsigned char *bytes = exported(model, model_formats[f], &len);
        guarded out = guard((size_t)len, side), in = guarded_input(bytes, (size_t)len, side);
        CHECK_OK(eml_model_export(model, model_formats[f], out.at, len, &told));
        CHECK(memcmp(out.at, bytes, (size_t)len) == 0);
        eml_model *back = NULL;
        CHECK_OK(eml_model_import(in.at, len, model_formats[f], &back));
        CHECK_OK(eml_model_free(back));
        CHECK_OK(eml_model_import(in.at, len, EML_FORMAT_AUTO, &back));
        CHECK_OK(eml_model_free(back));
        /* Cut short: the reader must notice the end before it reads past it. */
        for (uint64_t cut = 0; cut < len; cut += 1 + cut / 16) {
          guarded part = guarded_input(bytes, (size_t)cut, 1);
          eml_model *none = NULL;
          if (eml_model_import(part.at, cut, model_formats[f], &none) == EML_OK) CHECK_OK(eml_model_free(none));
          unguard(part);
        }
        unguard(out);
        unguard(in);
        free(bytes);
      }
      uint64_t need = 0;
      CHECK_OK(eml_model_reset(model, "why", 3));
      CHECK_STATUS(eml_model_drain_events(model, EML_FORMAT_JSON, NULL, 0, &need), EML_E_BUFFER);
      guarded events = guard((size_t)need, side);
      CHECK_OK(eml_model_drain_events(model, EML_FORMAT_JSON, events.at, need, &need));
      unguard(events);
      CHECK_OK(eml_model_free(model));
    }
  }
}

/* Structs of an older header: only struct_size bytes are there. */
static void structs(void) {
  eml_model_options model_options;
  eml_train_options train_options;
  CHECK_OK(eml_model_options_init(&model_options, sizeof model_options));
  CHECK_OK(eml_train_options_init(&train_options, sizeof train_options));
  train_options.max_sweeps = 1;
  for (int side = 0; side < 2; side++) {
    for (uint32_t size = 4; size <= sizeof model_options; size += 4) {
      guarded o = guard(size, side);
      CHECK_OK(eml_model_options_init(o.at, size));
      CHECK(memcmp((char *)o.at + 4, (char *)&model_options + 4, size - 4) == 0);
      if (mprotect(o.map + o.page, o.usable, PROT_READ) != 0) abort();
      eml_model *model = NULL;
      CHECK_OK(eml_model_create(o.at, &model));
      CHECK_OK(eml_model_free(model));
      unguard(o);
    }
    eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
    record_samples(model, 50, 1);
    for (uint32_t size = 4; size <= sizeof train_options; size += 4) {
      guarded o = guard(size, side), r = guard(size, side);
      CHECK_OK(eml_train_options_init(o.at, size));
      if (size >= offsetof(eml_train_options, seed)) ((eml_train_options *)o.at)->max_sweeps = 1;
      if (mprotect(o.map + o.page, o.usable, PROT_READ) != 0) abort();
      ((eml_train_result *)r.at)->struct_size = size;
      CHECK_OK(eml_model_train(model, size >= 8 ? o.at : (void *)&train_options, r.at));
      CHECK(((eml_train_result *)r.at)->struct_size == size);
      unguard(o);
      unguard(r);
    }
    for (uint32_t size = 4; size <= sizeof(eml_model_info); size += 4) {
      guarded info = guard(size, side);
      ((eml_model_info *)info.at)->struct_size = size;
      CHECK_OK(eml_model_get_info(model, info.at));
      unguard(info);
    }
    for (uint32_t size = 8; size <= sizeof(eml_event); size += 4) {
      eml_event event;
      memset(&event, 0, sizeof event);
      event.type = EML_EVENT_DRIFT;
      event.struct_size = size;
      guarded in = guarded_input(&event, size, side), out = guard(size, side);
      ((eml_event *)out.at)->struct_size = size;
      CHECK_OK(eml_model_push_event(model, in.at));
      CHECK_OK(eml_model_next_event(model, out.at));
      unguard(in);
      unguard(out);
    }
    for (uint32_t size = 4; size <= sizeof(eml_error); size += 4) {
      guarded error = guard(size, side);
      ((eml_error *)error.at)->struct_size = size;
      CHECK_OK(eml_last_error(error.at));
      unguard(error);
    }
    CHECK_OK(eml_model_free(model));
  }
}

static void attention_arrays(void) {
  static const uint32_t shapes[][3] = {{1, 1, 1}, {2, 1, 3}, {4, 2, 2}, {7, 3, 5}, {8, 4, 4}, {16, 8, 8}};
  static const uint64_t rows_of[] = {0, 1, 2, 5, 17};
  for (int side = 0; side < 2; side++) {
    for (int k = 0; k < 3; k++) {
      for (size_t s = 0; s < 6; s++) {
        for (size_t r = 0; r < 5; r++) {
          eml_attention *attention = new_attention(attention_kinds[k], shapes[s][0], shapes[s][1], shapes[s][2]);
          uint64_t n = attention_info(attention).param_count, rows = rows_of[r];
          uint64_t count = rows * shapes[s][0] * shapes[s][2];
          double *values = new_doubles(n + count);
          fill_uniform(values, n + count, 7 + s, -0.5, 0.5);
          guarded params = guarded_input(values, (size_t)n * 8, side), params_out = guard((size_t)n * 8, side);
          guarded x = guarded_input(values, (size_t)count * 8, side), t = guarded_input(values, (size_t)count * 8, side);
          guarded y = guard((size_t)count * 8, side), error = guard(8, side);
          CHECK_OK(eml_attention_set_params(attention, params.at, n, 0));
          CHECK_OK(eml_attention_get_params(attention, params_out.at, n));
          CHECK(memcmp(params.at, params_out.at, (size_t)n * 8) == 0);
          CHECK_OK(eml_attention_forward(attention, x.at, rows, y.at, 0));
          CHECK_OK(eml_attention_record(attention, x.at, t.at, rows, 0));
          CHECK_OK(eml_attention_loss(attention, error.at));
          guarded all[] = {params, params_out, x, t, y, error};
          for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) unguard(all[i]);
          free(values);
          CHECK_OK(eml_attention_free(attention));
        }
      }
      eml_attention *attention = new_attention(attention_kinds[k], 4, 2, 2), *same = NULL;
      for (int format = EML_FORMAT_JSON; format <= EML_FORMAT_PROTOBUF; format++) {
        if (format == EML_FORMAT_BROWSER) continue;
        uint64_t need = 0;
        CHECK_STATUS(eml_attention_export(attention, format, NULL, 0, &need), EML_E_BUFFER);
        guarded out = guard((size_t)need, side);
        CHECK_OK(eml_attention_export(attention, format, out.at, need, &need));
        guarded in = guarded_input(out.at, (size_t)need, side);
        CHECK_OK(eml_attention_import(in.at, need, format, &same));
        CHECK_OK(eml_attention_free(same));
        unguard(out);
        unguard(in);
      }
      CHECK_OK(eml_attention_free(attention));
    }
  }
}

static int32_t read_everything(const eml_machine_event *event, void *user) {
  double sum = 0;
  for (uint32_t i = 0; i < (2 * event->layers + 1) * event->d_model; i++) sum += event->stream[i];
  for (uint32_t i = 0; i < event->layers * event->d_ffn; i++) sum += event->units[i];
  for (uint32_t i = 0; i < event->heads; i++) sum += event->values[2 * i] + event->values[2 * i + 1] + (double)event->winners[i];
  *(double *)user += sum;
  return 0;
}

static void machine_arrays(void) {
  for (int side = 0; side < 2; side++) {
    for (uint64_t n = 1; n <= 40; n++) { /* programs, outputs and traces of every length */
      eml_instruction program[2 * 40 + 1];
      for (uint64_t i = 0; i < n; i++) {
        program[2 * i] = (eml_instruction){EML_OP_CONST, (int32_t)i};
        program[2 * i + 1] = (eml_instruction){EML_OP_OUTPUT, EML_NO_OPERAND};
      }
      program[2 * n] = (eml_instruction){EML_OP_HALT, EML_NO_OPERAND};
      uint64_t size = n < 33 ? n : 0, need = 0, steps = 2 * n + 1;
      guarded in = guarded_input(program, (size_t)steps * sizeof program[0], side);
      guarded file = guarded_input(program, (size_t)size, side), file_out = guard((size_t)size, side);
      guarded output = guard((size_t)n, side), trace = guard((size_t)steps * sizeof(int32_t), side);
      eml_machine_options options;
      CHECK_OK(eml_machine_options_init(&options, sizeof options));
      options.keep_trace = options.probe = 1;
      eml_machine *machine = NULL;
      double sum = 0;
      CHECK_OK(eml_machine_create(&options, &machine));
      char words[40 * 24 + 8];
      size_t length = 0;
      for (uint64_t i = 0; i < n; i++) length += (size_t)sprintf(words + length, "i32.const %d output ", (int)i);
      length += (size_t)sprintf(words + length, "halt");
      guarded text = guarded_input(words, length, side);
      CHECK_OK(eml_machine_load_text(machine, text.at, length));
      CHECK_OK(eml_machine_load(machine, in.at, steps));
      CHECK_OK(eml_machine_set_file(machine, 2, file.at, size));
      CHECK_OK(eml_machine_run(machine, 0, read_everything, &sum, NULL));
      CHECK(sum != 0);
      CHECK_OK(eml_machine_file(machine, 2, file_out.at, size, &need));
      CHECK(need == size && memcmp(file.at, file_out.at, (size_t)size) == 0);
      CHECK_OK(eml_machine_output(machine, output.at, n, &need));
      CHECK(need == n && ((unsigned char *)output.at)[n - 1] == n - 1);
      CHECK_OK(eml_machine_trace(machine, 0, trace.at, steps, &need));
      CHECK(need == steps);
      guarded all[] = {in, text, file, file_out, output, trace};
      for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) unguard(all[i]);
      CHECK_OK(eml_machine_free(machine));
    }
    eml_machine *machine = NULL;
    static const eml_instruction halt[] = {{EML_OP_HALT, EML_NO_OPERAND}};
    for (uint32_t size = 4; size <= sizeof(eml_machine_event); size += 4) { /* structs of an older header */
      guarded options = guard(size, side), event = guard(size, side), info = guard(size, side);
      CHECK_OK(eml_machine_options_init(options.at, size));
      CHECK_OK(eml_machine_create(options.at, &machine));
      CHECK_OK(eml_machine_load(machine, halt, 1));
      ((eml_machine_event *)event.at)->struct_size = size;
      CHECK_OK(eml_machine_step(machine, event.at));
      ((eml_machine_info *)info.at)->struct_size = size;
      CHECK_OK(eml_machine_get_info(machine, info.at));
      unguard(options);
      unguard(event);
      unguard(info);
      CHECK_OK(eml_machine_free(machine));
    }
  }
}

/* Nothing is read before or behind a module, names, arguments, or written before or behind results, memory and structs. */
static void wasm_arrays(void) {
  /* (module (memory 1) (func (export "f") (param i32) (result i32) (local.get 0))) */
  static const unsigned char module[] = {
      0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x03, 0x02, 0x01, 0x00,
      0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00, 0x0a, 0x06, 0x01, 0x04, 0x00, 0x20, 0x00, 0x0b};
  for (int side = 0; side < 2; side++) {
    uint64_t argument = 77, n = 0;
    guarded bytes = guarded_input(module, sizeof module, side), name = guarded_input("f", 1, side);
    guarded args = guarded_input(&argument, sizeof argument, side), results = guard(sizeof(uint64_t), side);
    eml_wasm *machine = NULL;
    CHECK_OK(eml_wasm_load(bytes.at, sizeof module, NULL, &machine));
    CHECK_OK(eml_wasm_invoke(machine, name.at, 1, args.at, 1, 0, NULL, results.at, 1, &n));
    CHECK(n == 1 && *(uint64_t *)results.at == 77);
    for (uint64_t size = 0; size < 20; size++) {
      guarded in = guarded_input(module, (size_t)size, side), out = guard((size_t)size, side);
      CHECK_OK(eml_wasm_write_memory(machine, 3, in.at, size));
      CHECK_OK(eml_wasm_read_memory(machine, 3, out.at, size));
      CHECK(memcmp(in.at, out.at, (size_t)size) == 0);
      unguard(in);
      unguard(out);
    }
    for (uint32_t size = 4; size <= sizeof(eml_wasm_info); size += 4) { /* structs of an older header */
      guarded options = guard(size, side), info = guard(size, side), function = guard(size, side);
      eml_wasm *other = NULL;
      CHECK_OK(eml_wasm_options_init(options.at, size));
      CHECK_OK(eml_wasm_load(bytes.at, sizeof module, options.at, &other));
      ((eml_wasm_info *)info.at)->struct_size = size;
      CHECK_OK(eml_wasm_get_info(other, info.at));
      ((eml_wasm_function *)function.at)->struct_size = size;
      CHECK_OK(eml_wasm_get_function(other, 0, function.at));
      unguard(options);
      unguard(info);
      unguard(function);
      CHECK_OK(eml_wasm_free(other));
    }
    guarded all[] = {bytes, name, args, results};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) unguard(all[i]);
    CHECK_OK(eml_wasm_free(machine));
  }
}

/* Nothing is read before or behind files, texts and tokens, or written before or behind logits, texts, tokens and structs. */
static void language_arrays(void) {
  static const int32_t ids[] = {1, 2, 3};
  eml_tokenizer *tokenizer = new_tokenizer();
  for (int side = 0; side < 2; side++) {
    uint64_t size = 0, need = 0;
    unsigned char *bytes = lm_file(small_shape, &size);
    guarded file = guarded_input(bytes, (size_t)size, side), tokens = guarded_input(ids, sizeof ids, side);
    guarded text = guarded_input("the cat", 7, side), some = guard(7 * sizeof(int32_t), side);
    free(bytes);
    CHECK_OK(eml_tokenizer_encode(tokenizer, text.at, 7, 0, some.at, 7, &need));
    guarded exact = guard((size_t)need * sizeof(int32_t), side), decoded = guard(8, side);
    uint64_t n = need;
    CHECK_OK(eml_tokenizer_encode(tokenizer, text.at, 7, 0, exact.at, n, &need));
    CHECK_OK(eml_tokenizer_decode(tokenizer, exact.at, n, decoded.at, 8, &need));
    CHECK(strcmp(decoded.at, "the cat") == 0);
    guarded lengths = guard(LM_VOCAB * sizeof(int32_t), side);
    CHECK_OK(eml_tokenizer_byte_lengths(tokenizer, EML_BYTES_RAW, lengths.at, LM_VOCAB));
    guarded one = guard(LM_VOCAB * sizeof(float), side), three = guard(3 * LM_VOCAB * sizeof(float), side);
    guarded wide = guard(3 * 32 * sizeof(float), side), k = guard(LM_LAYERS * sizeof(float), side);
    eml_lm *lm = NULL;
    CHECK_OK(eml_lm_import(file.at, size, NULL, &lm));
    CHECK_OK(eml_lm_activation_parameters(lm, k.at, LM_LAYERS));
    eml_lm_session *session = new_session(lm, 2);
    eml_lm_batch *batch = NULL;
    CHECK_OK(eml_lm_batch_create(lm, 3, 1, &batch));
    CHECK_OK(eml_lm_session_read(session, tokens.at, 3, one.at, NULL));
    CHECK_OK(eml_lm_session_read_all(session, tokens.at, 3, three.at, NULL));
    CHECK_OK(eml_lm_session_embed(session, tokens.at, 3, wide.at, NULL));
    CHECK_OK(eml_lm_batch_read(batch, 2, tokens.at, 3, one.at, NULL));
    CHECK_OK(eml_lm_batch_step(batch, tokens.at, 3, three.at, NULL));
    for (uint32_t part = 4; part <= sizeof(eml_lm_generate_options); part += 4) { /* structs of an older header */
      guarded options = guard(part, side), result = guard(part, side);
      CHECK_OK(eml_lm_generate_options_init(options.at, part));
      if (part >= 8) ((eml_lm_generate_options *)options.at)->max_tokens = 2;
      if (part >= 8 || side == 0) {
        ((eml_lm_generation *)result.at)->struct_size = part;
        CHECK_OK(eml_lm_session_generate(session, tokens.at, 3, options.at, result.at));
      }
      ((eml_lm_score *)result.at)->struct_size = part;
      CHECK_OK(eml_lm_session_evaluate(session, tokens.at, 3, 0, lengths.at, NULL, result.at));
      ((eml_lm_session_info *)result.at)->struct_size = part;
      CHECK_OK(eml_lm_session_get_info(session, result.at));
      ((eml_lm_info *)result.at)->struct_size = part;
      CHECK_OK(eml_lm_get_info(lm, result.at));
      ((eml_lm_parity *)result.at)->struct_size = part;
      CHECK_OK(eml_lm_check_parity(lm, "{\"tokens\":[1]}", 14, result.at));
      ((eml_tokenizer_info *)result.at)->struct_size = part;
      CHECK_OK(eml_tokenizer_get_info(tokenizer, result.at));
      eml_lm *other = NULL;
      CHECK_OK(eml_lm_options_init(options.at, part));
      CHECK_OK(eml_lm_import(file.at, size, options.at, &other));
      CHECK_OK(eml_lm_free(other));
      unguard(options);
      unguard(result);
    }
    CHECK_OK(eml_lm_session_free(session));
    CHECK_OK(eml_lm_batch_free(batch));
    CHECK_OK(eml_lm_free(lm));
    guarded all[] = {file, tokens, text, some, exact, decoded, lengths, one, three, wide, k};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) unguard(all[i]);
  }
  CHECK_OK(eml_tokenizer_free(tokenizer));
}

int main(void) {
  RUN(math_batches);
  RUN(model_arrays);
  RUN(tree_arrays);
  RUN(texts);
  RUN(bytes_in_and_out);
  RUN(structs);
  RUN(attention_arrays);
  RUN(machine_arrays);
  RUN(wasm_arrays);
  RUN(language_arrays);
  return test_summary("guard");
}
