/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ctl/command.h"

#include <string.h>

static const struct dpl_command commands[] = {
#define DPL_COMMAND(words, right, place, arguments, help)                                          \
    {words, DPL_RIGHT_##right, DPL_PLACE_##place, arguments, help},
#include "lib/ctl/command.tbl.h"
#undef DPL_COMMAND
};

const struct dpl_command *dpl_command_at(size_t index)
{
    return index < sizeof commands / sizeof commands[0] ? &commands[index] : NULL;
}

const struct dpl_command *dpl_command_find(const char *words)
{
    const struct dpl_command *c;
    for (size_t i = 0; (c = dpl_command_at(i)) != NULL; i++)
        if (strcmp(c->words, words) == 0)
            return c;
    return NULL;
}

static void key_of(const char *word, char *key, size_t room)
{
    while (*word == '-')
        word++;
    g_strlcpy(key, word, room);
    for (char *p = key; *p; p++)
        *p = *p == '-' ? '_' : g_ascii_tolower(*p);
}

bool dpl_command_arg_next(const char **at, struct dpl_command_arg *arg_r)
{
    const char *p = *at + strspn(*at, " ");
    *arg_r = (struct dpl_command_arg){.required = *p != '['};
    p += *p == '[';
    size_t n = strcspn(p, " =].");
    if (n == 0)
        return false;
    g_assert(n < sizeof arg_r->word);
    memcpy(arg_r->word, p, n);
    p += n;
    if (*p == '=') {
        n = strcspn(++p, " ].");
        g_assert(n > 0 && n < sizeof arg_r->value);
        memcpy(arg_r->value, p, n);
        p += n;
    }
    p += *p == ']';
    arg_r->repeated = strncmp(p, "...", 3) == 0;
    arg_r->option = arg_r->word[0] == '-';
    key_of(arg_r->word, arg_r->key, sizeof arg_r->key);
    *at = p + (arg_r->repeated ? 3 : 0);
    return true;
}

static bool find_option(const struct dpl_command *c, const char *word, size_t size,
                        struct dpl_command_arg *arg_r)
{
    const char *at = c->arguments;
    while (dpl_command_arg_next(&at, arg_r))
        if (arg_r->option && strlen(arg_r->word) == size && memcmp(arg_r->word, word, size) == 0)
            return true;
    return false;
}

/* The next name that has no value yet, or can take another. */
static bool find_name(const struct dpl_command *c, const struct dpl_doc *args,
                      struct dpl_command_arg *arg_r)
{
    const char *at = c->arguments;
    while (dpl_command_arg_next(&at, arg_r))
        if (!arg_r->option && (arg_r->repeated || !dpl_doc_get(args, arg_r->key)))
            return true;
    return false;
}

static void put(struct dpl_doc *args, const struct dpl_command_arg *arg, const char *text)
{
    struct dpl_doc *list = dpl_doc_get_mutable(args, arg->key);
    if (arg->option && arg->value[0] == '\0')
        dpl_doc_set_bool(args, arg->key, true);
    else if (!arg->repeated)
        dpl_doc_set_text(args, arg->key, text);
    else
        dpl_doc_add_text(list ? list : dpl_doc_set_list(args, arg->key), text);
}

static int check_required(const struct dpl_command *c, const struct dpl_doc *args,
                          struct dpl_err *err)
{
    struct dpl_command_arg arg;
    const char *at = c->arguments;
    while (dpl_command_arg_next(&at, &arg))
        if (arg.required && !dpl_doc_get(args, arg.key))
            return dpl_err_set(err, DPL_E_USAGE, "%s%s%s is needed", arg.word,
                               arg.option ? "=" : "", arg.value);
    return DPL_OK;
}

/* One option at argv[*i], with its value there or in the next. */
static int parse_option(const struct dpl_command *c, int argc, char *const *argv, int *i,
                        struct dpl_doc *args, struct dpl_err *err)
{
    struct dpl_command_arg arg;
    const char *word = argv[*i];
    size_t size = strcspn(word, "=");
    const char *value = word[size] == '=' ? word + size + 1 : NULL;
    if (!find_option(c, word, size, &arg))
        return dpl_err_set(err, DPL_E_USAGE, "there is no option \"%s\"", word);
    bool flag = arg.value[0] == '\0';
    if (flag && value)
        return dpl_err_set(err, DPL_E_USAGE, "%s takes no value", arg.word);
    if (!flag && !value && *i + 1 < argc)
        value = argv[++*i];
    if (!flag && !value)
        return dpl_err_set(err, DPL_E_USAGE, "%s needs a value", arg.word);
    if (!arg.repeated && dpl_doc_get(args, arg.key))
        return dpl_err_set(err, DPL_E_USAGE, "%s stands twice", arg.word);
    put(args, &arg, value ? value : "");
    return DPL_OK;
}

int dpl_command_parse(const struct dpl_command *command, int argc, char *const *argv,
                      struct dpl_doc **args_r, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) args = dpl_doc_new();
    struct dpl_command_arg arg;
    bool options = true;
    int rc = DPL_OK;
    for (int i = 0; i < argc && rc == DPL_OK; i++) {
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
            rc = parse_option(command, argc, argv, &i, args, err);
        else if (find_name(command, args, &arg))
            put(args, &arg, argv[i]);
        else
            rc = dpl_err_set(err, DPL_E_USAGE, "\"%s\" is too much", argv[i]);
    }
    if (rc == DPL_OK)
        rc = check_required(command, args, err);
    if (rc == DPL_OK)
        *args_r = g_steal_pointer(&args);
    return rc;
}

static bool fits(const struct dpl_command_arg *arg, const struct dpl_doc *value)
{
    if (arg->option && arg->value[0] == '\0')
        return dpl_doc_kind(value) == DPL_DOC_BOOLEAN;
    if (!arg->repeated)
        return dpl_doc_kind(value) == DPL_DOC_TEXT;
    for (size_t i = 0; i < dpl_doc_count(value); i++)
        if (!dpl_doc_as_text(dpl_doc_at(value, i)))
            return false;
    return dpl_doc_kind(value) == DPL_DOC_LIST && dpl_doc_count(value) > 0;
}

int dpl_command_check(const struct dpl_command *command, const struct dpl_doc *args,
                      struct dpl_err *err)
{
    if (args && dpl_doc_kind(args) != DPL_DOC_TREE)
        return dpl_err_set(err, DPL_E_USAGE, "the arguments are not a tree");
    for (size_t i = 0; i < dpl_doc_count(args); i++) {
        const struct dpl_doc *value = dpl_doc_at(args, i);
        struct dpl_command_arg arg;
        const char *at = command->arguments;
        bool known = false;
        while (!known && dpl_command_arg_next(&at, &arg))
            known = strcmp(arg.key, dpl_doc_key(value)) == 0 && fits(&arg, value);
        if (!known)
            return dpl_err_set(err, DPL_E_USAGE,
                               "the argument \"%s\" is unknown, or of a wrong kind",
                               dpl_doc_key(value));
    }
    return check_required(command, args, err);
}
