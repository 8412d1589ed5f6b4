/* Which of some needs are not here: lacking NEED... prints a line "need<tab>why" for each (see support/needs.h). */
#include "support/needs.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *why = needs_lacking(argv[i]);
        if (why) printf("%s\t%s\n", argv[i], why);
    }
    return 0;
}
