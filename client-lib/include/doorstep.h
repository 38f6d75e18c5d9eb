/* Doorstep from C, and from every language that can call C.
 *
 *   doorstep_error* error = NULL;
 *   doorstep_replica* replica = NULL;
 *   if (doorstep_open("/data/tablet", NULL, &replica, &error) != DOORSTEP_OK) {
 *     fprintf(stderr, "%s\n", doorstep_error_message(error));
 *     doorstep_error_free(error);
 *   }
 *   doorstep_edits* edits = doorstep_edits_new("A Khan");
 *   doorstep_edits_add_json(edits, "Person", "{\"name\":\"Peter Hall\"}", "{\"file\":\"new\"}",
 * NULL); char* ids = NULL; doorstep_commit(replica, edits, &ids, &error); doorstep_free(ids);
 *
 * It is the C++ library (doorstep/replica.h has the meaning of every call) behind plain functions.
 *
 * Values go in and out as JSON text, or as the wire bytes of the kind's message. JSON out is what
 * `doorstep --json` prints; JSON in is refused, naming the key, when it has a key that is not told
 * here or one of another type.
 *
 * Text is UTF-8 and ends with a zero byte. What a function takes, it copies before it returns. What
 * it gives in a `char**` or `unsigned char**` is yours: doorstep_free(). What it returns as a
 * `const char*` lives as long as the object that it was asked of. Handles have their own _free.
 * A handle may be NULL only where that is said.
 *
 * A function that can fail returns a code, DOORSTEP_OK = 0. If `error` is not NULL and the code is
 * not 0, *error is a new object, yours: doorstep_error_free(). Outputs are then untouched. No C++
 * exception leaves any function.
 *
 * Threads: a replica, and the records and edits that it gave or takes, are used by one thread at a
 * time. Different replicas (also of one directory) are independent. doorstep_link_cancel(),
 * doorstep_loop_wake(), _hints() and _cancel() may be called from any thread.
 *
 * Callbacks: a doorstep_visit, _sink or _source runs in the calling thread, before the function
 * returns, and must not use the same replica.
 *
 * A doorstep_tell is called FROM A THREAD OF THE LIBRARY, of an observer or of a loop, one call at
 * a time for each of them, with no lock held; the first may come before the function that starts it
 * has returned. There every function may be called on handles that no other thread uses meanwhile
 * (a replica of its own), and its loop may be woken, hinted and cancelled. It must neither free the
 * observer or loop that called it nor wait for it, for these wait until the call is over. So where
 * a language hands such calls to its main thread and lets the library wait for that, observers and
 * loops are freed from another thread (Node.js: the asynchronous variant of the call).
 *
 * Stability: a function's meaning and signature never change; new ones are added, and then
 * doorstep_interface() is raised. Those of interface 2 say so.
 *
 * What C++ has and C does not: another clock, entropy, file system or transport (they are for
 * tests), a key store of one's own, the calls that add and remove people who open a replica
 * (doorstep/people.h; `doorstep people` has them), a record parsed into a generated message
 * (doorstep_record_bytes() gives what any Protocol Buffers library parses), and a schema for
 * doorstep_init() (doorstep_use_schema() follows it).
 */
#ifndef DOORSTEP_H_
#define DOORSTEP_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DOORSTEP_INTERFACE 2

/* The codes of gRPC and Abseil; what each asks of a program stands in doorstep/replica.h. */
enum doorstep_code {
  DOORSTEP_OK = 0,
  DOORSTEP_CANCELLED = 1,
  DOORSTEP_UNKNOWN = 2,
  DOORSTEP_INVALID_ARGUMENT = 3,
  DOORSTEP_DEADLINE_EXCEEDED = 4,
  DOORSTEP_NOT_FOUND = 5,
  DOORSTEP_ALREADY_EXISTS = 6,
  DOORSTEP_PERMISSION_DENIED = 7,
  DOORSTEP_RESOURCE_EXHAUSTED = 8,
  DOORSTEP_FAILED_PRECONDITION = 9,
  DOORSTEP_ABORTED = 10,
  DOORSTEP_OUT_OF_RANGE = 11,
  DOORSTEP_UNIMPLEMENTED = 12,
  DOORSTEP_INTERNAL = 13,
  DOORSTEP_UNAVAILABLE = 14,
  DOORSTEP_DATA_LOSS = 15,
  DOORSTEP_UNAUTHENTICATED = 16
};

