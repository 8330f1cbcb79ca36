/* Ctrl-Z, at an instant of our choosing. */
#ifndef HOP_BASE_SUSPEND_H
#define HOP_BASE_SUSPEND_H

/* Does what SIGTSTP does by default, whatever is done with it now, and returns when the process is
 * continued: at once where nobody could continue it (an orphaned process group: setpgid(2)). */
void hop_suspend_process(void);

#endif
