/* graft/status.h - what every call returns, and what it says when it fails.
 *
 * Every fallible function returns a graft_status and fills the caller's graft_error (which may be
 * NULL: then only the status is told). Nothing is printed, nothing exits. */
#ifndef GRAFT_STATUS_H
#define GRAFT_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define GRAFT_API __attribute__((visibility("default")))

/* One row a status: name, exit code of the command, what it means, what state is left behind. */
#define GRAFT_STATUS_MAP(X)                                                                   \
    X(OK, 0, "done")                                                                          \
    X(USAGE, 2, "bad option or configuration; nothing was written")                           \
    X(DATA, 3, "the data set is bad; nothing but the report was written")                     \
    X(WEIGHTS, 4, "a weight or model file was refused; nothing was written")                  \
    X(RESOURCE, 5, "disk, memory or descriptors ran out; the last checkpoint is intact")      \
    X(NETWORK, 6, "the network or a download's integrity failed; partial data kept as .part") \
    X(DIVERGED, 7, "training diverged; the last finite checkpoint is kept")                   \
    X(WORKER, 8, "a worker died; the run can be resumed")                                     \
    X(INTERNAL, 70, "an internal error: please report it")                                    \
    X(INTERRUPTED, 130, "interrupted; a training run wrote a checkpoint at that step")        \
    X(TERMINATED, 143, "terminated; a training run wrote a checkpoint at that step")

typedef enum graft_status {
#define GRAFT_STATUS_ROW(name, code, text) GRAFT_##name = code,
    GRAFT_STATUS_MAP(GRAFT_STATUS_ROW)
#undef GRAFT_STATUS_ROW
} graft_status;

/* An error in full. `number` is stable and documented (docs/errors.md), printed as E1207. `message`
 * says where, what was found and what was wanted; `hint` (may be empty) says what to do. Both are
 * printable: bytes of foreign names are escaped as \xNN. */
typedef struct graft_error {
    graft_status status;
    int number;
    char message[1536];
    char hint[512];
} graft_error;

/* The text of a status; a static string. */
GRAFT_API const char *graft_status_text(graft_status status);

#ifdef __cplusplus
}
#endif
#endif
