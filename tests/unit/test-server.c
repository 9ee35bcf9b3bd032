/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Server and client over the real socket: the server in this process, clients in children of it.
 */
#include "daemon/ctl/server.h"
#include "lib/base/err.h"
#include "lib/client/client.h"
#include "tests/unit/unit.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct dpl_rights rights = {.admin = 50, .monitor = 60};

static void groups(void)
{
    static const struct {
        const char *status;
        gid_t gid;
        enum dpl_right want;
    } cases[] = {
        {"Name:\tx\nUid:\t7\t7\t7\t7\nGid:\t1\nGroups:\t1 50 \nMore:\t60\n", 1, DPL_RIGHT_CHANGE},
        {"Name:\tx\nUid:\t7\t7\t7\t7\nGroups:\t60 61\n", 1, DPL_RIGHT_LOOK},
        {"Name:\tx\nUid:\t7\t7\t7\t7\nGroups:\t60 50\n", 1, DPL_RIGHT_CHANGE},
        {"Name:\tx\nUid:\t7\t7\t7\t7\nGroups:\t\nX:\t50\n", 1, DPL_RIGHT_NONE},
        {"Name:\tx\nUid:\t7\t7\t7\t7\nGroups:\t5 500 650\n", 1, DPL_RIGHT_NONE},
        {"Name:\tx\nUid:\t7\t7\t7\t7\nGroups:\t\n", 60, DPL_RIGHT_LOOK},
        /* somebody else's process, or a program with other rights */
        {"Name:\tx\nUid:\t8\t8\t8\t8\nGroups:\t50\n", 1, DPL_RIGHT_NONE},
        {"Name:\tx\nUid:\t7\t0\t0\t0\nGroups:\t50\n", 1, DPL_RIGHT_NONE},
        {"Name:\tx\nUid:\t0\t7\t0\t0\nGroups:\t50\n", 1, DPL_RIGHT_NONE},
        {"", 50, DPL_RIGHT_CHANGE},
    };
    const struct dpl_rights none = {(gid_t)-1, (gid_t)-1};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(dpl_rights_of_status(&rights, cases[i].status, 7, cases[i].gid),
                        cases[i].want);
        CU_ASSERT_EQUAL(dpl_rights_of_status(&none, cases[i].status, 7, cases[i].gid),
                        DPL_RIGHT_NONE);
    }
}

struct host {
    qb_loop_t *loop;
    struct dpl_server *server;
    unsigned requests;
    pid_t client;
    bool ended;
    int status;
    struct dpl_request *kept;
};

static const char *instance_name(void)
{
    static char name[32];
    snprintf(name, sizeof name, "test%d", (int)getppid());
    return name;
}

static void handle(void *self, struct dpl_request *request)
{
    struct host *host = self;
    host->requests++;
    if (strcmp(request->command->words, "wait") == 0) {
        host->kept = request; /* never answered while the client lives */
        return;
    }
    if (strcmp(request->command->words, "stats") == 0) {
        struct dpl_err err = {0};
        dpl_err_set(&err, DPL_E_REFUSED, "not now");
        dpl_request_fail(request, &err);
        return;
    }
    struct dpl_doc *result = dpl_doc_copy(request->args);
    if (strcmp(request->command->words, "set list") == 0) {
        g_autofree char *large = g_strnfill(DPL_CLIENT_MESSAGE_MAX, 'x');
        dpl_doc_set_text(result, "large", large);
    }
    dpl_request_done(request, result);
}

static void look_for_end(void *self)
{
    struct host *host = self;
    qb_loop_timer_handle timer;
    if (!host->ended)
        host->ended = waitpid(host->client, &host->status, WNOHANG) == host->client;
    if (host->ended && (!host->kept || !dpl_request_alive(host->kept)))
        qb_loop_stop(host->loop);
    else
        qb_loop_timer_add(host->loop, QB_LOOP_LOW, 2000000, host, look_for_end, &timer);
}

