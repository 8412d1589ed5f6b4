/* effects.h - options that would have no effect beside what else was given: refused, since whoever gave them means
 * something by them. */
#ifndef CLI_EFFECTS_H
#define CLI_EFFECTS_H

#include "options.h"

/* E3001 naming the first such option and why; after parsing. */
graft_status effects_check(const verb *v, const settings *s, graft_error *err);

#endif
