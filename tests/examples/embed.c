/* Embeds libheavyops: attaches to a process, samples it for a second, prints its ten heaviest
 * instructions. Build: cc embed.c $(pkg-config --cflags --libs libheavyops) */
#include <heavyops.h>
#include <inttypes.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct hop_error err;
    struct hop_target *target;
    struct hop_profile *profile;
    struct hop_sample_options options = {.rate_hz = 1000, .duration_ns = 1000000000};

    if (argc != 2 || hop_attach(atoi(argv[1]), NULL, &target, &err) != HOP_OK) {
        fprintf(stderr, "%s\n%s\n", argc == 2 ? err.message : "usage: embed PID",
                argc == 2 ? err.remedy : "");
        return 1;
    }
    enum hop_status status = hop_sample(target, &options, &profile, &err);
    if (status != HOP_OK)
        fprintf(stderr, "%s\n", err.message);
    size_t count = 0;
    const struct hop_instruction *rows = profile ? hop_profile_instructions(profile, &count) : NULL;
    for (size_t i = 0; i < count && i < 10; i++)
        printf("%6" PRIu64 "  %s:%d  %s  %s\n", rows[i].self, rows[i].file, rows[i].line,
               rows[i].function, rows[i].base_opcode);
    hop_profile_destroy(profile);
    hop_detach(target);
    return status != HOP_OK;
}