/* Runs the client's part in a child, as that user and group, and serves it. Returns its exit. */
static int serve(struct host *host, int (*client)(void), uid_t uid, gid_t gid)
{
    char socket[64], instance[32];
    alarm(240); /* never for ever */
    snprintf(instance, sizeof instance, "test%d", (int)getpid());
    *host = (struct host){.loop = qb_loop_create()};
    struct dpl_err err = {0};
    if (dpl_server_new(host->loop, dpl_client_socket(instance, socket, sizeof socket), handle, host,
                       &host->server, &err) < 0)
        printf("%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(host->server);
    fflush(NULL);
    host->client = fork();
    if (host->client == 0) {
        if (uid && (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0))
            _exit(77);
        alarm(120);
        _exit(client());
    }
    qb_loop_timer_handle timer;
    qb_loop_timer_add(host->loop, QB_LOOP_LOW, 0, host, look_for_end, &timer);
    qb_loop_run(host->loop);
    if (host->kept) {
        struct dpl_err late = {0};
        dpl_request_fail(host->kept, &late);
    }
    dpl_server_free(host->server);
    qb_loop_destroy(host->loop);
    return WIFEXITED(host->status) ? WEXITSTATUS(host->status) : -1;
}

/* In the child: each answers 0 or the line that was not as it should be. */
#define EXPECT(what)                                                                               \
    do {                                                                                           \
        if (!(what))                                                                               \
            return (__LINE__ - 1) % 250 + 1;                                                       \
    } while (0)

static int asks(void)
{
    struct dpl_client *client;
    struct dpl_doc *result;
    struct dpl_err err = {0};
    struct dpl_doc *args = dpl_doc_new();
    EXPECT(dpl_client_open(instance_name(), NULL, &client, &err) == 0);
    dpl_doc_set_text(args, "set", "mail");
    EXPECT(dpl_client_call(client, "status", args, 10000, &result, &err) == 0);
    EXPECT(result && strcmp(dpl_doc_text(result, "set"), "mail") == 0);
    EXPECT(dpl_client_call(client, "stats", args, 10000, &result, &err) == DPL_E_REFUSED);
    EXPECT(strcmp(err.text, "not now") == 0 && !result);
    EXPECT(dpl_client_call(client, "nonsense", args, 10000, NULL, &err) == DPL_E_UNIMPLEMENTED);
    EXPECT(dpl_client_call(client, "journal show", args, 10000, NULL, &err) == DPL_E_UNIMPLEMENTED);
    EXPECT(dpl_client_call(client, "set create", args, 10000, NULL, &err) == DPL_E_USAGE);
    EXPECT(dpl_client_call(client, "set list", NULL, 10000, NULL, &err) == DPL_E_TOO_LARGE);
    EXPECT(dpl_client_call(client, "connect", args, 10000, NULL, &err) == 0);
    dpl_client_close(client);
    dpl_doc_free(args);
    return 0;
}

static int waits(void)
{
    struct dpl_client *client;
    struct dpl_err err = {0};
    struct dpl_doc *args = dpl_doc_new();
    dpl_doc_set_text(args, "set", "mail");
    EXPECT(dpl_client_open(instance_name(), NULL, &client, &err) == 0);
    EXPECT(dpl_client_call(client, "wait", args, 50, NULL, &err) == DPL_E_TIMEOUT);
    dpl_client_close(client);
    dpl_doc_free(args);
    return 0;
}

static int is_refused(void)
{
    struct dpl_client *client;
    struct dpl_err err = {0};
    EXPECT(dpl_client_open(instance_name(), NULL, &client, &err) == DPL_E_PERM);
    return 0;
}

static int finds_nobody(void)
{
    struct dpl_client *client;
    struct dpl_err err = {0};
    EXPECT(dpl_client_open("nobody-is-here", NULL, &client, &err) == DPL_E_NOT_RUNNING);
    return 0;
}

static void answers(void)
{
    struct host host;
    CU_ASSERT_EQUAL(serve(&host, asks, 0, 0), 0);
    CU_ASSERT_EQUAL(host.requests, 4); /* the others never came so far */
}

static void timeouts(void)
{
    struct host host;
    CU_ASSERT_EQUAL(serve(&host, waits, 0, 0), 0);
    CU_ASSERT_EQUAL(host.requests, 1);
}

static void strangers(void)
{
    struct host host;
    if (geteuid() != 0) {
        printf("SKIP: needs root ... ");
        return;
    }
    CU_ASSERT_EQUAL(serve(&host, is_refused, 65534, 65534), 0);
    CU_ASSERT_EQUAL(host.requests, 0);
}

static void nobody(void)
{
    struct host host;
    CU_ASSERT_EQUAL(serve(&host, finds_nobody, 0, 0), 0);
}

static const struct unit_test tests[] = {
    {"rights follow from the groups of the client's process", groups},
    {"requests are answered, nonsense and errors too", answers},
    {"a client that does not wait for its answer harms nobody", timeouts},
    {"a user without rights is refused at the door", strangers},
    {"where nobody answers that is said", nobody},
};
UNIT_MAIN(tests)
