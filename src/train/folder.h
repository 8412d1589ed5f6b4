/* folder.h - the files of a run folder, in one table: what a run writes, what --force clears away, and what a run that
 * has ended holds. docs/design/checkpoint.md lists them for people (a test compares).
 *
 * A run has ended once RUN/files.sha256 is there: the last file written, a line "DIGEST  NAME" (as sha256sum prints and
 * checks it) for each file that the run promised. Where one of them is missing or another than it says, a resume makes
 * it again. */
#ifndef GF_TRAIN_FOLDER_H
#define GF_TRAIN_FOLDER_H

#include "base/io.h"
#include "base/log.h"

#define GF_FOLDER_CONFIG "config.json"
#define GF_FOLDER_CLASSES "classes.txt"
#define GF_FOLDER_MODEL "model.safetensors"
#define GF_FOLDER_DECISIONS "decisions.json"
#define GF_FOLDER_DIVERGED "diverged.json"
#define GF_FOLDER_PROBE "probe.json"
#define GF_FOLDER_RATES "lr.json"
#define GF_FOLDER_RATES_PLOT "lr.png"
#define GF_FOLDER_LIST "files.sha256"
#define GF_FOLDER_CHECKPOINTS "checkpoint"
#define GF_FOLDER_BASE "checkpoint/base.safetensors"
#define GF_FOLDER_DATA "checkpoint/data.txt"
#define GF_FOLDER_SPLIT "split.csv"

typedef struct gf_folder_row {
    char name[64]; /* within the run folder */
    bool before;   /* written before config.json: a folder that holds no more than these is no run yet */
    bool promised; /* in the list of a run that ended, where the run's options ask for it */
} gf_folder_row;

/* Row i of the table; false behind the last. Checkpoints (checkpoint/ckpt-STEP.graft) are no rows. */
bool gf_folder_at(size_t i, gf_folder_row *row);

/* Whether `name`, within a run folder, is a file that a run writes: a row, a checkpoint, or the .tmp of one. */
bool gf_folder_writes(const char *name);

/* E3006 where `path` is a file of a run, whatever way it is named: nobody but the run itself writes it. */
graft_status gf_folder_check_out(const char *path, graft_error *err);

/* Whether the folder holds nothing but what a run has before its config.json: one that died before it was a run. */
bool gf_folder_not_begun(const char *dir);

/* Takes away every file that a run writes, whatever its options, and the folders it made where nothing else is in them.
 * Files that no run writes stay. What cannot be removed stays too: no error. */
void gf_folder_clear(const char *dir);
/* Takes away what a process that died left half written. */
void gf_folder_remove_tmp(const char *dir);

/* Writes the list of the promised files that are there; the last thing a run does. */
graft_status gf_folder_write_list(const char *dir, graft_error *err);
/* Takes one file of a run away; without its list it has not ended. */
void gf_folder_remove(const char *dir, const char *name);

typedef struct gf_folder_entry {
    char name[64], digest[65]; /* digest: in lower-case hexadecimal digits */
} gf_folder_entry;
/* Reads the list's line at *at, a text, and moves behind it. False: it is no such line, or of a file that is not
 * promised.
 */
bool gf_folder_next(const char **at, gf_folder_entry *entry);

typedef enum gf_folder_state {
    GF_FOLDER_OPEN,   /* no list: not ended, or ended by graft 0.1, which wrote none */
    GF_FOLDER_WHOLE,  /* ended, and each file is as it was written */
    GF_FOLDER_BROKEN, /* ended, but files (or the list) are missing or damaged */
} gf_folder_state;

/* *broken (gf_names_free) gets the names of those files, the list's own where it cannot be read as one. Each is told to
 * `log` (may be NULL) as a warning. */
graft_status gf_folder_check(const char *dir, gf_folder_state *state, gf_names *broken, const gf_log *log,
                             graft_error *err);

#endif
