/* Reads numbers to the end of the input and puts them out in order, sorted by quicksort through a comparison that is called by
 * address: upwards, and then by the last digit. */
#include "wasi.h"

enum { MOST = 4096 };

typedef i32 comparison(i32 a, i32 b);

static i32 numbers[MOST];

static i32 by_value(i32 a, i32 b) { return (a > b) - (a < b); }

static i32 by_last_digit(i32 a, i32 b) {
  i32 order = by_value(a % 10, b % 10);
  return order != 0 ? order : by_value(a, b);
}

static void sort(i32 *low, i32 *high, comparison *compare) {
  while (low < high) {
    i32 pivot = low[(high - low) / 2], *left = low, *right = high;
    while (left <= right) {
      while (compare(*left, pivot) < 0) left++;
      while (compare(*right, pivot) > 0) right--;
      if (left <= right) {
        i32 kept = *left;
        *left++ = *right;
        *right-- = kept;
      }
    }
    /* The smaller part first, so that calls are nested at most log2(count) deep. */
    if (right - low < high - left) {
      sort(low, right, compare);
      low = left;
    } else {
      sort(left, high, compare);
      high = right;
    }
  }
}

static i32 read_all(void) {
  i32 count = 0, c = get_char();
  while (c != END_OF_INPUT) {
    if ((c < '0' || c > '9') && c != '-') {
      c = get_char();
      continue;
    }
    i32 sign = 1;
    u32 n = 0;
    if (c == '-') {
      sign = -1;
      c = get_char();
    }
    for (; c >= '0' && c <= '9'; c = get_char()) n = n * 10 + (u32)(c - '0');
    if (count == MOST) fail("at most 4096 numbers");
    numbers[count++] = sign * (i32)n;
  }
  return count;
}

void _start(void) {
  static comparison *const orders[] = { by_value, by_last_digit };
  i32 count = read_all();
  for (i32 k = 0; k < 2; k++) {
    sort(numbers, numbers + count - 1, orders[k]);
    for (i32 i = 0; i < count; i++) {
      put_number(numbers[i]);
      put_char(i + 1 == count ? '\n' : ' ');
    }
  }
  flush();
}
