/* What the command does with signals; the library leaves them alone. */
#ifndef HOP_CLI_SIGNALS_H
#define HOP_CLI_SIGNALS_H

#include "heavyops.h"

/* From now on the first SIGINT, SIGTERM or SIGHUP sets the flag that is returned, so that sampling
 * ends and the report is written; the second ends us at once with 128 + its number (130 for
 * Ctrl-C), unless it is the same and comes at once, as timeout(1) sends it. What was ignored when
 * we were started (nohup, a shell's background) stays ignored. */
const volatile sig_atomic_t *hop_cli_stop_on_signals(void);

/* While it is sampled in another thread: SIGTSTP sets the flag that is returned, where it does what
 * it does by default. Who does that instead clears it; what nobody did is done at the end. */
volatile sig_atomic_t *hop_cli_begin_suspending(struct sigaction *before);
void hop_cli_end_suspending(const struct sigaction *before);

/* Holds the signals that set flags, so that one that comes after the flags were looked at ends the
 * wait (ppoll(2) with the mask of before) that follows. */
void hop_cli_hold_signals(sigset_t *mask_before);

/* From now on signals that are sent to us are passed on to the program we record: SIGHUP, SIGINT,
 * SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2. Those that the terminal sends reach the program anyway, so
 * they are not, and Ctrl-C does not end us before the program. Until hop_cli_forward_to(pid) says
 * whom to, they are kept. The flag that is returned is set once somebody else than the terminal or
 * the program asked for an end. */
const volatile sig_atomic_t *hop_cli_forward_signals(void);
void hop_cli_forward_to(int pid);

/* The program has ended (but is not reaped): nothing is forwarded any more, and signals do again
 * what they did before. */
void hop_cli_stop_forwarding(void);

/* A signal that ends us at once, SIGINT, SIGTERM or SIGHUP, removes this folder (kept by the
 * caller) first, if it is empty; NULL: none any more. */
void hop_cli_remove_when_killed(const char *folder);

/* From now on a signal that kills us gives the terminal back first, if hop_top has noted in the
 * result (static) how. */
struct hop_terminal_rescue *hop_cli_rescue_terminal(void);

#endif
