/* hints.h - what a hint names must be there for who reads it: a clause that names an option which the verb at hand
 * lacks is left away. */
#ifndef CLI_HINTS_H
#define CLI_HINTS_H

#include "options.h"

/* Clauses are parted by "; ". An option inside of `graft VERB ...` must be one of that verb; those of another
 * tool's command in such quotes are its own. Cuts the hint in place; v NULL: nothing is known, so nothing is cut. */
void hints_fit(const verb *v, char *hint);

#endif
