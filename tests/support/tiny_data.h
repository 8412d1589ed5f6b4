/* tiny_data.h - a data set for tests that train: two classes of noise, one redder, the other bluer. */
#ifndef TESTS_TINY_DATA_H
#define TESTS_TINY_DATA_H

/* DIR/{train,validation}/{blue,red}/N.bmp, 40 x 40 pixels, so many in each class; the same for every call. Fails the
 * test where it cannot. */
void tiny_data_make(const char *dir, unsigned train, unsigned validation);

/* The same of so many classes, "kind0", "kind1", ..., told apart by their mean colour. */
void tiny_data_make_kinds(const char *dir, unsigned classes, unsigned train, unsigned validation);

/* rm -rf. */
void tiny_data_remove(const char *dir);

#endif