typedef struct doorstep_error doorstep_error;
typedef struct doorstep_replica doorstep_replica;
typedef struct doorstep_record doorstep_record;     /* as it was opened: what its reader saw */
typedef struct doorstep_edits doorstep_edits;       /* of one transaction, not yet committed */
typedef struct doorstep_link doorstep_link;         /* to a server */
typedef struct doorstep_observer doorstep_observer; /* tells of commits; since 2 */
typedef struct doorstep_loop doorstep_loop;         /* syncs in the background; since 2 */

/* Returns 0 to go on, anything else to stop (the call then answers DOORSTEP_CANCELLED). `json` is
 * valid until it returns. */
typedef int (*doorstep_visit)(void* context, const char* json);
/* From a thread of the library: see "Threads" above. `json` is valid until it returns. */
typedef void (*doorstep_tell)(void* context, const char* json);
/* Takes `size` bytes, which do not end with a zero. Returns as a doorstep_visit. */
typedef int (*doorstep_sink)(void* context, const char* bytes, size_t size);
/* Fills `buffer` with at most `size` bytes and returns how many: 0 at the end, below 0 to stop. */
typedef int (*doorstep_source)(void* context, char* buffer, size_t size);

/* The interface that this library has: at least the DOORSTEP_INTERFACE that a program was built
 * with, or it must not be used. */
int doorstep_interface(void);
const char* doorstep_version(void); /* "0.1.0" */
void doorstep_free(void* memory);   /* NULL is allowed, here and in every _free and _close */

int doorstep_error_code(const doorstep_error* error);
const char* doorstep_error_message(const doorstep_error* error); /* names field, got, wanted */
/* The conflict case that must be decided first; empty when the error is of another sort. */
const char* doorstep_error_case(const doorstep_error* error);
void doorstep_error_free(doorstep_error* error);

/* Makes a replica in a directory. Needs no network. `options_json`:
 * {"site","device_name","user"[,"tenant"][,"server"][,"secret"][,"recovery_key"]}, all text.
 * "secret": the PIN or passphrase of "user", without which it does not open; without one whoever
 * has the device opens it. "recovery_key": the organisation's, hexadecimal. The secrets of the
 * device are kept in files: doorstep/key_store.h says where. */
int doorstep_init(const char* directory, const char* options_json, doorstep_error** error);
/* `options_json`: NULL, or {["durability":"full"|"normal"][,"read_only":bool][,"check":bool]
 * [,"person"][,"secret"]}. "person" and "secret" (a PIN or passphrase): who opens it, where it is
 * not the device alone. A PIN that is wrong is code 16, one that is not tried now code 7; neither
 * says anything of the replica. */
int doorstep_open(const char* directory, const char* options_json, doorstep_replica** replica,
                  doorstep_error** error);
void doorstep_close(doorstep_replica* replica);
/* Since 2. Brings the replica in a directory to another schema, the bytes of a FileDescriptorSet,
 * which stays with it: what it had kept unread is read from now on, and nothing is received again.
 * Handles that are open do not see it: open anew. */
int doorstep_use_schema(const char* directory, const unsigned char* bytes, size_t size,
                        doorstep_error** error);
/* Since 2. The same; `options_json`: NULL, or {["person"][,"secret"]}, as of doorstep_open(). */
int doorstep_use_schema_with(const char* directory, const unsigned char* bytes, size_t size,
                             const char* options_json, doorstep_error** error);
/* Since 2. The schema by which a replica reads, as a FileDescriptorSet: kinds, fields, enum values,
 * and what the options of doorstep/v1/options.proto say of them (labels, merge classes). */
int doorstep_schema(doorstep_replica* replica, unsigned char** bytes, size_t* size,
                    doorstep_error** error);

/* --- Records --- */

