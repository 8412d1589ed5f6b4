/* config.h - every option of a run, resolved: what config.json holds and what a resume starts from.
 *
 * What graft 0.1 wrote must be there, in its place. What came later (options by name, notes on a run) may be missing:
 * it then reads as what graft did before there was it, and while it has that value, checkpoints know nothing of it. So
 * the runs of older versions stay resumable. */
#ifndef GF_TRAIN_CONFIG_H
#define GF_TRAIN_CONFIG_H

#include "base/error.h"
#include "base/settings.h"
#include "graph/head.h"
#include "json/json.h"

#include <stdbool.h>
#include <stdint.h>

/* What graft 0.1 wrote. One row an option: section of config.json, name. */
#define GF_CONFIG_MAP(TEXT, WHOLE, REAL)                                     \
    TEXT(model, architecture)                                                \
    TEXT(model, weights)                                                     \
    REAL(model, alpha)                                                       \
    WHOLE(model, width)                                                      \
    WHOLE(model, height)                                                     \
    WHOLE(model, classes)                                                    \
    REAL(model, dropout)                                                     \
    TEXT(model, head)                                                        \
    TEXT(model, cut)                                                         \
    TEXT(model, preprocess)                                                  \
    WHOLE(model, channels)                                                   \
    WHOLE(model, model_seed)                                                 \
    TEXT(model, precision) /* as asked for: "auto" */                        \
    TEXT(model, dtype)     /* as resolved: "f32", "bf16" */                  \
    TEXT(model, frozen)    /* "int8", "int8, but for LAYERS", or as dtype */ \
    WHOLE(model, fine_tune_at)                                               \
    TEXT(data, data)                                                         \
    TEXT(data, digest)                                                       \
    REAL(data, split_train)                                                  \
    REAL(data, split_validation)                                             \
    REAL(data, split_test)                                                   \
    REAL(data, test_from_validation)                                         \
    WHOLE(data, data_batch)                                                  \
    WHOLE(data, data_seed)                                                   \
    WHOLE(data, antialias)                                                   \
    WHOLE(data, cache)                                                       \
    WHOLE(data, memory_limit)                                                \
    TEXT(data, cache_dir)                                                    \
    WHOLE(data, skip_bad)                                                    \
    REAL(data, max_bad)                                                      \
    WHOLE(data, allow_truncated)                                             \
    WHOLE(data, ignore_exif)                                                 \
    WHOLE(data, allow_empty_class)                                           \
    WHOLE(train, batch)                                                      \
    WHOLE(train, epochs)                                                     \
    WHOLE(train, fine_tune_epochs)                                           \
    REAL(train, lr)                                                          \
    REAL(train, fine_tune_lr)                                                \
    TEXT(train, optimizer)                                                   \
    TEXT(train, fine_tune_optimizer)                                         \
    TEXT(train, augment)                                                     \
    TEXT(train, batch_norm) /* "fixed", "batch" */                           \
    WHOLE(train, seed)                                                       \
    TEXT(train, on_nan)                                                      \
    REAL(train, checkpoint_seconds)                                          \
    WHOLE(train, report)                                                     \
    TEXT(train, command_line)                                                \
    TEXT(versions, graft)                                                    \
    TEXT(versions, machine)                                                  \
    TEXT(versions, choices) /* precision of each primitive that was timed */

/* What later versions note of a run, all texts: section, name, whether a checkpoint must agree with it. (Options that
 * came later are settings, below.) One that is missing is not set, and what is not set no checkpoint knows of. */
#define GF_CONFIG_ADDED(TEXT)                                        \
    TEXT(model, base_digest, true) /* SHA-256 of base.safetensors */ \
    TEXT(model, notes, false)      /* on how a foreign file was read */

typedef struct gf_run_config {
#define GF_CONFIG_TEXT(section, name) char *name; /* owned; NULL: not set */
#define GF_CONFIG_WHOLE(section, name) int64_t name;
#define GF_CONFIG_REAL(section, name) double name;
    GF_CONFIG_MAP(GF_CONFIG_TEXT, GF_CONFIG_WHOLE, GF_CONFIG_REAL)
    /* Options by name (settings.def), owned; NULL: all at their defaults. config.json and the identity hold those that
     * gf_settings_kept says, so that a run of an older version needs none of them. */
    gf_settings *settings;
    char *phases; /* owned: the JSON list of the run's phases (phase.h), which follows from the options; NULL: not known
                   */
#define GF_CONFIG_ADDED_TEXT(section, name, ...) char *name;
    GF_CONFIG_ADDED(GF_CONFIG_ADDED_TEXT)
#undef GF_CONFIG_ADDED_TEXT
#undef GF_CONFIG_TEXT
#undef GF_CONFIG_WHOLE
#undef GF_CONFIG_REAL
} gf_run_config;

void gf_config_free(gf_run_config *c); /* leaves it zeroed */

/* Whether the frozen part is in int8, but for some of its layers perhaps. */
bool gf_config_frozen_in_int8(const gf_run_config *c);
/* Whether batch normalisation that trains measures its batch. */
bool gf_config_uses_batch_stats(const gf_run_config *c);

/* The head as its text says it; of one that is no head's, none. */
gf_head_spec gf_config_head(const gf_run_config *c);

/* Replaces a text by a copy of `value` (NULL: unset). */
graft_status gf_config_text(char **field, const char *value, graft_error *err);

char *gf_config_document(const gf_run_config *c); /* as JSON; gf_free; NULL: no memory */
graft_status gf_config_write(const char *path, const gf_run_config *c, graft_error *err);

/* E3005 where the text is no config.json that this version reads: of a newer format, an option missing that 0.1 wrote,
 * one of another type, or one that is not known (a newer graft's). `path` stands in messages. */
graft_status gf_config_parse(gf_run_config *c, const char *text, size_t n, const char *path, graft_error *err);
graft_status gf_config_read(gf_run_config *c, const char *path, graft_error *err);

/* The options that a result depends on, a line "name value" each: what a checkpoint keeps, to be sure that it belongs
 * to the run. What came after 0.1 only where it has not its default. Not where files lie, what is cached, or how often
 * a checkpoint is written. NULL: no memory; gf_free. */
char *gf_config_identity(const gf_run_config *c);
/* How long a run was to be when a checkpoint was written: it may have been given more epochs since. */
typedef struct gf_config_length {
    int64_t epochs, fine_tune_epochs, fine_tune_at;
} gf_config_length;

/* E2306, with the first option that differs, unless the n bytes at `kept` are gf_config_identity's, but for the run's
 * length, which *length gets. `path` is the checkpoint they are from. */
graft_status gf_config_check_identity(const gf_run_config *c, const char *kept, size_t n, const char *path,
                                      gf_config_length *length, graft_error *err);

/* Every option as "name" and value text, for the report: calls fn for each. */
graft_status gf_config_each(const gf_run_config *c,
                            graft_status (*fn)(void *ctx, const char *section, const char *name, const char *value),
                            void *ctx);

#endif
