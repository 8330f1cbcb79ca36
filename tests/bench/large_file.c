/* Writes the file of a large profile: 10^7 samples of 10^5 different stacks. */
#include "profile/file.h"
#include "support/large_profile.h"

#include <stdio.h>

int main(int argc, char *argv[])
{
    if (argc != 2) {
        fprintf(stderr, "usage: large_file FILE.pb.gz\n");
        return 2;
    }
    struct hop_profile *profile = make_large_profile(&large_shape_default);
    FILE *stream = fopen(argv[1], "w");
    if (!stream || hop_profile_write(profile, stream, NULL) != HOP_OK || fclose(stream) != 0) {
        perror(argv[1]);
        return 1;
    }
    printf("%llu samples, %zu nodes\n", (unsigned long long)profile->samples, profile->node_count);
    hop_profile_destroy(profile);
    return 0;
}
