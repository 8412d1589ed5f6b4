/* The table of random changes, and looking one up. */
#include "image/random_change.h"

#include <string.h>

#define GF_RANDOM_CHANGE(x) extern const gf_random_change_class gf_random_change_##x;
#include "image/random_changes.def"
#undef GF_RANDOM_CHANGE

static const gf_random_change_class *const table[] = {
#define GF_RANDOM_CHANGE(x) &gf_random_change_##x,
#include "image/random_changes.def"
#undef GF_RANDOM_CHANGE
};

const gf_random_change_class *gf_random_change_at(size_t i)
{
    return i < sizeof table / sizeof *table ? table[i] : NULL;
}

static bool is_one_of(const char *list, const char *name, size_t n)
{
    while (list) {
        size_t length = strcspn(list, "|");
        if (length == n && !memcmp(list, name, n)) return true;
        list = list[length] ? list + length + 1 : NULL;
    }
    return false;
}

const gf_random_change_class *gf_random_change_find(gf_change_family family, const char *name, size_t n)
{
    const gf_random_change_class *c;
    for (size_t i = 0; (c = gf_random_change_at(i)); i++) {
        if ((c->families & family) && (is_one_of(c->name, name, n) || is_one_of(c->aliases, name, n))) break;
    }
    return c;
}
