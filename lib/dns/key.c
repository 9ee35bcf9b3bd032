/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/dns/key.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct dpl_dns_algorithm algorithms[] = {
    {"hmac-md5", "hmac-md5.sig-alg.reg.int.", "MD5", 157, 16},
    {"hmac-sha1", "hmac-sha1.", "SHA1", 161, 20},
    {"hmac-sha224", "hmac-sha224.", "SHA224", 162, 28},
    {"hmac-sha256", "hmac-sha256.", "SHA256", 163, 32},
    {"hmac-sha384", "hmac-sha384.", "SHA384", 164, 48},
    {"hmac-sha512", "hmac-sha512.", "SHA512", 165, 64},
};

static const struct dpl_dns_algorithm *by_name(const char *name)
{
    size_t length = strlen(name);
    if (length > 0 && name[length - 1] == '.')
        length--;
    for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++) {
        const struct dpl_dns_algorithm *one = &algorithms[i];
        if ((strlen(one->name) == length && strncasecmp(one->name, name, length) == 0) ||
            (strlen(one->wire) == length + 1 && strncasecmp(one->wire, name, length) == 0))
            return one;
    }
    return NULL;
}

static const struct dpl_dns_algorithm *by_number(int number)
{
    for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++)
        if (algorithms[i].number == number)
            return &algorithms[i];
    return NULL;
}

static int set_secret(const char *path, const char *text, struct dpl_dns_key *key,
                      struct dpl_err *err)
{
    gsize size = 0;
    g_autofree uint8_t *bytes = g_base64_decode(text, &size);
    g_autofree char *again = g_base64_encode(bytes, size);
    bool same = size > 0 && strcmp(again, text) == 0;
    bool fits = size <= DPL_DNS_SECRET_MAX;
    if (same && fits) {
        memcpy(key->secret, bytes, size);
        key->secret_size = size;
    }
    if (bytes)
        explicit_bzero(bytes, size);
    explicit_bzero(again, strlen(again));
    if (!same)
        return dpl_err_set(err, DPL_E_CONFIG, "\"%s\": the secret is not in base64", path);
    return fits ? DPL_OK
                : dpl_err_set(err, DPL_E_CONFIG, "\"%s\": the secret is longer than %d bytes", path,
                              DPL_DNS_SECRET_MAX);
}

static int set_name(const char *path, const char *text, struct dpl_dns_key *key,
                    struct dpl_err *err)
{
    if (!dpl_dns_name_make(text, strlen(text), key->name))
        return dpl_err_set(err, DPL_E_CONFIG, "\"%s\": \"%.64s\" is not the name of a key", path,
                           text);
    return DPL_OK;
}

static int no_algorithm(const char *path, const char *name, struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_CONFIG,
                       "\"%s\": the algorithm %.64s is not known (hmac-sha256 and its like are)",
                       path, name);
}

/* Moves past blanks and comments. */
static const char *skip_blank(const char *p)
{
    for (;;) {
        p += strspn(p, " \t\r\n");
        if (*p == '#' || (p[0] == '/' && p[1] == '/'))
            p += strcspn(p, "\n");
        else if (p[0] == '/' && p[1] == '*' && strstr(p + 2, "*/"))
            p = strstr(p + 2, "*/") + 2;
        else
            return p;
    }
}

/* The next word, without its quotes, or one of { } ; alone. False at the end. */
static bool next_word(const char **text, char word[1024])
{
    const char *p = skip_blank(*text);
    size_t length;
    bool quoted = *p == '"';
    if (quoted)
        length = strcspn(++p, "\"\n");
    else
        length = strchr("{};", *p) && *p ? 1 : strcspn(p, " \t\r\n{};\"");
    if ((!quoted && length == 0) || length >= 1024)
        return false;
    memcpy(word, p, length);
    word[length] = '\0';
    p += length;
    *text = quoted && *p == '"' ? p + 1 : p;
    return true;
}

