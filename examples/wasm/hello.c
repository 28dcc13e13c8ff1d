#include "wasi.h"

void _start(void) {
  put_text("Hello, world!\n");
  flush();
}
