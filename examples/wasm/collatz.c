/* The Collatz sequence of the number in the input, down to 1. */
#include "wasi.h"

void _start(void) {
  u32 n = (u32)get_number();
  if (n == 0) fail("a number from 1 on is needed");
  while (n != 1) {
    put_number(n);
    put_char(' ');
    n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  }
  put_text("1\n");
  flush();
}
