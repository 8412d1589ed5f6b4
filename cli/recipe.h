/* recipe.h - options out of a recipe and into one: --recipe, --save-recipe. */
#ifndef CLI_RECIPE_H
#define CLI_RECIPE_H

#include "options.h"

/* After the command line was read: what s->recipe holds of v's options, those left out that the command line gave. What
 * the recipe says of an option's default counts as not given. s->recipe_read is then whoever parses's to free. */
graft_status recipe_apply(const verb *v, settings *s, graft_error *err);

/* Writes all options that belong to a recipe into s->save_recipe, given or by default: not where things lie on this
 * machine and what is of one call. */
graft_status recipe_save(const verb *v, const settings *s, graft_error *err);

#endif
