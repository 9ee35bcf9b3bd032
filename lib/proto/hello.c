/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/proto/hello.h"

const struct dpl_hello_range dpl_hello_ours = {
    .version_min = DPL_PROTO_VERSION_MIN,
    .version_max = DPL_PROTO_VERSION_MAX,
    .features = DPL_FEATURE_ALL,
};

int dpl_hello_choose(const struct dpl_message *hello, const struct dpl_hello_range *ours,
                     struct dpl_hello_agreed *agreed, struct dpl_err *err)
{
    uint32_t version =
        hello->version_max < ours->version_max ? hello->version_max : ours->version_max;
    if (version < hello->version_min || version < ours->version_min)
        return dpl_err_set(
            err, DPL_E_VERSION, "the peer speaks versions %u to %u of the protocol, we %u to %u",
            hello->version_min, hello->version_max, ours->version_min, ours->version_max);
    *agreed = (struct dpl_hello_agreed){version, hello->features & ours->features};
    return 0;
}

int dpl_hello_check(const struct dpl_message *welcome, const struct dpl_hello_range *ours,
                    struct dpl_hello_agreed *agreed, struct dpl_err *err)
{
    if (welcome->version < ours->version_min || welcome->version > ours->version_max)
        return dpl_err_set(err, DPL_E_CORRUPT, "the peer chose version %u, we offered %u to %u",
                           welcome->version, ours->version_min, ours->version_max);
    if (welcome->features & ~ours->features)
        return dpl_err_set(err, DPL_E_CORRUPT,
                           "the peer chose features that we did not offer: %#llx",
                           (unsigned long long)(welcome->features & ~ours->features));
    *agreed = (struct dpl_hello_agreed){welcome->version, welcome->features};
    return 0;
}