/* What is between the braces: WORD VALUE ; ... */
static int parse_body(const char *path, const char **text, struct dpl_dns_key *key,
                      struct dpl_err *err)
{
    char word[1024], value[1024] = "", end[1024];
    int code = DPL_OK;
    while (code == DPL_OK) {
        if (!next_word(text, word))
            return dpl_err_set(err, DPL_E_CONFIG, "\"%s\": expected } behind the key", path);
        if (strcmp(word, "}") == 0)
            break;
        if (!next_word(text, value) || !next_word(text, end) || strcmp(end, ";") != 0)
            return dpl_err_set(err, DPL_E_CONFIG, "\"%s\": expected \"%.64s VALUE;\" in the key",
                               path, word);
        if (strcmp(word, "algorithm") == 0) {
            key->algorithm = by_name(value);
            code = key->algorithm ? DPL_OK : no_algorithm(path, value, err);
        } else if (strcmp(word, "secret") == 0) {
            code = set_secret(path, value, key, err);
        } else {
            code = dpl_err_set(err, DPL_E_CONFIG, "\"%s\": \"%.64s\" is not part of a key", path,
                               word);
        }
    }
    explicit_bzero(value, sizeof value);
    return code;
}

static int parse_clause(const char *path, const char *text, struct dpl_dns_key *key,
                        struct dpl_err *err)
{
    char word[1024];
    if (!next_word(&text, word) || strcmp(word, "key") != 0 || !next_word(&text, word))
        return dpl_err_set(err, DPL_E_CONFIG,
                           "\"%s\" holds no key: expected what tsig-keygen writes, or a K*.key or "
                           "K*.private",
                           path);
    int code = set_name(path, word, key, err);
    if (code == DPL_OK && (!next_word(&text, word) || strcmp(word, "{") != 0))
        code = dpl_err_set(err, DPL_E_CONFIG, "\"%s\": expected { behind the key's name", path);
    if (code == DPL_OK)
        code = parse_body(path, &text, key, err);
    if (code == DPL_OK && next_word(&text, word) && strcmp(word, ";") == 0 &&
        next_word(&text, word))
        code =
            dpl_err_set(err, DPL_E_CONFIG, "\"%s\": expected one key and nothing behind it", path);
    return code;
}

/* NAME [TTL] [IN] KEY FLAGS PROTOCOL ALGORITHM BASE64 */
static int parse_public(const char *path, const char *text, struct dpl_dns_key *key,
                        struct dpl_err *err)
{
    char name[512], secret[1024], number[16];
    int algorithm;
    const char *type = strstr(text, " KEY ");
    if (sscanf(text, "%511s", name) != 1 ||
        sscanf(type + 5, "%*u %*u %d %1023[A-Za-z0-9+/= \t]", &algorithm, secret) != 2)
        return dpl_err_set(err, DPL_E_CONFIG, "\"%s\": expected NAME IN KEY 512 3 NUMBER BASE64",
                           path);
    size_t used = 0;
    for (const char *p = secret; *p; p++)
        if (*p != ' ' && *p != '\t')
            secret[used++] = *p;
    secret[used] = '\0';
    snprintf(number, sizeof number, "%d", algorithm);
    key->algorithm = by_number(algorithm);
    int code = set_name(path, name, key, err);
    if (code == DPL_OK)
        code =
            key->algorithm ? set_secret(path, secret, key, err) : no_algorithm(path, number, err);
    explicit_bzero(secret, sizeof secret);
    return code;
}

