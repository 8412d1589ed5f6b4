/* name.c - names in archives: which are taken, and their order; what is refused, and how much is taken. */
#include "archive/members.h"

#include <string.h>

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

const char *gf_member_clean(char *name)
{
    if (*name == '/' || *name == '\\') return "an absolute name";
    if (is_letter(name[0]) && name[1] == ':' && (name[2] == '\\' || name[2] == '/'))
        return "an absolute name of Windows";
    char *to = name;
    for (const char *from = name; *from;) {
        size_t n = strcspn(from, "/"), part = strcspn(from, "/\\");
        bool dot = n == 1 && *from == '.';
        for (const char *s = from; s < from + n; s += part + (s + part < from + n), part = strcspn(s, "/\\")) {
            if (part == 2 && s[0] == '.' && s[1] == '.') return "a name with \"..\" in it";
        }
        if (n && !dot) {
            if (to != name) *to++ = '/';
            memmove(to, from, n);
            to += n;
        }
        from += n;
        while (*from == '/') from++;
    }
    *to = 0;
    return NULL;
}

int gf_member_order(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] && a[i] == b[i]) i++;
    unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];
    if (x == y) return 0;
    if (!x || !y) return x ? 1 : -1;
    if (x == '/' || y == '/') return x == '/' ? -1 : 1;
    return x < y ? -1 : 1;
}

graft_status gf_member_refuse(const gf_archive *a, const char *name, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_ARCHIVE_ENTRY,
                   "files and folders are read; if you trust it, unpack it yourself and give the folder", "%s:%s: %s",
                   GF_ESC(a->path), GF_ESC(name), what);
}

graft_status gf_member_encrypted(const gf_archive *a, const char *name, graft_error *err)
{
    return gf_fail(err, GF_E_ARCHIVE_ENCRYPTED, "unpack it with its password and give the folder",
                   "%s:%s: is encrypted", GF_ESC(a->path), GF_ESC(name));
}

graft_status gf_tally_entries(const gf_tally *t, const gf_archive *a, graft_error *err)
{
    return gf_fail(err, GF_E_ARCHIVE_LIMIT, NULL, "%s: more than %llu entries", GF_ESC(a->path),
                   (unsigned long long)t->most_entries);
}

graft_status gf_tally_add(gf_tally *t, const gf_archive *a, const char *name, uint64_t size, graft_error *err)
{
    if (++t->entries > t->most_entries) return gf_tally_entries(t, a, err);
    if (!__builtin_add_overflow(t->unpacked, size, &t->unpacked) && t->unpacked <= t->most) return GRAFT_OK;
    return gf_fail(err, GF_E_ARCHIVE_LIMIT, "--max-unpacked allows more, where you trust where it came from",
                   "%s:%s: the archive unpacks to more than %llu bytes, of %llu packed ones", GF_ESC(a->path),
                   GF_ESC(name), (unsigned long long)t->most, (unsigned long long)a->size);
}
