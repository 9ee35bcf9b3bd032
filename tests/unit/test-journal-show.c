/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel journal show, the program, over journals made here. Runs in the build directory.
 */
#include "tests/prop/rig.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct dpl_arena_sizes sizes = {64, 64 * 1024, 0, 0};
static struct rig rig;
static char out[16384];

/* Runs it with what the format gives; its output is in `out`. Returns the exit status. */
static int show(const char *format, ...)
{
    char line[1200] = "./doppel ";
    va_list args;
    va_start(args, format);
    vsnprintf(line + strlen(line), 1000, format, args);
    va_end(args);
    strcat(line, " 2>&1");
    FILE *pipe = popen(line, "re");
    size_t n = fread(out, 1, sizeof out - 1, pipe);
    out[n] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void put(struct dpl_record *record, const char *name)
{
    static struct dpl_oid oid, parent;
    dpl_oid_make(&oid, 1, 2, "\xab\xcd", 2, NULL);
    dpl_oid_make(&parent, 1, 0, "P", 1, NULL);
    *record = (struct dpl_record){
        .type = DPL_R_CREATE,
        .outcome = DPL_OUTCOME_OK,
        .has = DPL_F_OBJECT | DPL_F_PARENT | DPL_F_NAME | DPL_F_ATTR | DPL_F_PARENT_ATTR,
        .object = dpl_oid_view(&oid),
        .parent = dpl_oid_view(&parent),
        .name = {(const uint8_t *)name, strlen(name)},
        .attr = {.has = DPL_A_MODE | DPL_A_UID | DPL_A_GID | DPL_A_MTIME,
                 .mode = 0100640,
                 .uid = 8,
                 .mtime = {1763715434, 5}},
    };
    CU_ASSERT_EQUAL_FATAL(rig_put(&rig, record, NULL), 0);
}

static void begin(const char *name)
{
    struct dpl_record record;
    CU_ASSERT_EQUAL_FATAL(rig_init(&rig, name, &sizes, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    put(&record, "a \"b\"");
    put(&record, "\xff\n");
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
}

static void text(void)
{
    begin("text");
    CU_ASSERT_EQUAL(show("journal show --dir %s/text", unit_tempdir()), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "set \"mail\"\nepoch 3\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        out, "           0 1970-01-01T00:00:00.000000001Z ok      create "
             "object=000000010000000000000002abcd parent=00000001000000000000000050 "
             "name=\"a \\\"b\\\"\" "
             "attr={mode=100640,uid=8,gid=0,mtime=2025-11-21T08:57:14.000000005Z} parent-attr={}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "name=\"\\xff\\x0a\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, " the end for now\n"));
    rig_done(&rig);
}

static void json(void)
{
    begin("json");
    CU_ASSERT_EQUAL(show("--output-as=json journal show --dir %s/json", unit_tempdir()), 0);
    CU_ASSERT_EQUAL(strncmp(out, "{\"segment\":{\"set\":\"mail\",\"epoch\":3,", 35), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "\"name\":\"a \\\"b\\\"\",\"attr\":{\"mode\":\"100640\","));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "\"name\":{\"hex\":\"ff0a\"}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "\"what\":\"the end for now\"}}\n"));
    char before[sizeof out];
    memcpy(before, out, sizeof before);
    CU_ASSERT_EQUAL(show("journal show --output-as=json --dir %s/json", unit_tempdir()), 0);
    CU_ASSERT_STRING_EQUAL(before, out);
    rig_done(&rig);
}

static void parts(void)
{
    struct dpl_record record;
    begin("parts");
    uint64_t first = dpl_arena_spilled(&rig.arena);
    put(&record, "third");
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    CU_ASSERT_EQUAL(
        show("journal show --dir %s/parts --from %llu", unit_tempdir(), (unsigned long long)first),
        0);
    CU_ASSERT_PTR_NULL(strstr(out, "a \\\"b"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "name=\"third\""));
    CU_ASSERT_EQUAL(show("journal show --dir %s/parts --count 1", unit_tempdir()), 0);
    CU_ASSERT_PTR_NULL(strstr(out, "third"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out, " more records follow\n"));
    CU_ASSERT_EQUAL(show("journal show --dir %s/parts --from 8", unit_tempdir()), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "no record begins at LSN 8\n"));
    CU_ASSERT_EQUAL(show("journal show --dir %s/parts --epoch 4", unit_tempdir()), 1);
    rig_done(&rig);
}

static void ends(void)
{
    begin("ends");
    dpl_arena_end(&rig.arena, DPL_JOURNAL_OPERATOR);
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    CU_ASSERT_EQUAL(show("journal show --dir %s/ends", unit_tempdir()), 6);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "state mirror needed at "));
    int fd = openat(rig.dir_fd, "0000000000000003-0000000000000000.seg", O_RDWR | O_CLOEXEC);
    (void)!pwrite(fd, "x", 1, DPL_SEGMENT_HEADER + 70);
    close(fd);
    CU_ASSERT_EQUAL(show("journal show --dir %s/ends", unit_tempdir()), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "           0 the journal is damaged\n"));
    rig_done(&rig);
}

static void usage(void)
{
    static const struct {
        const char *line, *text;
        int status;
    } cases[] = {
        {"", "doppel: no command was given; see doppel --help\n", 2},
        {"journl", "doppel: there is no command \"journl\"; see doppel --help\n", 2},
        {"journal hide", "doppel: \"journal\" has no command \"hide\"; see doppel --help\n", 2},
        {"journal show",
         "doppel journal show: name one set, or give --dir; see doppel journal "
         "show --help\n",
         2},
        {"journal show a b",
         "doppel journal show: name one set, or give --dir; see doppel "
         "journal show --help\n",
         2},
        {"journal show --from x a",
         "doppel journal show: --from wants a number, not \"x\"; see "
         "doppel journal show --help\n",
         2},
        {"journal show --what",
         "doppel journal show: there is no option \"--what\"; see doppel "
         "journal show --help\n",
         2},
        {"--output-as=xml journal show a",
         "doppel: --output-as is text or json, not \"xml\"; see "
         "doppel --help\n",
         2},
        {"journal show ../a",
         "doppel journal show: \"../a\" is not the name of a set; see doppel "
         "journal show --help\n",
         2},
        {"journal show --dir /nothing/here",
         "doppel journal show: open the journal "
         "\"/nothing/here\": No such file or directory\n",
         1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = show("%s", cases[i].line);
        if (status != cases[i].status || strcmp(out, cases[i].text) != 0)
            printf("%d %s", status, out);
        CU_ASSERT_EQUAL(status, cases[i].status);
        CU_ASSERT_STRING_EQUAL(out, cases[i].text);
    }
    CU_ASSERT_EQUAL(show("--help"), 0);
    CU_ASSERT_EQUAL(show("journal show -?"), 0);
    CU_ASSERT_EQUAL(show("journal show --help"), 0);
    CU_ASSERT_EQUAL(strncmp(out, "Usage: doppel journal show", 26), 0);
}

static const struct unit_test tests[] = {
    {"a person can read it", text},
    {"JSON holds the same, bytes that are no text included", json},
    {"it shows a part, from a record on or of a count", parts},
    {"how the journal ends is said, and is the exit status", ends},
    {"bad usage is one line and status 2", usage},
};
UNIT_MAIN(tests)