int doorstep_get(doorstep_replica* replica, const char* id, doorstep_record** record,
                 doorstep_error** error);
const char* doorstep_record_id(const doorstep_record* record);
const char* doorstep_record_kind(const doorstep_record* record);
/* Since 2. The kind's message: "doorstep.care.v1.Person". */
const char* doorstep_record_full_name(const doorstep_record* record);
/* The effective values, by the proto's field names. */
int doorstep_record_json(const doorstep_record* record, char** json, doorstep_error** error);
/* Where the record and its fields come from: file, tier, versions, whether they are provisional. */
int doorstep_record_info(const doorstep_record* record, char** json, doorstep_error** error);
/* The effective values as the kind's message, unknown fields included. */
int doorstep_record_bytes(const doorstep_record* record, unsigned char** bytes, size_t* size,
                          doorstep_error** error);
void doorstep_record_free(doorstep_record* record);

/* Calls `visit` with {"id","record"} for each record of a kind in order of id. `where`: NULL, or an
 * SQL expression over the kind's view. */
int doorstep_list(doorstep_replica* replica, const char* kind, const char* where,
                  doorstep_visit visit, void* context, doorstep_error** error);
/* One read-only SQL statement over the views: `visit` gets {"columns":[…],"cells":[…]} per row. */
int doorstep_query(doorstep_replica* replica, const char* sql, doorstep_visit visit, void* context,
                   doorstep_error** error);
/* Since 2. An array, best first: records whose full-text fields have all of these words; news*
 * finds what begins so. Nothing that is typed is an error, except nothing at all and too much.
 * `options_json`: NULL, or {["kind"][,"hidden":bool][,"limit":N]}; 0 = all, left out = 50. */
int doorstep_search(doorstep_replica* replica, const char* words, const char* options_json,
                    char** json, doorstep_error** error);
/* {"kinds":[…],"words":{KIND:{"label","fields":{FIELD:{"label"[,"values":{NAME:LABEL}]
 * [,"parts":{PART:{"label"[,"values"]}}]}}}}}: their short names; and what screens call them, their
 * fields, the parts of fields that have such, and the values of enums. */
int doorstep_kinds(doorstep_replica* replica, char** json, doorstep_error** error);

/* --- Edits --- */

/* `author`: NULL = the replica's user. */
doorstep_edits* doorstep_edits_new(const char* author);
void doorstep_edits_free(doorstep_edits* edits);

/* A new record. `options_json`: NULL, or {["file"][,"tier"][,"id"]}, as AddOptions. What is wrong
 * with the values is said by doorstep_commit(), here only what is wrong with the options. */
int doorstep_edits_add_json(doorstep_edits* edits, const char* kind, const char* json,
                            const char* options_json, doorstep_error** error);
int doorstep_edits_add_bytes(doorstep_edits* edits, const char* kind, const unsigned char* bytes,
                             size_t size, const char* options_json, doorstep_error** error);
/* Only the fields that the JSON object names; null clears. The record may be freed before the
 * commit. */
int doorstep_edits_update_json(doorstep_edits* edits, const doorstep_record* record,
                               const char* json, doorstep_error** error);
/* The whole record: a field that the bytes lack is cleared. */
int doorstep_edits_update_bytes(doorstep_edits* edits, const doorstep_record* record,
                                const unsigned char* bytes, size_t size, doorstep_error** error);
/* Decides a conflict case. `decision_json`: {"seen" (of the conflict as it was shown), "reason",
 * and one of "keep":N (from 1), "value":…, "both":true}. Code 9 when other versions stand by now.
 */
int doorstep_edits_settle(doorstep_edits* edits, const char* case_id, const char* decision_json,
                          doorstep_error** error);
/* Since 2. Puts one more version, `json` its value, beside those of a case, and decides nothing. */
int doorstep_edits_add_version(doorstep_edits* edits, const char* case_id, const char* json,
                               doorstep_error** error);
/* Says whether two records are one that was recorded twice (`same` not 0) or two. */
int doorstep_edits_same(doorstep_edits* edits, const char* first, const char* second, int same,
                        const char* reason, doorstep_error** error);
