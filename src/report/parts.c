/* parts.c - the table of report parts. */
#include "report/part.h"

const gf_report_part *gf_report_part_at(size_t i)
{
    static const gf_report_part *const table[] = {
#define GF_REPORT_PART(x) &gf_report_part_##x,
#include "report/parts.def"
#undef GF_REPORT_PART
    };
    return i < sizeof table / sizeof *table ? table[i] : NULL;
}

const gf_plot *gf_report_plot_at(size_t i)
{
    const gf_report_part *part;
    for (size_t k = 0; (part = gf_report_part_at(k)); k++) {
        if (part->plot.file && !i--) return &part->plot;
    }
    return NULL;
}
