#include "verbs.h"

#include <string.h>

static const verb *const verbs[] = {
    &verb_train,  &verb_resume, &verb_eval,    &verb_predict, &verb_summary, &verb_features, &verb_inspect,
    &verb_bench,  &verb_export, &verb_convert, &verb_models,  &verb_fetch,   &verb_augment,  &verb_compare,
    &verb_labels, &verb_split,  &verb_clean,   &verb_advise,  &verb_serve,
};
enum { VERBS = sizeof verbs / sizeof *verbs };

/* ---- a verb's own table, and the rows of the library's that name the verb */

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *w = words; w; w = strchr(w, ' ') ? strchr(w, ' ') + 1 : NULL) {
        if (strcspn(w, " ") == n && !memcmp(w, word, n)) return true;
    }
    return false;
}

static bool has_group(const verb *v, const char *group)
{
    for (size_t i = 0; i < v->n_options; i++) {
        if (v->options[i].kind == OPTION_HEADING && !strcmp(v->options[i].help, group)) return true;
    }
    return false;
}

static bool lists(const verb *v, const char *setting)
{
    for (size_t i = 0; i < v->n_options; i++) {
        if (v->options[i].setting && !strcmp(v->options[i].setting, setting)) return true;
    }
    return false;
}

/* Those of a group; NULL: of groups that the verb has not, under a heading each. */
static size_t add_rows(const verb *v, const char *group, option *to, size_t n)
{
    const char *heading = NULL;
    const graft_option *row;
    for (size_t i = 0; (row = graft_option_at(i)) && n + 1 < OPTIONS_MAX; i++) {
        if (!has_word(row->verbs, v->name) || lists(v, row->name)) continue;
        if (group ? strcmp(group, row->group) != 0 : has_group(v, row->group)) continue;
        if (!group && (!heading || strcmp(heading, row->group) != 0)) to[n++] = (option)HEADING(row->group);
        heading = row->group;
        to[n++] = (option)SETTING(row->flag, row->name);
    }
    return n;
}

static size_t merge(const verb *v, option *to)
{
    static const char last[] = "General";
    const char *group = NULL;
    size_t n = 0;
    for (size_t i = 0; i <= v->n_options && n + 1 < OPTIONS_MAX; i++) {
        bool ends = i == v->n_options || v->options[i].kind == OPTION_HEADING;
        if (ends && group) n = add_rows(v, group, to, n);
        if (i == v->n_options) break;
        if (ends && !strcmp(v->options[i].help, last)) n = add_rows(v, NULL, to, n);
        if (ends) group = v->options[i].help;
        to[n++] = v->options[i];
    }
    return n;
}

const verb *verbs_at(size_t i)
{
    static verb merged[VERBS];
    static option rows[VERBS][OPTIONS_MAX];
    if (i >= VERBS) return NULL;
    if (!merged[i].name) {
        merged[i] = *verbs[i];
        merged[i].n_options = merge(verbs[i], rows[i]);
        merged[i].options = rows[i];
    }
    return &merged[i];
}

const verb *verbs_find(const char *name)
{
    const verb *v = NULL;
    for (size_t i = 0; (v = verbs_at(i)); i++)
        if (!strcmp(v->name, name)) break;
    return v;
}