int doorstep_edits_hide(doorstep_edits* edits, const doorstep_record* record, const char* reason,
                        doorstep_error** error);
int doorstep_edits_unhide(doorstep_edits* edits, const doorstep_record* record,
                          doorstep_error** error);
int doorstep_edits_sign(doorstep_edits* edits, const doorstep_record* record,
                        doorstep_error** error);
/* All of them, or none. `ids_json` (may be NULL): an array with one entry per edit, the new
 * record's or signature's id as text, null for others. The edits stay as they are: after an error
 * they may be tried again; after success they are empty. */
int doorstep_commit(doorstep_replica* replica, doorstep_edits* edits, char** ids_json,
                    doorstep_error** error);

/* --- Sync --- */

/* `address`: HOST:PORT. Connects when first used. `options_json`: NULL, or
 * {["connect_timeout_ms":N][,"call_timeout_ms":N]}. */
int doorstep_link_new(const char* address, const char* options_json, doorstep_link** link,
                      doorstep_error** error);
/* Ends the call that runs now and all later ones. From any thread. */
void doorstep_link_cancel(doorstep_link* link);
void doorstep_link_free(doorstep_link* link);
/* Sends what waits, receives what is new. `progress`: NULL, or called at most about ten times a
 * second with {"step","sent","to_send","received","to_receive","bytes_sent","bytes_received"} and
 * the "attachment_bytes_…" _sent, _to_send, _received, _to_receive.
 * `result_json` may be NULL. */
int doorstep_sync(doorstep_replica* replica, doorstep_link* link, doorstep_visit progress,
                  void* context, char** result_json, doorstep_error** error);
/* Since 2. The same; `options_json`: NULL, or what it does about attachments, after all records:
 * {["attachments":"all"|"asked"|"none"][,"unasked_bytes":N][,"budget_bytes":N]}. "asked": only
 * those that somebody asked for. "unasked_bytes": the largest that it receives unasked; left out
 * = 1048576. "budget_bytes": of attachments, both ways; 0 = no limit. */
int doorstep_sync_with(doorstep_replica* replica, doorstep_link* link, const char* options_json,
                       doorstep_visit progress, void* context, char** result_json,
                       doorstep_error** error);

/* Since 2. Waits for the server's word that something changed: {"head":N} for each, until `notice`
 * answers that it is enough, the link is lost, or doorstep_link_cancel(). */
int doorstep_watch(doorstep_replica* replica, doorstep_link* link, doorstep_visit notice,
                   void* context, doorstep_error** error);

/* --- In the background (since 2): see "Threads" above --- */

/* Tells the answer to a read-only statement over the views, now and after each commit that changed
 * it, whichever process made it: {"columns":[…],"rows":[[…]]}, or, when it cannot be answered,
 * {"error":{"code":N,"message"}}. Nothing runs while nothing is committed. */
int doorstep_observer_start(const char* directory, const char* sql, doorstep_tell tell,
                            void* context, doorstep_observer** observer, doorstep_error** error);
/* The same; `options_json`: NULL, or {["person"][,"secret"]}, as of doorstep_open(). */
int doorstep_observer_start_with(const char* directory, const char* sql, const char* options_json,
                                 doorstep_tell tell, void* context, doorstep_observer** observer,
                                 doorstep_error** error);
/* Waits for a call that runs; afterwards there is none. */
void doorstep_observer_free(doorstep_observer* observer);

/* Syncs with `address` at once, when something changes here or there, and again after a lost link
 * (doorstep/sync_loop.h: when). `options_json`: NULL, or the keys of doorstep_link_new(), of
 * doorstep_loop_hints() and of doorstep_sync_with(), and "person" and "secret" as of
 * doorstep_open(). Both callbacks may be NULL. `attempt`, after each attempt: {"result":{as of
 * doorstep_sync()}} or {"error":{"code","message"}}, and "next_ms", after which the next comes by
 * itself; 0 = none, the loop has ended. `progress`: as of doorstep_sync(). */
int doorstep_loop_start(const char* directory, const char* address, const char* options_json,
                        doorstep_tell attempt, doorstep_tell progress, void* context,
                        doorstep_loop** loop, doorstep_error** error);
