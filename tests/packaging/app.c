/* What a user of the installed package writes: prints the version, the instruction set and one result. */
#include <eml.h>

#include <stdio.h>
#include <string.h>

int main(void) {
  if (strcmp(eml_version(), EML_VERSION_STRING) != 0 || eml_abi_version() != EML_ABI_VERSION) {
    fprintf(stderr, "header %s, library %s\n", EML_VERSION_STRING, eml_version());
    return 1;
  }
  const char *isa = strstr(eml_build_info(), "\"isa\"");
  if (isa == NULL) return 1;
  isa = strchr(strchr(isa, ':'), '"') + 1;
  printf("%s %.*s %.17g\n", eml_version(), (int)strcspn(isa, "\""), isa, eml_math_exp(1.0));
  return 0;
}
