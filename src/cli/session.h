/* What attach and record have in common. */
#ifndef HOP_CLI_SESSION_H
#define HOP_CLI_SESSION_H

#include "heavyops.h"

struct hop_cli_settings;
struct hop_cli_command;

/* How long attach waits for a process that is just starting its Python. */
#define HOP_CLI_START_WAIT_NS UINT64_C(1000000000)

/* Lets this process open as many files as it may: two are kept open for each thread that is looked
 * at. Not before a program is started, which would inherit that. */
void hop_cli_allow_descriptors(void);

/* What the settings say of reports; not coloured. */
struct hop_report_options hop_cli_report_options(const struct hop_cli_settings *settings);

/* Writes the report that the settings ask for and commits `output`, which it takes over; false:
 * *err says why not, and `output` is abandoned. */
bool hop_cli_write_report(const struct hop_cli_settings *settings,
                          const struct hop_profile *profile, struct hop_output *output,
                          struct hop_error *err);

/* Settles settings->format: as --format says, else as the suffix of -o does, else `otherwise`. */
void hop_cli_format_by_suffix(struct hop_cli_settings *settings, const char *otherwise);

/* The same for reports of a profile: else pprof for a file of another name, and `otherwise` for all
 * else. False: that is no text and would go to a terminal,
 * which has been said. */
bool hop_cli_choose_format(struct hop_cli_settings *settings, const char *otherwise);

/* The profile in the file that is the command's one word. The caller's; NULL: that has been said,
 * and *exit_code is what to end with. */
struct hop_profile *hop_cli_read_profile(struct hop_cli_settings *settings,
                                         const struct hop_cli_command *command, int *exit_code);

/* Reads the file that is the command's one word and writes it in `format`, or as --format says;
 * returns the exit code. */
int hop_cli_show(struct hop_cli_settings *settings, const struct hop_cli_command *command,
                 const char *format);

#endif
