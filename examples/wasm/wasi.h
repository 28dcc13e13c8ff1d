/* What these programs need of a host: three functions of WASI preview 1, declared by hand, and a few helpers on top of them, so
 * that no C library is needed. Everything is integers. Include it in one file only: it holds the buffers. */
#ifndef WASI_H
#define WASI_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef int i32;
typedef unsigned long long u64;
typedef long long i64;

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))

typedef struct { const void *bytes; u32 count; } wasi_vector;

WASI("fd_write") i32 fd_write(i32 file, const wasi_vector *vectors, i32 count, u32 *written);
WASI("fd_read") i32 fd_read(i32 file, const wasi_vector *vectors, i32 count, u32 *read);
WASI("proc_exit") _Noreturn void proc_exit(i32 status);

enum { OUTPUT_SIZE = 1024, INPUT_SIZE = 1024, END_OF_INPUT = -1 };

static u8 output_bytes[OUTPUT_SIZE], input_bytes[INPUT_SIZE];
static u32 output_count, input_count, input_next;

/* Must be called before the program ends. */
static inline void flush(void) {
  u32 from = 0;
  while (from < output_count) {
    wasi_vector rest = { output_bytes + from, output_count - from };
    u32 written;
    if (fd_write(1, &rest, 1, &written) != 0 || written == 0) proc_exit(74);
    from += written;
  }
  output_count = 0;
}

static inline void put_char(i32 c) {
  if (output_count == OUTPUT_SIZE) flush();
  output_bytes[output_count++] = (u8)c;
}

static inline void put_text(const char *text) {
  while (*text != 0) put_char(*text++);
}

static inline void put_number(i64 n) {
  char digits[20];
  i32 count = 0;
  u64 rest = n < 0 ? 0 - (u64)n : (u64)n;
  if (n < 0) put_char('-');
  /* A 32-bit division where it is enough. */
  while (rest >> 32 != 0) {
    digits[count++] = (char)('0' + rest % 10);
    rest /= 10;
  }
  u32 low = (u32)rest;
  do {
    digits[count++] = (char)('0' + low % 10);
    low /= 10;
  } while (low != 0);
  while (count > 0) put_char(digits[--count]);
}

/* The next byte, or END_OF_INPUT. */
static inline i32 get_char(void) {
  if (input_next == input_count) {
    wasi_vector all = { input_bytes, INPUT_SIZE };
    input_next = 0;
    if (fd_read(0, &all, 1, &input_count) != 0) input_count = 0;
    if (input_count == 0) return END_OF_INPUT;
  }
  return input_bytes[input_next++];
}

/* The next decimal number; what stands before it is skipped. 0 at the end of the input. */
static inline i32 get_number(void) {
  i32 c = get_char(), sign = 1;
  u32 n = 0;
  while (c != END_OF_INPUT && (c < '0' || c > '9')) {
    sign = c == '-' ? -1 : 1;
    c = get_char();
  }
  for (; c >= '0' && c <= '9'; c = get_char()) n = n * 10 + (u32)(c - '0');
  return sign * (i32)n;
}

static inline _Noreturn void fail(const char *message) {
  put_text(message);
  put_char('\n');
  flush();
  proc_exit(1);
}

#endif
