/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/config/value.h"

#include "lib/base/path.h"
#include "lib/base/units.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

bool dpl_conf_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && n <= 32 && name[n] == '\0';
}

static int ranged(const struct dpl_conf_key *key, const char *text, int64_t value, const char *unit,
                  struct dpl_err *err)
{
    if (key->min == 0 && key->max == 0)
        return DPL_OK;
    if (value >= key->min && value <= key->max)
        return DPL_OK;
    return dpl_err_set(err, DPL_E_CONFIG, "\"%s\" is not from %" PRId64 "%s to %" PRId64 "%s", text,
                       key->min, unit, key->max, unit);
}

static int check_choice(const char *choices, const char *text, struct dpl_err *err)
{
    size_t n = strlen(text);
    for (const char *p = choices; p; p = strchr(p, '|')) {
        if (*p == '|')
            p++;
        if (n > 0 && n == strcspn(p, "|") && strncmp(p, text, n) == 0)
            return DPL_OK;
    }
    return dpl_err_set(err, DPL_E_CONFIG, "\"%s\" is none of %s", text, choices);
}

static bool address_ok(const char *text)
{
    unsigned char room[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, room) == 1 || inet_pton(AF_INET6, text, room) == 1;
}

static int check_endpoint(const char *text, struct dpl_err *err)
{
    if (strcmp(text, "off") == 0)
        return DPL_OK;
    g_autofree char *address = g_strdup(text);
    char *colon = strrchr(address, ':');
    int64_t port;
    if (colon) {
        *colon = '\0';
        char *bare = address;
        if (bare[0] == '[' && colon[-1] == ']') {
            colon[-1] = '\0';
            bare++;
        } else if (strchr(bare, ':')) {
            bare = NULL; /* an IPv6 address needs its brackets, or its end would pass for a port */
        }
        if (bare && address_ok(bare) && dpl_units_number(colon + 1, 1, 65535, &port, NULL) == 0)
            return DPL_OK;
    }
    return dpl_err_set(err, DPL_E_CONFIG, "\"%s\" is not ADDRESS:PORT, [ADDRESS]:PORT or off",
                       text);
}

static int check_scalar(const struct dpl_conf_key *key, const char *text, int64_t *value_r,
                        struct dpl_err *err)
{
    int rc;
    switch (key->type) {
    case DPL_CONF_BOOLEAN:
        return dpl_units_boolean(text, value_r, err);
    case DPL_CONF_NUMBER:
        return dpl_units_number(text, key->min, key->max, value_r, err);
    case DPL_CONF_PERCENT:
        return dpl_units_percent(text, value_r, err);
    case DPL_CONF_DURATION:
        rc = dpl_units_duration_ms(text, value_r, err);
        return rc < 0 ? rc : ranged(key, text, *value_r, " ms", err);
    default:
        rc = dpl_units_size_bytes(text, value_r, err);
        return rc < 0 ? rc : ranged(key, text, *value_r, " bytes", err);
    }
}

int dpl_value_check(const struct dpl_conf_key *key, const char *text, int64_t *value_r,
                    struct dpl_err *err)
{
    switch (key->type) {
    case DPL_CONF_STRING:
        return text[0] ? DPL_OK : dpl_err_set(err, DPL_E_CONFIG, "has no value");
    case DPL_CONF_NAME:
        if (dpl_conf_name_ok(text))
            return DPL_OK;
        return dpl_err_set(err, DPL_E_CONFIG,
                           "\"%s\" is not a name (letters, digits, _ and -, at most 32)", text);
    case DPL_CONF_PATH:
        if (dpl_path_absolute_ok(text))
            return DPL_OK;
        return dpl_err_set(err, DPL_E_CONFIG, "\"%s\" is not an absolute path without . and ..",
                           text);
    case DPL_CONF_CHOICE:
        return check_choice(key->choices, text, err);
    case DPL_CONF_ENDPOINT:
        return check_endpoint(text, err);
    default:
        return check_scalar(key, text, value_r, err);
    }
}
