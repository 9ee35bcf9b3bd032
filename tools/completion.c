/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The completion for bash, from the table of commands.
 */
#include "tools/doppel.h"

#include <string.h>

/* The words that can follow `first`, or the first words themselves; each once. */
static void print_words(FILE *to, const char *first)
{
    const struct dpl_command *c;
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t n = strlen(first);
    const char *between = "";
    for (size_t i = 0; (c = dpl_command_at(i)) != NULL; i++) {
        const char *word = c->words;
        if (n > 0 && (strncmp(word, first, n) != 0 || word[n] != ' '))
            continue;
        word += n > 0 ? n + 1 : 0;
        if (!g_hash_table_add(seen, g_strndup(word, strcspn(word, " "))))
            continue;
        fprintf(to, "%s%.*s", between, (int)strcspn(word, " "), word);
        between = " ";
    }
}

static void print_options(FILE *to, const struct dpl_command *c)
{
    struct dpl_command_arg arg;
    const char *at = c->arguments;
    while (dpl_command_arg_next(&at, &arg))
        if (arg.option)
            fprintf(to, "%s%s ", arg.word, arg.value[0] ? "=" : "");
    fprintf(to, "--help --output-as= --instance=");
}

static bool names_a_set(const struct dpl_command *c)
{
    struct dpl_command_arg arg;
    const char *at = c->arguments;
    return dpl_command_arg_next(&at, &arg) && strcmp(arg.word, "SET") == 0;
}

static void print_command(FILE *to, const struct dpl_command *c)
{
    fprintf(to, "        '%s') options='", c->words);
    print_options(to, c);
    fprintf(to, "'; sets=%s ;;\n", names_a_set(c) ? "yes" : "");
}

static void print_groups(FILE *to)
{
    const struct dpl_command *c;
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; (c = dpl_command_at(i)) != NULL; i++) {
        const char *blank = strchr(c->words, ' ');
        char *first = blank ? g_strndup(c->words, (gsize)(blank - c->words)) : NULL;
        if (!first || !g_hash_table_add(seen, first))
            continue;
        fprintf(to, "        %s) words='", first);
        print_words(to, first);
        fprintf(to, "' ;;\n");
    }
}

void doppel_completion(FILE *to)
{
    const struct dpl_command *c;
    fprintf(to, "# bash completion for doppel(8): made by `doppel completion`.\n"
                "_doppel() {\n"
                "    local cur=${COMP_WORDS[COMP_CWORD]} command='' words='' options='' sets='' i\n"
                "    local -a said=()\n"
                "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                "        [[ ${COMP_WORDS[i]} == -* || ${COMP_WORDS[i]} == '=' ||"
                " ${COMP_WORDS[i - 1]} == '=' ]] || said+=(\"${COMP_WORDS[i]}\")\n"
                "    done\n"
                "    case ${said[0]-} in\n"
                "        '') words='");
    print_words(to, "");
    fprintf(to, "' options='--help --version --output-as= --instance=' ;;\n");
    print_groups(to);
    fprintf(to, "    esac\n"
                "    command=${said[0]-}\n"
                "    if [[ ${said[0]-} && $words ]]; then\n"
                "        [[ ${said[1]-} ]] && command=\"${said[0]-} ${said[1]-}\" words=''\n"
                "    fi\n"
                "    case $command in\n");
    for (size_t i = 0; (c = dpl_command_at(i)) != NULL; i++)
        print_command(to, c);
    fprintf(to, "    esac\n"
                "    [[ $cur == -* ]] && words=$options\n"
                "    [[ $sets && $cur != -* ]] && "
                "words=$(doppel set list 2>/dev/null | cut -d' ' -f1)\n"
                "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                "    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
                "    return 0\n"
                "}\n"
                "complete -F _doppel doppel\n");
}
