/* The shared library at work: a person is recorded, found, found again after opening anew, told to
 * an observer, handed to a server, and received by a second tablet, whose loop keeps it up to date.
 *
 *   c_smoke DIRECTORY HOST:PORT
 */
#include <doorstep.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char* kTablet = "{\"site\":\"north\",\"device_name\":\"tablet\",\"user\":\"A Khan\"}";

static void check(int holds, const char* what, doorstep_error* error) {
  if (holds) return;
  fprintf(stderr, "c_smoke: %s: %s\n", what, doorstep_error_message(error));
  exit(1);
}

static doorstep_replica* open_replica(const char* directory) {
  doorstep_replica* replica = NULL;
  doorstep_error* error = NULL;
  check(doorstep_open(directory, NULL, &replica, &error) == DOORSTEP_OK, "open", error);
  return replica;
}

static void add_person(doorstep_replica* replica, const char* json) {
  doorstep_edits* edits = doorstep_edits_new(NULL);
  doorstep_error* error = NULL;
  char* ids = NULL;
  check(doorstep_edits_add_json(edits, "Person", json, "{\"file\":\"new\"}", &error) == DOORSTEP_OK,
        "add", error);
  check(doorstep_commit(replica, edits, &ids, &error) == DOORSTEP_OK, "commit", error);
  doorstep_free(ids);
  doorstep_edits_free(edits);
}

static void check_found(doorstep_replica* replica, const char* words, const char* title) {
  doorstep_error* error = NULL;
  char* hits = NULL;
  check(doorstep_search(replica, words, NULL, &hits, &error) == DOORSTEP_OK, "search", error);
  check(strstr(hits, title) != NULL, hits, NULL);
  doorstep_free(hits);
}

static void sync_once(doorstep_replica* replica, const char* address) {
  doorstep_link* link = NULL;
  doorstep_error* error = NULL;
  check(doorstep_link_new(address, NULL, &link, &error) == DOORSTEP_OK, "link", error);
  check(doorstep_sync(replica, link, NULL, NULL, NULL, &error) == DOORSTEP_OK, "sync", error);
  doorstep_link_free(link);
}

/* How many people a thread of the library has told of. */
struct told {
  pthread_mutex_t mutex;
  pthread_cond_t news;
  int people;
};

static void tell(void* context, const char* json) {
  struct told* told = context;
  const char* rows = strstr(json, "\"rows\":[[");
  pthread_mutex_lock(&told->mutex);
  if (rows != NULL) told->people = atoi(rows + strlen("\"rows\":[["));
  pthread_cond_signal(&told->news);
  pthread_mutex_unlock(&told->mutex);
}

static void wait_for(struct told* told, int people) {
  pthread_mutex_lock(&told->mutex);
  while (told->people < people) pthread_cond_wait(&told->news, &told->mutex);
  pthread_mutex_unlock(&told->mutex);
}

int main(int count, char** arguments) {
  static struct told told = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, -1};
  doorstep_error* error = NULL;
  doorstep_replica* replica = NULL;
  doorstep_observer* observer = NULL;
  doorstep_loop* loop = NULL;
  char second[4096];
  if (count != 3) {
    fprintf(stderr, "usage: c_smoke DIRECTORY HOST:PORT\n");
    return 2;
  }
  check(doorstep_interface() >= DOORSTEP_INTERFACE, "the interface is too old", NULL);
  snprintf(second, sizeof second, "%s-second", arguments[1]);
  check(doorstep_init(arguments[1], kTablet, &error) == DOORSTEP_OK, "init", error);
  check(doorstep_init(second, kTablet, &error) == DOORSTEP_OK, "init", error);

  replica = open_replica(arguments[1]);
  add_person(replica, "{\"name\":\"Zo\xc3\xab Hall\"}");
  check_found(replica, "zoe", "Zo\xc3\xab Hall");
  doorstep_close(replica);
  replica = open_replica(arguments[1]);
  check_found(replica, "hal*", "Zo\xc3\xab Hall");
  puts("recorded, found, opened again");

  sync_once(replica, arguments[2]);
  check(doorstep_observer_start(second, "SELECT count(*) FROM person", tell, &told, &observer,
                                &error) == DOORSTEP_OK,
        "observe", error);
  check(doorstep_loop_start(second, arguments[2], NULL, NULL, NULL, NULL, &loop, &error) ==
            DOORSTEP_OK,
        "loop", error);
  wait_for(&told, 1);
  add_person(replica, "{\"name\":\"Peter Evans\"}");
  sync_once(replica, arguments[2]);
  wait_for(&told, 2);
  puts("received by the second tablet");
  doorstep_loop_cancel(loop);
  check(doorstep_loop_wait(loop, &error) == DOORSTEP_CANCELLED, "wait", error);
  doorstep_error_free(error);
  doorstep_loop_free(loop);
  doorstep_observer_free(observer);
  doorstep_close(replica);
  return 0;
}
