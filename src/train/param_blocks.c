/* param_blocks.c - a backbone's blocks, for learning rates that fall from the head to the image. The idea and the 12
 * parameters are timm's (its layer decay: Clark et al., "ELECTRA", 2020; Bao et al., "BEiT", 2022). */
#include "train/param_groups.h"

#include <string.h>

/* What stands before the number of a block in the names of layers; and whether further numbers behind points are part
 * of it (layer1.0), or of what is in the block (features.2.conv.0). */
static const struct {
    const char *word;
    bool nested;
} words[] = {{"expanded_conv", false}, {"block", true}, {"layer", true}, {"stage", true}, {"features", false}};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Past a number that stands at s, perhaps behind a plural and a separator ("blocks.1", "block_3", "block2a"); NULL:
 * there is none. */
static const char *past_number(const char *s, bool nested)
{
    s += *s == 's';
    s += *s == '_' || *s == '.';
    if (!is_digit(*s)) return NULL;
    while (is_digit(*s)) s++;
    if (*s >= 'a' && *s <= 'z' && (s[1] == '_' || !s[1])) s++;
    while (nested && *s == '.' && is_digit(s[1])) {
        s++;
        while (is_digit(*s)) s++;
    }
    return s;
}

/* How much of a layer's name says its block; 0: nothing. The last word counts: conv2_block1_1_conv. */
static size_t block_of_name(const char *name)
{
    size_t best = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        for (const char *at = strstr(name, words[i].word); at; at = strstr(at + 1, words[i].word)) {
            const char *end = past_number(at + strlen(words[i].word), words[i].nested);
            if (end && (size_t)(end - name) > best) best = (size_t)(end - name);
        }
    }
    return best;
}

/* Layers between two blocks belong to the one before them; before the first one is block 0. */
static int by_name(const gf_model *m, int *block)
{
    int n = 0;
    const char *present = "";
    size_t length = 0;
    for (size_t i = 0; i < m->n_layers; i++) {
        const gf_layer *l = &m->layer[i];
        size_t own = l->backbone ? block_of_name(l->name) : 0;
        if (own && (own != length || memcmp(l->name, present, own) != 0)) {
            present = l->name;
            length = own;
            n++;
        }
        block[i] = l->backbone ? n : -1;
    }
    return n + 1;
}

static int by_count(const gf_model *m, int *block)
{
    enum { TENSORS = 12 };
    int n = 0;
    for (size_t i = 0; i < m->n_layers; i++) {
        const gf_layer *l = &m->layer[i];
        block[i] = l->backbone ? n / TENSORS : -1;
        for (int k = 0; k < l->n_params && l->backbone && !l->again; k++) n += !m->param[l->param[k]].statistic;
    }
    return n ? (n - 1) / TENSORS + 1 : 1;
}

int gf_param_blocks(const gf_model *m, int *block)
{
    enum { FEW = 4 }; /* names that say no more are no division of a network */
    int n = by_name(m, block);
    return n >= FEW ? n : by_count(m, block);
}
