/* The records of a kind on a replica, one JSON object a line: visit_notes_c DIRECTORY KIND */
#include <doorstep.h>
#include <stdio.h>

static int print_line(void* context, const char* json) {
  (void)context;
  return puts(json) < 0;
}

int main(int count, char** arguments) {
  doorstep_error* error = NULL;
  doorstep_replica* replica = NULL;
  int code;
  if (count != 3) {
    fprintf(stderr, "usage: visit_notes_c DIRECTORY KIND\n");
    return 2;
  }
  code = doorstep_open(arguments[1], "{\"read_only\":true}", &replica, &error);
  if (code == DOORSTEP_OK) {
    code = doorstep_list(replica, arguments[2], NULL, print_line, NULL, &error);
  }
  if (code != DOORSTEP_OK) fprintf(stderr, "visit_notes_c: %s\n", doorstep_error_message(error));
  doorstep_error_free(error);
  doorstep_close(replica);
  return code == DOORSTEP_OK ? 0 : 1;
}
