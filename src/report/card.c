/* card.c - the model card: what a model is, what it was made of, how well it does and where it fails, as Markdown with
 * the head that model collections read (Mitchell et al., "Model cards for model reporting", 2019). */
#include "report/card.h"

#include "base/alloc.h"
#include "base/io.h"
#include "report/number.h"

#include <string.h>

enum { MOST_CLASSES = 50, FEW_IMAGES = 30 };

/* Text in a table's cell or a line: what Markdown would read is escaped, what is not printable likewise. */
static void add_plain(gf_text *t, const char *text)
{
    const char *shown = GF_ESC(text);
    for (; *shown; shown++) {
        if (strchr("\\`*_{}[]<>#|", *shown)) gf_text_add(t, "\\");
        gf_text_add_n(t, shown, 1);
    }
}

static void add_facts(gf_text *t, const char *heading, gf_facts facts)
{
    if (!facts.n) return;
    gf_text_printf(t, "\n## %s\n\n| | |\n|---|---|\n", heading);
    for (size_t i = 0; i < facts.n; i++) {
        gf_text_add(t, "| ");
        add_plain(t, facts.item[i].key);
        gf_text_add(t, " | ");
        add_plain(t, facts.item[i].value);
        gf_text_add(t, " |\n");
    }
}

static void add_head(gf_text *t, const gf_run_record *r)
{
    gf_text_add(t, "---\nlibrary_name: graft\n");
    if (r->pipeline) gf_text_printf(t, "pipeline_tag: %s\n", r->pipeline);
    gf_text_printf(t, "---\n# %s of %zu class%s\n\n", r->makes ? r->makes : "A classifier", r->n_classes,
                   r->n_classes == 1 ? "" : "es");
    add_plain(t, r->model);
    gf_text_add(t, " with a head of these classes, trained by graft: ");
    for (size_t i = 0; i < r->n_classes && i < MOST_CLASSES; i++) {
        if (i) gf_text_add(t, ", ");
        add_plain(t, r->classes[i]);
    }
    if (r->n_classes > MOST_CLASSES) gf_text_printf(t, " and %zu more", r->n_classes - MOST_CLASSES);
    gf_text_add(t, ".\n");
}

static void add_splits(gf_text *t, const gf_run_record *r)
{
    gf_text_printf(t, "\n| part | %s |\n|---|---:|\n", gf_record_noun(r));
    for (size_t i = 0; i < r->n_splits; i++) {
        gf_text_printf(t, "| %s | %s |\n", r->splits[i].name, GF_COUNT((unsigned long long)r->splits[i].images));
    }
}

static void add_results(gf_text *t, const gf_run_record *r)
{
    const struct {
        const char *name;
        const gf_metrics *m;
    } sets[] = {{"validation", &r->validation}, {"test", &r->test}};
    gf_text_printf(
        t,
        "\n## Results\n\nThe weights kept are those that were best on the validation set; the test set had no "
        "part in that. In brackets: 95 %% intervals.\n\n| set | %s | measure | value |\n|---|---:|---|---:|\n",
        gf_record_noun(r));
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        const gf_metrics *m = sets[s].m;
        for (size_t k = 0; m->images && k < m->list->n; k++) {
            size_t i = gf_record_order(m->list, k);
            const gf_metric *metric = &m->list->item[i];
            gf_text_printf(t, "| %s | %s | %s | %s", sets[s].name, GF_COUNT((unsigned long long)m->images),
                           metric->title, GF_METRIC_TEXT(metric, m->value[i], 1));
            double bounds[2];
            gf_wilson(m->value[i], (double)m->images, bounds);
            if (metric->cls->proportion) {
                gf_text_printf(t, " (%s to %s)", GF_PERCENT(bounds[0], 1), GF_PERCENT(bounds[1], 1));
            }
            gf_text_add(t, " |\n");
        }
    }
}

static void add_classes(gf_text *t, const gf_run_record *r)
{
    const char *name;
    const gf_metrics *m = gf_record_final(r, &name);
    if (!m || !m->confusion || r->n_classes > MOST_CLASSES) return;
    gf_text_printf(t, "\nBy class, on the %s set:\n\n| class | %s | precision | recall |\n|---|---:|---:|---:|\n", name,
                   gf_record_noun(r));
    for (size_t c = 0; c < r->n_classes; c++) {
        gf_class_score s = gf_class_score_of(m->confusion, r->n_classes, c);
        gf_text_add(t, "| ");
        add_plain(t, r->classes[c]);
        gf_text_printf(t, " | %s | %s | %s |\n", GF_COUNT((unsigned long long)s.images), GF_PERCENT(s.precision, 1),
                       GF_PERCENT(s.recall, 1));
    }
}

