/* Who does what at the least cost: n in the input, then n by n costs, a row for each person. The Hungarian method with shortest
 * augmenting paths (Jonker and Volgenant 1987), O(n^3). */
#include "wasi.h"

enum { MOST = 32, FAR = 0x7FFFFFFF };

static i32 costs[MOST + 1][MOST + 1];
static i32 row_price[MOST + 1], column_price[MOST + 1];
static i32 person[MOST + 1]; /* who has the column's task; 0 is nobody */
static i32 from[MOST + 1], distance[MOST + 1];
static u8 is_done[MOST + 1];

static void assign(i32 row, i32 n) {
  for (i32 j = 0; j <= n; j++) {
    distance[j] = FAR;
    is_done[j] = 0;
  }
  person[0] = row;
  i32 column = 0;
  while (person[column] != 0) {
    i32 i = person[column], next = 0, step = FAR;
    is_done[column] = 1;
    for (i32 j = 1; j <= n; j++) {
      if (is_done[j]) continue;
      i32 reduced = costs[i][j] - row_price[i] - column_price[j];
      if (reduced < distance[j]) {
        distance[j] = reduced;
        from[j] = column;
      }
      if (distance[j] < step) {
        step = distance[j];
        next = j;
      }
    }
    for (i32 j = 0; j <= n; j++) {
      if (is_done[j]) {
        row_price[person[j]] += step;
        column_price[j] -= step;
      } else {
        distance[j] -= step;
      }
    }
    column = next;
  }
  while (column != 0) {
    person[column] = person[from[column]];
    column = from[column];
  }
}

void _start(void) {
  i32 n = get_number(), total = 0, task[MOST + 1];
  if (n < 1 || n > MOST) fail("a size from 1 to 32 is needed");
  for (i32 i = 1; i <= n; i++) {
    for (i32 j = 1; j <= n; j++) costs[i][j] = get_number();
  }
  for (i32 i = 1; i <= n; i++) assign(i, n);
  for (i32 j = 1; j <= n; j++) {
    task[person[j]] = j;
    total += costs[person[j]][j];
  }
  for (i32 i = 1; i <= n; i++) {
    put_number(i);
    put_text(" -> ");
    put_number(task[i]);
    put_text(": ");
    put_number(costs[i][task[i]]);
    put_char('\n');
  }
  put_text("total ");
  put_number(total);
  put_char('\n');
  flush();
}