/* It waits no longer: somebody pressed "sync". */
void doorstep_loop_wake(doorstep_loop* loop);
/* What the device knows of itself: {["online":bool][,"metered":bool][,"battery_low":bool]}; what is
 * left out is true, false, false. */
int doorstep_loop_hints(doorstep_loop* loop, const char* hints_json, doorstep_error** error);
/* Within 100 ms. What has arrived is kept. */
void doorstep_loop_cancel(doorstep_loop* loop);
/* Until it has ended; never DOORSTEP_OK: DOORSTEP_CANCELLED, or an error that trying again does not
 * mend. */
int doorstep_loop_wait(doorstep_loop* loop, doorstep_error** error);
void doorstep_loop_free(doorstep_loop* loop); /* cancels and waits */

/* --- Attachments (since 2): doorstep/attachments.h has the meaning --- */

/* Keeps the bytes, durably, and writes the record that names them; `id` (may be NULL) is that
 * record's. `options_json`: NULL, or {["kind"][,"record":{…its other fields}][,"author"][,"file"]
 * [,"tier"][,"id"]}. */
int doorstep_attach_bytes(doorstep_replica* replica, const unsigned char* bytes, size_t size,
                          const char* options_json, char** id, doorstep_error** error);
int doorstep_attach_file(doorstep_replica* replica, const char* path, const char* options_json,
                         char** id, doorstep_error** error);
/* An array of {"record","state":"HERE"|"ON_ITS_WAY"|"NOT_ASKED","size","bytes_here",…}. */
int doorstep_attachments(doorstep_replica* replica, char** json, doorstep_error** error);
/* At most `max` bytes from `offset` on; `size` 0 at the end. Code 14: not all of it is here yet. */
int doorstep_attachment_read(doorstep_replica* replica, const char* record, size_t offset,
                             size_t max, unsigned char** bytes, size_t* size,
                             doorstep_error** error);
/* It comes, or goes, with the next sync, before all others. */
int doorstep_attachment_ask(doorstep_replica* replica, const char* record, doorstep_error** error);

/* --- In and out as text (since 2): the formats stand in doorstep/transfer.h --- */

/* All records, as they stand at one moment, to `sink`, whole rows at a time. `options_json`: NULL,
 * or
 * {["format":"jsonl"|"csv"][,"kind"]}. `result_json` (may be NULL): {"records","undecided"}. */
int doorstep_export(doorstep_replica* replica, const char* options_json, doorstep_sink sink,
                    void* context, char** result_json, doorstep_error** error);
/* All rows in one transaction, or, when one has an error, none: then the code is 0 all the same,
 * and the result says {"imported":0,"error_count":N,"errors":[{"line","message"}…],…}.
 * `options_json`: NULL, or
 * {["format":"jsonl"|"csv"][,"kind"][,"author"][,"dry_run":bool][,"keep_existing":bool]
 * [,"max_errors":N]}. */
int doorstep_import(doorstep_replica* replica, const char* options_json, doorstep_source source,
                    void* context, char** result_json, doorstep_error** error);

/* The same; `progress` is called with {"records":N} every few hundred rows, and the `context` of
 * `source`. When it answers that it is enough, nothing is imported. */
int doorstep_import_with_progress(doorstep_replica* replica, const char* options_json,
                                  doorstep_source source, doorstep_visit progress, void* context,
                                  char** result_json, doorstep_error** error);

/* --- What a replica says of itself: each as `doorstep … --json` prints it --- */

int doorstep_status(doorstep_replica* replica, char** json, doorstep_error** error);
/* `recompute` not 0: from the rows themselves. */
int doorstep_digest(doorstep_replica* replica, int recompute, char** json, doorstep_error** error);
/* Arrays, oldest first. */
int doorstep_outbox(doorstep_replica* replica, char** json, doorstep_error** error);
int doorstep_outcomes(doorstep_replica* replica, size_t limit, char** json, doorstep_error** error);
int doorstep_conflicts(doorstep_replica* replica, char** json, doorstep_error** error);
/* One case, by its id or how it begins; with a link also what only the server knows of it. */
int doorstep_conflict(doorstep_replica* replica, const char* case_id, doorstep_link* link,
                      char** json, doorstep_error** error);
