#include "base/distance.h"

#include <stdint.h>
#include <string.h>

size_t gf_edit_distance(const char *text, const char *known)
{
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1], n = strlen(known);
    if (n > LONGEST) return SIZE_MAX;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; text[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = diagonal + (text[i - 1] != known[j - 1]);
            size_t edit = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < edit ? change : edit;
        }
    }
    return row[n];
}
