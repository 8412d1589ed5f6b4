/* values.h - the text of an option's value into its type, strictly: all of the text must be the value, no white space,
 * no NaN, no hexadecimal, no locale. One function, one row of a table a kind (options.h). */
#ifndef CLI_VALUES_H
#define CLI_VALUES_H

#include "options.h"

/* Parses `text` for option o into its place in s. E3002 says the value and what was wanted. */
graft_status value_set(const option *o, const char *text, settings *s, graft_error *err);

/* "a whole number from 1 to 4096", "a number from 0, below 1" */
const char *value_range_text(const option *o, char *buf, size_t size);

#endif
