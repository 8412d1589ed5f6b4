/* card.h - the model card of a run. */
#ifndef GF_REPORT_CARD_H
#define GF_REPORT_CARD_H

#include "report/record.h"

graft_status gf_card_write(const char *path, const gf_run_record *r, graft_error *err);

#endif
