/* Reads one thread's stack and names its frames. */
#include "sample/look.h"

enum hop_refusal hop_look_read(struct hop_sampler *sampler, const struct hop_roster_entry *entry)
{
    struct hop_identifier *identifier = &sampler->identifier;
    enum hop_refusal refusal = hop_walk(&sampler->walker, entry->state.addr);
    if (refusal == HOP_TAKEN)
        refusal = hop_identify(identifier, &sampler->walker.stack);
    if (refusal == HOP_TAKEN && identifier->wants_qualnames)
        hop_qualnames_seek(&identifier->qualnames, &sampler->walker.stack, identifier->frames);
    return refusal;
}

void hop_look_keep(struct hop_sampler *sampler)
{
    hop_qualnames_keep(&sampler->identifier.qualnames);
}

void hop_look_drop(struct hop_sampler *sampler, size_t known_codes)
{
    hop_qualnames_drop(&sampler->identifier.qualnames);
    hop_code_table_truncate(&sampler->codes, known_codes);
}