static void add_labels(gf_text *t, const gf_run_record *r)
{
    const gf_labels_record *l = r->labels;
    if (!l || r->n_classes > MOST_CLASSES) return;
    gf_text_printf(
        t,
        "\nBy label, on the %s set; a label is told from its threshold on, which was chosen on the validation "
        "set:\n\n| label | %s | AP | threshold | precision | recall |\n|---|---:|---:|---:|---:|---:|\n",
        l->set, gf_record_noun(r));
    for (size_t c = 0; c < r->n_classes; c++) {
        const gf_class_score s = gf_found_score_of(&l->item[c]);
        gf_text_add(t, "| ");
        add_plain(t, r->classes[c]);
        gf_text_printf(t, " | %s | %s | %s | %s | %s |\n", GF_COUNT((unsigned long long)s.images),
                       l->item[c].ap >= 0 ? GF_FIXED(l->item[c].ap, 3) : "-", GF_FIXED((double)l->threshold[c], 3),
                       GF_PERCENT(s.precision, 1), GF_PERCENT(s.recall, 1));
    }
}

static void add_sureness(gf_text *t, const gf_run_record *r)
{
    const gf_promise *p = gf_promise_for(r->promises, r->n_promises, 0.95);
    if (!r->calibration.images) return;
    gf_text_printf(t, "\n## How sure it is\n\nThe calibration error is %s on the %s set",
                   GF_PERCENT(r->calibration.error, 1), r->calibrated_on);
    if (r->temperature > 0)
        gf_text_printf(t, ", at the temperature of %s that the model keeps", GF_GENERAL(r->temperature, 3));
    gf_text_add(t, ".");
    if (p) {
        gf_text_printf(
            t, " On the validation set, of the %s told with %s or more, %s at least are right; these are %s of them.",
            gf_record_noun(r), GF_PERCENT(p->threshold, 1), GF_PERCENT(p->accuracy, 0), GF_PERCENT(p->coverage, 1));
    } else if (r->temperature > 0) {
        gf_text_add(t, " That 95 % of what is told be right cannot be promised, however sure it is.");
    }
    gf_text_add(t, "\n");
}

/* The classes of which so few were judged that little is known of them. */
static void add_rare(gf_text *t, const gf_run_record *r, const gf_metrics *m, const char *name)
{
    size_t told = 0;
    for (size_t c = 0; c < r->n_classes && told < MOST_CLASSES; c++) {
        uint64_t images = gf_class_score_of(m->confusion, r->n_classes, c).images;
        if (images >= FEW_IMAGES) continue;
        if (!told)
            gf_text_printf(t, "- Little is known of classes with fewer than %d %s in the %s set:", FEW_IMAGES,
                           gf_record_noun(r), name);
        gf_text_add(t, told++ ? ", " : " ");
        add_plain(t, r->classes[c]);
        gf_text_printf(t, " (%llu)", (unsigned long long)images);
    }
    if (told) gf_text_add(t, ".\n");
}

/* What the figures themselves say against relying on them. */
static void add_limits(gf_text *t, const gf_run_record *r)
{
    const char *name = "";
    const gf_metrics *m = gf_record_final(r, &name);
    gf_text_add(t, "\n## Limits\n\n");
    if (m && m->confusion)
        gf_text_add(t, "- What is of none of these classes is given one of them all the same, but for what "
                       "`graft predict --unknown` holds back.\n");
    if (r->labels)
        gf_text_add(t, "- Each label is told by itself: nothing keeps labels apart that never go together.\n");
    gf_text_printf(t, "- The figures hold for %s like those of the data above.\n", gf_record_noun(r));
    if (!r->test.images)
        gf_text_add(t, "- There was no test set: the figures are of the set that the weights were chosen by.\n");
    if (m && m->confusion) add_rare(t, r, m, name);
    gf_text_add(t, "\n");
}

graft_status gf_card_write(const char *path, const gf_run_record *r, graft_error *err)
{
    gf_text t = {0};
    add_head(&t, r);
    add_facts(&t, "Model", r->model_facts);
    add_facts(&t, "Data", r->data_facts);
    add_splits(&t, r);
    add_results(&t, r);
    add_classes(&t, r);
    add_labels(&t, r);
    add_sureness(&t, r);
    add_limits(&t, r);
    if (r->command) gf_text_printf(&t, "## How it was made\n\n    %s\n", GF_ESC(r->command));
    add_facts(&t, "Decisions that were left to graft", r->decisions);
    add_facts(&t, "Versions", r->versions);
    graft_status status = t.failed ? gf_fail_memory(err, t.n, "the model card") : gf_file_write_text(path, t.s, err);
    gf_text_free(&t);
    return status;
}
