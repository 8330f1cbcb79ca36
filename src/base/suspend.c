/* Suspends the process, see suspend.h. */
#include "base/suspend.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

void hop_suspend_process(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL}, ignored = {.sa_handler = SIG_IGN}, before;
    sigset_t suspends, mask_before;
    sigemptyset(&usual.sa_mask);
    sigemptyset(&ignored.sa_mask);
    sigemptyset(&suspends);
    sigaddset(&suspends, SIGTSTP);
    sigaction(SIGTSTP, &ignored, &before); /* of those that wait: one is enough */
    sigaction(SIGTSTP, &usual, NULL);
    pthread_sigmask(SIG_UNBLOCK, &suspends, &mask_before);
    raise(SIGTSTP); /* of this thread, so that nothing of what follows is done before */
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
    sigaction(SIGTSTP, &before, NULL);
}
