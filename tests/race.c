/* Two threads that write to one place unasked: in the build with ThreadSanitizer a test expects that this is found,
 * since races that nothing finds prove nothing. */
#include <pthread.h>
#include <stddef.h>

static long place;

static void *write_often(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < 100000; i++) place++;
    return NULL;
}

int main(void)
{
    pthread_t thread[2];
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&thread[i], NULL, write_often, NULL)) return 0;
    }
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    return 0;
}
