/* misuse_judging.h - the part of test_misuse.c about calls that judge images; for that file alone. */
#ifndef TESTS_API_MISUSE_JUDGING_H
#define TESTS_API_MISUSE_JUDGING_H

static graft_status evaluate(int at, graft_error *e)
{
    OUT(2, graft_result, graft_evaluate(OR_NULL(0, model), OR_NULL(1, folder), NULL, to, e));
}
static graft_status predict(int at, graft_error *e)
{
    const char *paths[] = {folder, OR_NULL(2, folder)};
    OUT(3, graft_result, graft_predict(OR_NULL(0, model), OR_NULL(1, paths), 2, 1, to, e));
}
static graft_status compare(int at, graft_error *e)
{
    const char *const runs[] = {OR_NULL(1, run), OR_NULL(2, run)};
    OUT(4, graft_result, graft_compare(OR_NULL(0, context), OR_NULL(3, runs), 2, NULL, NULL, to, e));
}
static graft_status split(int at, graft_error *e)
{
    graft_data_options o;
    graft_data_defaults(&o);
    char parts[128];
    snprintf(parts, sizeof parts, "%s/split", other);
    OUT(4, graft_result,
        graft_split(OR_NULL(0, context), OR_NULL(1, folder), OR_NULL(2, &o), OR_NULL(3, parts), to, e));
}

static graft_status clean(int at, graft_error *e)
{
    OUT(2, graft_result, graft_clean(OR_NULL(0, model), OR_NULL(1, folder), to, e));
}

#define JUDGING_ROWS ROW(evaluate, 3), ROW(predict, 4), ROW(compare, 5), ROW(split, 5), ROW(clean, 3)

#endif
