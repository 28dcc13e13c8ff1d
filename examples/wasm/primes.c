/* The primes below 1,000 with the sieve of Eratosthenes: one bit a number. */
#include "wasi.h"

enum { LIMIT = 1000 };

static u32 composite[(LIMIT + 31) / 32];

void _start(void) {
  i32 count = 0;
  for (u32 n = 2; n < LIMIT; n++) {
    if (composite[n / 32] >> n % 32 & 1) continue;
    for (u32 m = n * n; m < LIMIT; m += n) composite[m / 32] |= 1u << m % 32;
    put_number(n);
    put_char(++count % 12 == 0 ? '\n' : ' ');
  }
  put_text(count % 12 == 0 ? "" : "\n");
  put_number(count);
  put_text(" primes\n");
  flush();
}
