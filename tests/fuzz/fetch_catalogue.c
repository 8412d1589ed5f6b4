/* Any bytes as a catalogue: what is taken is safe to make paths, addresses and command lines of. */
#include "base/alloc.h"
#include "fetch/catalogue.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(int ok)
{
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_catalogue *c;
    graft_error err = {0};
    uint8_t *copy = gf_alloc_raw(size + 1, 1); /* the reader may rely on the NUL that files are read with */
    if (!copy) return 0;
    memcpy(copy, data, size);
    copy[size] = 0;
    graft_status status = gf_catalogue_parse(&c, copy, size, "catalogue.json", &err);
    want((status == GRAFT_OK) == (c != NULL) && (c || err.number));
    for (size_t i = 0; c && i < c->n; i++) {
        const gf_weights_entry *e = &c->item[i];
        want(e->name && e->set && e->file && !strchr(e->file, '/') && e->file[0] != '.');
        want(e->size_least >= 1 && e->size_least <= e->size_most && e->alpha > 0);
        want(!e->package == !e->member && !e->package == !e->version && (e->package != NULL) == (e->n_urls == 0));
        want(!e->package || (e->package[0] != '-' && e->version[0] != '-'));
        want(!e->member || (e->member[0] != '/' && strncmp(e->member, "../", 3) && !strstr(e->member, "/../")));
        for (size_t k = 0; k < e->n_urls; k++) want(!strncmp(e->urls[k], "https://", 8) && !strchr(e->urls[k], '@'));
        want(gf_catalogue_find(c, e->name) == e);
        gf_weights_use use = {e->architecture ? e->architecture : "x", e->alpha, e->image_size, e->image_size, e->top};
        want(!e->architecture || gf_catalogue_choose(c, e->set, &use));
    }
    for (size_t i = 0; c && i < c->n_data; i++) {
        const gf_weights_entry *e = &c->data[i];
        want(e->name && e->licence && e->file && !strchr(e->file, '/') && e->file[0] != '.' && e->n_urls > 0 &&
             !e->package);
        want(e->size_least >= 1 && e->size_least <= e->size_most && gf_catalogue_find_data(c, e->name) == e);
    }
    gf_catalogue_destroy(c);
    gf_free(copy);
    return 0;
}
