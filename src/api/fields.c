/* fields.c - 0.1's option structs over the rows: where a row is set in the context's settings it holds instead of the
 * field. */
#include "api/internal.h"

#include <string.h>

typedef enum field_type { INT, REAL, SEED, TEXT, CHOICE } field_type;

typedef struct field {
    gf_setting row;
    field_type type; /* in the struct */
    size_t at;
} field;

#define AT(of, name) offsetof(of, name)
static const field model_fields[] = {
    {GF_SET_MODEL_ALPHA, REAL, AT(graft_model_options, alpha)},
    {GF_SET_MODEL_DROPOUT, REAL, AT(graft_model_options, dropout)},
    {GF_SET_MODEL_HEAD, TEXT, AT(graft_model_options, head)},
    {GF_SET_MODEL_PREPROCESS, TEXT, AT(graft_model_options, preprocess)},
    {GF_SET_MODEL_SEED, SEED, AT(graft_model_options, seed)},
    {GF_SET_MODEL_PRECISION, TEXT, AT(graft_model_options, precision)},
    {GF_SET_MODEL_ALLOW_NONFINITE, INT, AT(graft_model_options, allow_nonfinite)},
};
static const field data_fields[] = {
    {GF_SET_DATA_TEST_FROM_VALIDATION, REAL, AT(graft_data_options, test_from_validation)},
    {GF_SET_DATA_SEED, SEED, AT(graft_data_options, seed)},
    {GF_SET_DATA_ANTIALIAS, INT, AT(graft_data_options, antialias)},
    {GF_SET_DATA_CACHE, CHOICE, AT(graft_data_options, cache)},
    {GF_SET_DATA_MEMORY_LIMIT, SEED, AT(graft_data_options, memory_limit)},
    {GF_SET_DATA_CACHE_DIR, TEXT, AT(graft_data_options, cache_dir)},
    {GF_SET_DATA_SKIP_BAD, INT, AT(graft_data_options, skip_bad)},
    {GF_SET_DATA_MAX_BAD, REAL, AT(graft_data_options, max_bad)},
    {GF_SET_DATA_ALLOW_TRUNCATED, INT, AT(graft_data_options, allow_truncated)},
    {GF_SET_DATA_IGNORE_EXIF, INT, AT(graft_data_options, ignore_exif)},
    {GF_SET_DATA_ALLOW_EMPTY_CLASS, INT, AT(graft_data_options, allow_empty_class)},
};
static const field train_fields[] = {
    {GF_SET_TRAIN_BATCH, INT, AT(graft_train_options, batch)},
    {GF_SET_TRAIN_EPOCHS, INT, AT(graft_train_options, epochs)},
    {GF_SET_TRAIN_FINE_TUNE_EPOCHS, INT, AT(graft_train_options, fine_tune_epochs)},
    {GF_SET_TRAIN_LR, REAL, AT(graft_train_options, lr)},
    {GF_SET_TRAIN_FINE_TUNE_LR, REAL, AT(graft_train_options, fine_tune_lr)},
    {GF_SET_TRAIN_OPTIMIZER, TEXT, AT(graft_train_options, optimizer)},
    {GF_SET_TRAIN_FINE_TUNE_OPTIMIZER, TEXT, AT(graft_train_options, fine_tune_optimizer)},
    {GF_SET_TRAIN_AUGMENT, TEXT, AT(graft_train_options, augment)},
    {GF_SET_TRAIN_SEED, SEED, AT(graft_train_options, seed)},
    {GF_SET_TRAIN_ON_NAN, TEXT, AT(graft_train_options, on_nan)},
    {GF_SET_TRAIN_CHECKPOINT_SECONDS, REAL, AT(graft_train_options, checkpoint_seconds)},
    {GF_SET_TRAIN_REPORT, INT, AT(graft_train_options, report)},
    {GF_SET_TRAIN_BATCH_NORM, TEXT, AT(graft_train_options, batch_norm)},
};
static const field bench_fields[] = {
    {GF_SET_BENCH_BATCH, INT, AT(graft_bench_options, batch)},
    {GF_SET_BENCH_STEPS, INT, AT(graft_bench_options, steps)},
    {GF_SET_BENCH_AUGMENT, TEXT, AT(graft_bench_options, augment)},
};
#undef AT

static void put(const gf_settings *s, const field *f, char *place)
{
    switch (f->type) {
    case INT: *(int *)place = (int)gf_settings_whole(s, f->row); break;
    case REAL: *(double *)place = gf_settings_real(s, f->row); break;
    case SEED: *(uint64_t *)place = gf_settings_seed(s, f->row); break;
    case TEXT: *(const char **)place = gf_settings_text(s, f->row); break;
    case CHOICE: *(int *)place = gf_settings_choice(s, f->row); break;
    }
}

static void put_all(const graft_context *c, const field *fields, size_t n, void *options)
{
    for (size_t i = 0; i < n; i++) {
        if (gf_settings_given(c->settings, fields[i].row)) put(c->settings, &fields[i], (char *)options + fields[i].at);
    }
}
#define PUT_ALL(c, fields, options) put_all((c), (fields), sizeof(fields) / sizeof *(fields), (options))

graft_model_options gf_api_model_options(const graft_context *c, const graft_model_options *o)
{
    graft_model_options out = *o;
    PUT_ALL(c, model_fields, &out);
    return out;
}

graft_data_options gf_api_opened_options(const graft_context *c, const graft_data_options *o)
{
    graft_data_options out = *o;
    PUT_ALL(c, data_fields, &out);
    return out;
}

graft_train_options gf_api_train_options(const graft_context *c, const graft_train_options *o)
{
    graft_train_options out = *o;
    PUT_ALL(c, train_fields, &out);
    return out;
}

graft_bench_options gf_api_bench_options(const graft_context *c, const graft_bench_options *o)
{
    graft_bench_options out = *o;
    PUT_ALL(c, bench_fields, &out);
    return out;
}
