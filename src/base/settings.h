/* settings.h - options by name, as every room reads them. The table is settings.def.
 *
 * A room gets a `const gf_settings *` (borrowed; NULL: all defaults) and asks for the value of a row by its kind:
 *     int64_t most = gf_settings_whole(o->settings, GF_SET_DATA_MAX_PIXELS);
 * Values were checked when they were set. */
#ifndef GF_BASE_SETTINGS_H
#define GF_BASE_SETTINGS_H

#include <graft/settings.h>
#include <stdbool.h>

typedef enum gf_setting {
    GF_SETTING_NONE = -1,
#define GF_SETTING(id, name, ...) GF_SET_##id,
#include "base/settings.def"
#undef GF_SETTING
} gf_setting;

typedef struct graft_settings gf_settings;

extern const graft_option gf_setting_rows[]; /* gf_settings_count() */
int gf_settings_count(void);

gf_settings *gf_settings_new(void); /* NULL: no memory */
void gf_settings_free(gf_settings *s);
/* A copy of `from` (NULL: *to is NULL too). */
graft_status gf_settings_copy(gf_settings **to, const gf_settings *from, graft_error *err);
/* Takes over from `from` (may be NULL) what is set there of the rows whose names begin with `section` ("data."), and
 * unsets the others of them. */
graft_status gf_settings_take(gf_settings *to, const gf_settings *from, const char *section, graft_error *err);

/* As graft_settings_set. */
graft_status gf_settings_set(gf_settings *s, const char *name, const char *value, graft_error *err);
/* GF_SETTING_NONE where there is no such row. */
gf_setting gf_setting_find(const char *name);

/* The value, or the row's default; s may be NULL. The function must be that of the row's kind. */
bool gf_settings_flag(const gf_settings *s, gf_setting id);
int64_t gf_settings_whole(const gf_settings *s, gf_setting id);
uint64_t gf_settings_seed(const gf_settings *s, gf_setting id);    /* of SEED and BYTES */
double gf_settings_real(const gf_settings *s, gf_setting id);      /* of REAL and SHARE */
int gf_settings_choice(const gf_settings *s, gf_setting id);       /* the position among the choices, from 0 */
const char *gf_settings_text(const gf_settings *s, gf_setting id); /* of any kind; NULL: not set, no default */
bool gf_settings_given(const gf_settings *s, gf_setting id);
/* Whether a run folder keeps it: it is not the default, and neither LOCAL nor a field of 0.1's structs, which
 * config.json holds in a place of their own. */
bool gf_settings_kept(const gf_settings *s, gf_setting id);

#endif
