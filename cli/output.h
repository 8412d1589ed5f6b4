/* output.h - what the command writes: results to standard output, messages and errors to standard error. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <graft/status.h>
#include <stdbool.h>
#include <stddef.h>

/* n bytes to standard output, a line feed added where there is none. `document`: it was asked for as a whole, so that
 * also a closed pipe is an error; otherwise a reader that went away has read enough. */
graft_status output_text(const char *text, size_t n, bool document, graft_error *err);

/* "graft: KIND: text" to standard error. */
void output_message(const char *kind, const char *text);

/* "graft: error E1207: message" and a hint line to standard error. */
void output_error(const graft_error *err);

/* {"error":{"code","status","message","hint"}} to standard output. */
void output_error_json(const graft_error *err);

#endif
