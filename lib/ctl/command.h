/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of commands, and arguments as it describes them: parsed from a command line into a
 * document, and checked by the daemon, which trusts no client.
 *
 * In the document a name stands in small letters ("set"), an option without its dashes and with '_'
 * for '-' within ("queue_empty"). A flag is a boolean, what may repeat is a list of texts, all else
 * a text.
 */
#ifndef DPL_CTL_COMMAND_H
#define DPL_CTL_COMMAND_H

#include "lib/ctl/doc.h"

enum dpl_right { DPL_RIGHT_NONE, DPL_RIGHT_LOOK, DPL_RIGHT_CHANGE };
enum dpl_place { DPL_PLACE_DAEMON, DPL_PLACE_LOCAL };

struct dpl_command {
    const char *words;
    enum dpl_right right;
    enum dpl_place place;
    const char *arguments;
    const char *help;
};

/* One argument of a row. */
struct dpl_command_arg {
    char key[32];   /* in the document */
    char word[32];  /* as it is typed: "SET", "--from" */
    char value[32]; /* of an option: "SITE"; "" for a flag */
    bool option;
    bool required;
    bool repeated;
};

const struct dpl_command *dpl_command_at(size_t index); /* NULL past the end */
const struct dpl_command *dpl_command_find(const char *words);

/* The argument at *at, which begins as command->arguments; false at the end. */
bool dpl_command_arg_next(const char **at, struct dpl_command_arg *arg_r);

/* The arguments behind the command's words. USAGE with what is wrong. The caller owns *args_r. */
int dpl_command_parse(const struct dpl_command *command, int argc, char *const *argv,
                      struct dpl_doc **args_r, struct dpl_err *err);
/* Whether a document holds what the row says, and nothing else. */
int dpl_command_check(const struct dpl_command *command, const struct dpl_doc *args,
                      struct dpl_err *err);

#endif
