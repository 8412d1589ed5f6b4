/* settings.c - options by name, as graft/settings.h offers them. */
#include "base/settings.h"

#include "base/error.h"

const graft_option *graft_option_at(size_t i) { return i < (size_t)gf_settings_count() ? &gf_setting_rows[i] : NULL; }

const graft_option *graft_option_find(const char *name)
{
    gf_setting id = name ? gf_setting_find(name) : GF_SETTING_NONE;
    return id != GF_SETTING_NONE ? &gf_setting_rows[id] : NULL;
}

graft_status graft_settings_new(graft_settings **out, graft_error *err)
{
    if (!out) return gf_fail(err, GF_E_USAGE, NULL, "graft_settings_new: `out` is NULL");
    *out = gf_settings_new();
    return *out ? GRAFT_OK : gf_fail_memory(err, sizeof(void *) * (size_t)gf_settings_count(), "options");
}

void graft_settings_free(graft_settings *s) { gf_settings_free(s); }

graft_status graft_settings_set(graft_settings *s, const char *name, const char *value, graft_error *err)
{
    if (!s || !name) {
        return gf_fail(err, GF_E_USAGE, NULL, "graft_settings_set: `%s` is NULL", s ? "name" : "settings");
    }
    return gf_settings_set(s, name, value, err);
}

const char *graft_settings_get(const graft_settings *s, const char *name)
{
    gf_setting id = s && name ? gf_setting_find(name) : GF_SETTING_NONE;
    return id != GF_SETTING_NONE ? gf_settings_text(s, id) : NULL;
}

int graft_settings_given(const graft_settings *s, const char *name)
{
    gf_setting id = s && name ? gf_setting_find(name) : GF_SETTING_NONE;
    return id != GF_SETTING_NONE && gf_settings_given(s, id);
}
