/* choices.h - which of several ways each operation goes: made by time, or on record. For engine.c. */
#ifndef GF_OPS_CHOICES_H
#define GF_OPS_CHOICES_H

#include "ops/engine.h"

typedef struct gf_chosen {
    char *key, *name;
    bool clear; /* timing was clear about it, then or when it was put on record */
} gf_chosen;

typedef struct gf_choices {
    gf_chosen *item;
    size_t n, cap;
} gf_choices;

/* Adds, or replaces; false: no memory, nothing is changed. */
bool gf_choices_set(gf_choices *list, const char *key, size_t key_n, const char *name, size_t name_n, bool clear);
bool gf_choices_read(gf_choices *list, const char *text, bool clear); /* lines "key=name"; text may be NULL */
int gf_choices_find(const gf_choices *list, const gf_choice *c);      /* the candidate; -1: none of them */
/* Sorts them, and gives them as lines; `clear`: these only. NULL: no memory. */
char *gf_choices_text(gf_choices *list, bool clear);
void gf_choices_free(gf_choices *list);

/* The candidate that times speak for (gf_ops_choose). *clear: they do so clearly. */
int gf_choice_by_time(const gf_choice *c, bool *clear);

#endif
