/* The layout of what 0.1 passes to and fro, on x86-64: sizes, places of fields, values of names, as 0.1's header has
 * them. Compiled with that header and with today's: where they differ, a program built with 0.1's would not run any
 * more. New fields come in new structs, new options by name (graft/settings.h). */
#include <graft/graft.h>
#include <stddef.h>

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size than in 0.1")
#define FIELD(type, field, at, bytes)                                                      \
    _Static_assert(offsetof(type, field) == (at) && sizeof(((type *)0)->field) == (bytes), \
                   #type "." #field " is elsewhere, or another, than in 0.1")
#define VALUE(name, value) _Static_assert((int)(name) == (value), #name " has another value than in 0.1")

SIZE(graft_progress, 96);
FIELD(graft_progress, stage, 0, 4);
FIELD(graft_progress, done, 8, 8);
FIELD(graft_progress, total, 16, 8);
FIELD(graft_progress, epoch, 24, 4);
FIELD(graft_progress, epochs, 28, 4);
FIELD(graft_progress, phase, 32, 4);
FIELD(graft_progress, loss, 40, 8);
FIELD(graft_progress, accuracy, 48, 8);
FIELD(graft_progress, val_loss, 56, 8);
FIELD(graft_progress, val_accuracy, 64, 8);
FIELD(graft_progress, images_per_second, 72, 8);
FIELD(graft_progress, seconds_left, 80, 8);
FIELD(graft_progress, seconds, 88, 8);

SIZE(graft_context_options, 40);
FIELD(graft_context_options, threads, 0, 4);
FIELD(graft_context_options, say, 8, 8);
FIELD(graft_context_options, progress, 16, 8);
FIELD(graft_context_options, should_stop, 24, 8);
FIELD(graft_context_options, user, 32, 8);

SIZE(graft_model_options, 128);
FIELD(graft_model_options, model, 0, 8);
FIELD(graft_model_options, weights, 8, 8);
FIELD(graft_model_options, alpha, 16, 8);
FIELD(graft_model_options, width, 24, 4);
FIELD(graft_model_options, height, 28, 4);
FIELD(graft_model_options, classes, 32, 4);
FIELD(graft_model_options, dropout, 40, 8);
FIELD(graft_model_options, head, 48, 8);
FIELD(graft_model_options, cut, 56, 8);
FIELD(graft_model_options, preprocess, 64, 8);
FIELD(graft_model_options, channels, 72, 4);
FIELD(graft_model_options, labels, 80, 8);
FIELD(graft_model_options, seed, 88, 8);
FIELD(graft_model_options, precision, 96, 8);
FIELD(graft_model_options, fine_tune_at, 104, 4);
FIELD(graft_model_options, fine_tune_at_name, 112, 8);
FIELD(graft_model_options, fine_tune_last, 120, 4);
FIELD(graft_model_options, allow_nonfinite, 124, 4);

SIZE(graft_data_options, 120);
FIELD(graft_data_options, width, 0, 4);
FIELD(graft_data_options, height, 4, 4);
FIELD(graft_data_options, antialias, 8, 4);
FIELD(graft_data_options, split, 16, 24);
FIELD(graft_data_options, test_from_validation, 40, 8);
FIELD(graft_data_options, batch, 48, 4);
FIELD(graft_data_options, seed, 56, 8);
FIELD(graft_data_options, cache, 64, 4);
FIELD(graft_data_options, memory_limit, 72, 8);
FIELD(graft_data_options, cache_dir, 80, 8);
FIELD(graft_data_options, skip_bad, 88, 4);
FIELD(graft_data_options, max_bad, 96, 8);
FIELD(graft_data_options, allow_truncated, 104, 4);
FIELD(graft_data_options, ignore_exif, 108, 4);
FIELD(graft_data_options, allow_empty_class, 112, 4);

SIZE(graft_train_options, 112);
FIELD(graft_train_options, out, 0, 8);
FIELD(graft_train_options, force, 8, 4);
FIELD(graft_train_options, batch, 12, 4);
FIELD(graft_train_options, epochs, 16, 4);
FIELD(graft_train_options, fine_tune_epochs, 20, 4);
FIELD(graft_train_options, lr, 24, 8);
FIELD(graft_train_options, fine_tune_lr, 32, 8);
FIELD(graft_train_options, optimizer, 40, 8);
FIELD(graft_train_options, fine_tune_optimizer, 48, 8);
FIELD(graft_train_options, augment, 56, 8);
FIELD(graft_train_options, seed, 64, 8);
FIELD(graft_train_options, on_nan, 72, 8);
FIELD(graft_train_options, checkpoint_seconds, 80, 8);
FIELD(graft_train_options, report, 88, 4);
FIELD(graft_train_options, command_line, 96, 8);
FIELD(graft_train_options, batch_norm, 104, 8);

SIZE(graft_label, 16);
FIELD(graft_label, label, 0, 8);
FIELD(graft_label, probability, 8, 8);

SIZE(graft_prediction, 48);
FIELD(graft_prediction, path, 0, 8);
FIELD(graft_prediction, label, 8, 8);
FIELD(graft_prediction, probability, 16, 8);
FIELD(graft_prediction, error, 24, 8);
FIELD(graft_prediction, n_top, 32, 8);
FIELD(graft_prediction, top, 40, 8);

SIZE(graft_export_options, 24);
FIELD(graft_export_options, to, 0, 8);
FIELD(graft_export_options, pictures, 8, 8);
FIELD(graft_export_options, n_pictures, 16, 8);

SIZE(graft_bench_options, 16);
FIELD(graft_bench_options, batch, 0, 4);
FIELD(graft_bench_options, steps, 4, 4);
FIELD(graft_bench_options, augment, 8, 8);

SIZE(graft_error, 2056);
FIELD(graft_error, status, 0, 4);
FIELD(graft_error, number, 4, 4);
FIELD(graft_error, message, 8, 1536);
FIELD(graft_error, hint, 1544, 512);

VALUE(GRAFT_NOTE, 0);
VALUE(GRAFT_WARNING, 1);
VALUE(GRAFT_STAGE_CHECK, 0);
VALUE(GRAFT_STAGE_PLAN, 1);
VALUE(GRAFT_STAGE_TRAIN, 2);
VALUE(GRAFT_STAGE_EVALUATE, 3);
VALUE(GRAFT_STAGE_EPOCH, 4);
VALUE(GRAFT_STAGE_REPORT, 5);
VALUE(GRAFT_STAGE_FETCH, 6);
VALUE(GRAFT_CACHE_AUTO, 0);
VALUE(GRAFT_CACHE_MEMORY, 1);
VALUE(GRAFT_CACHE_DISK, 2);
VALUE(GRAFT_CACHE_NONE, 3);
VALUE(GRAFT_OK, 0);
VALUE(GRAFT_USAGE, 2);
VALUE(GRAFT_DATA, 3);
VALUE(GRAFT_WEIGHTS, 4);
VALUE(GRAFT_RESOURCE, 5);
VALUE(GRAFT_NETWORK, 6);
VALUE(GRAFT_DIVERGED, 7);
VALUE(GRAFT_WORKER, 8);
VALUE(GRAFT_INTERNAL, 70);
VALUE(GRAFT_INTERRUPTED, 130);
VALUE(GRAFT_TERMINATED, 143);