/* The value of a line "LABEL: VALUE". */
static bool find_line(const char *text, const char *label, char value[1024])
{
    size_t length = strlen(label);
    for (const char *line = text; line && *line;) {
        if (strncmp(line, label, length) == 0)
            return sscanf(line + length, " %1023[^ \t\r\n]", value) == 1;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return false;
}

/* Its name is that of the file: KNAME.+ALGORITHM+NUMBER.private */
static int parse_private(const char *path, const char *text, struct dpl_dns_key *key,
                         struct dpl_err *err)
{
    char value[1024], name[512];
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *plus = strchr(base, '+');
    if (base[0] != 'K' || !plus || (size_t)(plus - base) > sizeof name)
        return dpl_err_set(err, DPL_E_CONFIG,
                           "\"%s\": the file of a private key must keep its name, as "
                           "KNAME.+163+12345.private: it names the key",
                           path);
    snprintf(name, sizeof name, "%.*s", (int)(plus - base - 1), base + 1);
    if (!find_line(text, "Algorithm:", value))
        return dpl_err_set(err, DPL_E_CONFIG, "\"%s\": there is no line \"Algorithm:\"", path);
    key->algorithm = by_number(atoi(value));
    if (!key->algorithm)
        return no_algorithm(path, value, err);
    if (!find_line(text, "Key:", value))
        return dpl_err_set(err, DPL_E_CONFIG, "\"%s\": there is no line \"Key:\"", path);
    int code = set_name(path, name, key, err);
    if (code == DPL_OK)
        code = set_secret(path, value, key, err);
    explicit_bzero(value, sizeof value);
    return code;
}

int dpl_dns_key_parse(const char *path, const char *text, struct dpl_dns_key *key_r,
                      struct dpl_err *err)
{
    int code;
    *key_r = (struct dpl_dns_key){0};
    if (strncmp(text, "Private-key-format:", 19) == 0)
        code = parse_private(path, text, key_r, err);
    else if (strncmp(skip_blank(text), "key", 3) != 0 && strstr(text, " KEY "))
        code = parse_public(path, text, key_r, err);
    else
        code = parse_clause(path, text, key_r, err);
    if (code == DPL_OK && !key_r->algorithm)
        code = dpl_err_set(err, DPL_E_CONFIG, "\"%s\": the key names no algorithm", path);
    if (code == DPL_OK && key_r->secret_size == 0)
        code = dpl_err_set(err, DPL_E_CONFIG, "\"%s\": the key has no secret", path);
    if (code < 0)
        dpl_dns_key_done(key_r);
    return code;
}

static int check_rights(const char *path, int fd, struct dpl_err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "cannot look at \"%s\"", path);
    if (!S_ISREG(st.st_mode))
        return dpl_err_set(err, DPL_E_CONFIG, "\"%s\" is not a file", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return dpl_err_set(err, DPL_E_CONFIG,
                           "\"%s\" belongs to the user %u, expected root: chown root it", path,
                           st.st_uid);
    if (st.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO))
        return dpl_err_set(err, DPL_E_CONFIG,
                           "\"%s\" has the mode %04o: others than its owner and group may read it, "
                           "or its group may write it: chmod 0600 it",
                           path, st.st_mode & 07777);
    return DPL_OK;
}

int dpl_dns_key_read(const char *path, struct dpl_dns_key *key_r, struct dpl_err *err)
{
    char text[DPL_DNS_KEY_FILE_MAX + 1];
    *key_r = (struct dpl_dns_key){0};
    dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return dpl_err_sys(err, errno, "cannot open \"%s\"", path);
    int code = check_rights(path, fd, err);
    if (code < 0)
        return code;
    ssize_t size = dpl_fd_read_full(fd, text, sizeof text, err);
    if (size < 0)
        return dpl_err_context(err, "\"%s\"", path);
    if ((size_t)size == sizeof text)
        return dpl_err_set(err, DPL_E_CONFIG, "\"%s\" is larger than %d bytes: it is no key", path,
                           DPL_DNS_KEY_FILE_MAX);
    text[size] = '\0';
    code = dpl_dns_key_parse(path, text, key_r, err);
    explicit_bzero(text, sizeof text);
    return code;
}

void dpl_dns_key_done(struct dpl_dns_key *key)
{
    explicit_bzero(key, sizeof *key);
}
