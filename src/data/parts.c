#include "data/parts.h"

#include <string.h>

enum { WORD = 24 };

static const struct {
    const char *word;
    gf_part_kind kind;
} words[] = {
    {"train", GF_PART_TRAIN},
    {"training", GF_PART_TRAIN},
    {"trains", GF_PART_TRAIN},
    {"trn", GF_PART_TRAIN},
    {"learning", GF_PART_TRAIN},
    {"trainval", GF_PART_TRAIN}, /* VOC's word for both in one */
    {"val", GF_PART_VALIDATION},
    {"valid", GF_PART_VALIDATION},
    {"validation", GF_PART_VALIDATION},
    {"validate", GF_PART_VALIDATION},
    {"validating", GF_PART_VALIDATION},
    {"vali", GF_PART_VALIDATION},
    {"vld", GF_PART_VALIDATION},
    {"dev", GF_PART_VALIDATION},
    {"devel", GF_PART_VALIDATION},
    {"development", GF_PART_VALIDATION},
    {"eval", GF_PART_VALIDATION},
    {"evaluation", GF_PART_VALIDATION},
    {"evaluate", GF_PART_VALIDATION},
    {"test", GF_PART_TEST},
    {"testing", GF_PART_TEST},
    {"tests", GF_PART_TEST},
    {"tst", GF_PART_TEST},
    {"holdout", GF_PART_TEST},
    {"heldout", GF_PART_TEST},
    {"pred", GF_PART_UNLABELLED},
    {"predict", GF_PART_UNLABELLED},
    {"prediction", GF_PART_UNLABELLED},
    {"predictions", GF_PART_UNLABELLED},
    {"unlabeled", GF_PART_UNLABELLED},
    {"unlabelled", GF_PART_UNLABELLED},
    {"inference", GF_PART_UNLABELLED},
    {"infer", GF_PART_UNLABELLED},
};

/* Words beside the one that counts. */
static const char *const fillers[] = {
    "set",     "sets", "data",  "dataset", "datasets", "image", "images", "img",  "imgs", "picture", "pictures",
    "pic",     "pics", "photo", "photos",  "split",    "part",  "folder", "dir",  "file", "files",   "sample",
    "samples", "seg",  "cls",   "classes", "the",      "my",    "jpg",    "jpeg", "png",
};

static gf_part_kind kind_of(const char *word, size_t n)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].word) == n && !memcmp(words[i].word, word, n)) return words[i].kind;
    }
    return GF_PART_NONE;
}

static bool is_filler(const char *word, size_t n)
{
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        if (strlen(fillers[i]) == n && !memcmp(fillers[i], word, n)) return true;
    }
    return false;
}

/* What a word without signs in it stands for; *known is false where it is neither a part nor a filler. Two words may be
 * written as one: "trainset", "testimages". */
static gf_part_kind weigh(const char *word, size_t n, bool *known)
{
    *known = true;
    gf_part_kind whole = kind_of(word, n);
    if (whole || is_filler(word, n)) return whole;
    for (size_t cut = 2; cut + 2 <= n; cut++) {
        gf_part_kind first = kind_of(word, cut), second = kind_of(word + cut, n - cut);
        if (first && is_filler(word + cut, n - cut)) return first;
        if (second && is_filler(word, cut)) return second;
    }
    *known = false;
    return GF_PART_NONE;
}

static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* Numbers and signs part words, and so does a capital after a small letter. Another alphabet's letters say that it is
 * no word of ours. */
gf_part_kind gf_part_of_name(const char *name)
{
    gf_part_kind found = GF_PART_NONE;
    for (const char *s = name; *s;) {
        if ((unsigned char)*s >= 0x80) return GF_PART_NONE;
        if (!letter(*s)) {
            s++;
            continue;
        }
        char word[WORD];
        size_t n = 0;
        for (const char *before = s; letter(*s); before = s++) {
            if (s != before && *s <= 'Z' && *before >= 'a') break;
            if (n == WORD) return GF_PART_NONE;
            word[n++] = (char)(*s | 0x20);
        }
        bool known;
        gf_part_kind kind = weigh(word, n, &known);
        if (!known || (kind && found && kind != found)) return GF_PART_NONE;
        if (kind) found = kind;
    }
    return found;
}

gf_split gf_part_split(gf_part_kind kind)
{
    return kind == GF_PART_VALIDATION ? GF_VALIDATION : kind == GF_PART_TEST ? GF_TEST : GF_TRAIN;
}
