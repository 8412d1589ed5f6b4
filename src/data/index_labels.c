/* index_labels.c - the classes of samples that may have any number of them. */
#include "data/build.h"

size_t gf_index_labels(const gf_index *index, uint32_t sample, const uint32_t **label)
{
    const gf_sample *s = &index->sample[sample];
    if (index->sets) return gf_label_sets_of(index->sets, s->class_id, label);
    *label = &s->class_id;
    return 1;
}

void gf_index_label_text(const gf_index *index, uint32_t sample, gf_text *out)
{
    const uint32_t *label;
    size_t n = gf_index_labels(index, sample, &label);
    for (size_t i = 0; i < n; i++) {
        if (i) gf_text_add(out, "|");
        gf_text_add(out, index->classes.item[label[i]]);
    }
}

graft_status gf_index_make_sets(gf_index *index, graft_error *err)
{
    index->sets = gf_new(gf_label_sets);
    if (!index->sets) return gf_fail_memory(err, sizeof *index->sets, "labels");
    for (uint32_t i = 0; i < index->n; i++) {
        uint32_t label = index->sample[i].class_id;
        GF_TRY(gf_label_sets_add(index->sets, &label, 1, &index->sample[i].class_id, err));
    }
    return GRAFT_OK;
}

graft_status gf_index_tell_unlabelled(gf_index *index, const gf_log *log, graft_error *err)
{
    uint32_t without = 0;
    for (uint32_t i = 0; i < index->n; i++) {
        const uint32_t *label;
        without += !gf_index_labels(index, i, &label);
    }
    if (!without) return GRAFT_OK;
    return gf_note_add(&index->notes, log, GF_NOTE, err,
                       "%u of %u samples have no label: none of the classes is theirs", without, index->n);
}