int doorstep_sign_offs(doorstep_replica* replica, const char* id, char** json,
                       doorstep_error** error);
/* `link` may be NULL: then own changes and current versions only. */
int doorstep_history(doorstep_replica* replica, const char* id, doorstep_link* link, char** json,
                     doorstep_error** error);
/* Since 2. Why a record is here, or missing, or not as others see it: {"id","here","reasons":[{
 * "code","text"…}]…}. That it is missing is an answer, not an error. */
int doorstep_why(doorstep_replica* replica, const char* id, char** json, doorstep_error** error);
/* `all` 0: those that nobody has marked as read. */
int doorstep_notices(doorstep_replica* replica, int all, char** json, doorstep_error** error);
/* `notices_json`: NULL = all of them, or an array of their numbers. */
int doorstep_notices_read(doorstep_replica* replica, const char* notices_json,
                          doorstep_error** error);
/* Since 2. What is due: an array of
 * {"record","kind","title","field","label","day"[,"at"],"overdue", "stopped"}, in order of day;
 * `at` where it is an instant. `options_json`: NULL, or
 * {["until":"YYYY-MM-DD"][,"stopped":bool]}. */
int doorstep_due(doorstep_replica* replica, const char* options_json, char** json,
                 doorstep_error** error);
/* Since 2. What everybody must know, once (somebody has died), newest first: an array of {"record",
 * "kind","title","words","taken_back","by","at","read"}. `all` 0: what nobody has marked as read.
 */
int doorstep_news(doorstep_replica* replica, int all, char** json, doorstep_error** error);
/* Since 2. `records_json`: NULL = all of it, or an array of ids of records. */
int doorstep_news_read(doorstep_replica* replica, const char* records_json, doorstep_error** error);
/* `id` may be NULL: all pairs. */
int doorstep_duplicates(doorstep_replica* replica, const char* id, char** json,
                        doorstep_error** error);
int doorstep_rescued(doorstep_replica* replica, char** json, doorstep_error** error);
int doorstep_rescued_dismiss(doorstep_replica* replica, const char* change, doorstep_error** error);

/* --- Changes that were refused or are held --- */

int doorstep_parked_values(doorstep_replica* replica, const char* change, char** json,
                           doorstep_error** error);
/* `json` NULL: as it was. `options_json`: {["author"][,"file"][,"tier"]} or NULL. `new_change`
 * (may be NULL) gets the id of the new change. */
int doorstep_parked_fix(doorstep_replica* replica, const char* change, const char* json,
                        const char* options_json, char** new_change, doorstep_error** error);
/* Takes back all changes that the outbox lists with the same "unit". `author` NULL = the replica's
 * user. */
int doorstep_parked_withdraw(doorstep_replica* replica, const char* change, const char* reason,
                             const char* author, doorstep_error** error);
/* An array; `change` NULL = all. */
int doorstep_parked_export(doorstep_replica* replica, const char* change, char** json,
                           doorstep_error** error);
/* Gives a field the value of an earlier version. `link`, `author`, `reason_used` may be NULL. */
int doorstep_restore(doorstep_replica* replica, const char* id, const char* field,
                     const char* version, const char* author, doorstep_link* link,
                     char** reason_used, doorstep_error** error);

/* --- Enrolment: how a device becomes known to its server --- */

/* Asks the server that gave the code (`doorstep-server device invite`) for a certificate and keeps
 * it; every link of this replica then uses it, and doorstep_sync() renews it. After an error it may
 * be tried again. The device's key is made here and never leaves the replica. */
int doorstep_enrol(doorstep_replica* replica, const char* code, doorstep_error** error);
/* {"enrolled","device"[,"certificate_from","certificate_until","server",…]} */
int doorstep_identity(doorstep_replica* replica, char** json, doorstep_error** error);

#ifdef __cplusplus
}
#endif

#endif /* DOORSTEP_H_ */
