/* SHA-256 (FIPS 180-4) of the input. The constants are computed: they are the first 32 bits of the fractional parts of the cube
 * roots (rounds) and square roots (start) of the first primes. */
#include "wasi.h"

static u32 constants[64], state[8];
static u8 block[64];

/* floor(cbrt(prime) * 2^32) or floor(sqrt(prime) * 2^32), modulo 2^32, bit by bit: the largest r with r^power <= prime * 2^(32 power). */
static u32 root(u32 prime, i32 power) {
  u64 r = 0;
  for (i32 bit = 36; bit >= 0; bit--) {
    /* r^2 and r^3 as numbers of 32-bit digits. */
    u64 candidate = r | 1ull << bit;
    u32 product[5] = { (u32)candidate, (u32)(candidate >> 32), 0, 0, 0 };
    for (i32 k = 1; k < power; k++) {
      u64 carry = 0, low = (u32)candidate, high = candidate >> 32;
      u64 before = 0;
      for (i32 i = 0; i < 5; i++) {
        /* digit i of the product: digit i times the low half, the digit before it times the high half */
        u32 digit = product[i];
        u64 first = digit * low + (u32)carry, second = before * high + (u32)first;
        product[i] = (u32)second;
        carry = (carry >> 32) + (first >> 32) + (second >> 32);
        before = digit;
      }
    }
    if (product[power] < prime && product[power + 1] == 0) r = candidate;
  }
  return (u32)r;
}

static void prepare(void) {
  i32 count = 0;
  for (u32 n = 2; count < 64; n++) {
    i32 is_prime = 1;
    for (u32 d = 2; d * d <= n; d++) is_prime &= n % d != 0;
    if (!is_prime) continue;
    if (count < 8) state[count] = root(n, 2);
    constants[count++] = root(n, 3);
  }
}

static u32 rotate(u32 x, u32 n) { return x >> n | x << (32 - n); }

static void compress(void) {
  u32 w[64], s[8];
  for (i32 i = 0; i < 16; i++) {
    w[i] = (u32)block[4 * i] << 24 | (u32)block[4 * i + 1] << 16 | (u32)block[4 * i + 2] << 8 | block[4 * i + 3];
  }
  for (i32 i = 16; i < 64; i++) {
    u32 a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
  }
  for (i32 i = 0; i < 8; i++) s[i] = state[i];
  for (i32 i = 0; i < 64; i++) {
    u32 a = s[0], e = s[4];
    u32 first = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + constants[i] + w[i];
    u32 second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    for (i32 k = 7; k > 0; k--) s[k] = s[k - 1];
    s[4] += first;
    s[0] = first + second;
  }
  for (i32 i = 0; i < 8; i++) state[i] += s[i];
}

void _start(void) {
  prepare();
  u64 bits = 0;
  u32 used = 0;
  for (i32 c = get_char(); c != END_OF_INPUT; c = get_char()) {
    block[used++] = (u8)c;
    bits += 8;
    if (used == 64) {
      compress();
      used = 0;
    }
  }
  block[used++] = 0x80;
  if (used > 56) {
    while (used < 64) block[used++] = 0;
    compress();
    used = 0;
  }
  while (used < 56) block[used++] = 0;
  for (i32 i = 0; i < 8; i++) block[56 + i] = (u8)(bits >> (56 - 8 * i));
  compress();
  for (i32 i = 0; i < 64; i++) put_char("0123456789abcdef"[state[i / 8] >> (28 - 4 * (i % 8)) & 15]);
  put_char('\n');
  flush();
}
