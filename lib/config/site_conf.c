/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/config/site_conf.h"

#define MS_PER_S    ((int64_t)1000)
#define MS_PER_HOUR (3600 * MS_PER_S)
#define MS_PER_DAY  (86400 * MS_PER_S)
#define MIB         ((int64_t)1 << 20)
#define PIB         ((int64_t)1 << 50)

static const struct dpl_conf_key keys[] = {
    {"site", "name", DPL_CONF_NAME, NULL, .help = "this site's name, as the other site knows it"},

    {"daemon", "cluster", DPL_CONF_CHOICE, "auto", .choices = "auto|yes|no",
     .help = "whether this node is one of a Pacemaker cluster"},
    {"daemon", "listen", DPL_CONF_STRING, "::", .help = "address to listen on"},
    {"daemon", "port", DPL_CONF_NUMBER, "6650", 1, 65535,
     .help = "TCP port of connections and UDP port of the echo"},
    {"daemon", "run_dir", DPL_CONF_PATH, DPL_RUN_DIR,
     .help = "where sockets, locks and the status of captures lie"},
    {"daemon", "user", DPL_CONF_STRING, "doppel",
     .help = "the user of the processes that read what a peer sends"},
    {"daemon", "state_dir", DPL_CONF_PATH, DPL_STATE_DIR, .help = "where the daemon keeps state"},
    {"daemon", "metrics", DPL_CONF_ENDPOINT, "127.0.0.1:9650",
     .help = "where Prometheus may ask, or off"},
    {"daemon", "log_target", DPL_CONF_CHOICE, "syslog", .choices = "syslog|stderr|journal",
     .help = "where messages go"},
    {"daemon", "log_dir", DPL_CONF_PATH, "/var/log/doppel",
     .help = "where the logs of procedures lie"},
    {"daemon", "log_level", DPL_CONF_CHOICE, "info", .choices = "error|warning|notice|info|debug",
     .help = "the least message that is logged"},

    {"journal", "dir", DPL_CONF_PATH, DPL_STATE_DIR "/journal", .help = "where journals lie"},
    {"journal", "max_size", DPL_CONF_SIZE, "20G", 64 * MIB, PIB,
     .help = "what all journals of a set may take"},
    {"journal", "min_free", DPL_CONF_PERCENT, "10%",
     .help = "what stays free on the journal's file system"},

    {"target", "queue_max", DPL_CONF_SIZE, "20G", 64 * MIB, PIB,
     .help = "what a replica's queue may take"},
    {"target", "queue_min_free", DPL_CONF_SIZE, "64M", 0, PIB,
     .help = "what a replica's queue leaves free on its file system"},
    {"target", "root", DPL_CONF_PATH, NULL, .repeatable = true,
     .help = "a directory beneath which replicas may be written"},
    {"target", "max_delete", DPL_CONF_PERCENT, "10%",
     .help = "a mirror that would delete more of a set stops and asks"},

    {"monitor", "interval", DPL_CONF_DURATION, "5s", 100, MS_PER_DAY,
     .help = "how often the other site is asked whether it lives"},
    {"monitor", "misses", DPL_CONF_NUMBER, "5", 1, 1000,
     .help = "how many unanswered questions make it lost"},

    {"alerts", "program", DPL_CONF_PATH, NULL, .repeatable = true,
     .help = "a program that is told of every change of state"},
    {"alerts", "recipient", DPL_CONF_STRING, NULL, .help = "whom it should tell"},

    {"tls", "key", DPL_CONF_PATH, "/etc/doppel/keys/node.key", .help = "this node's private key"},
    {"tls", "cert", DPL_CONF_PATH, "/etc/doppel/keys/node.crt", .help = "this node's certificate"},

    {"set *", "target", DPL_CONF_NAME, NULL,
     .help = "the site to replicate to; none: not connected"},
    {"set *", "capture", DPL_CONF_BOOLEAN, "yes",
     .help = "whether the daemon captures the set here"},
    {"set *", "route", DPL_CONF_STRING, NULL,
     .help = "the target's address to connect to; none: the site's"},
    {"set *", "bind", DPL_CONF_STRING, NULL,
     .help = "our own address to connect from; none: by the routing table"},
    {"set *", "mirror", DPL_CONF_CHOICE, "checksum", .choices = "checksum|difference|full",
     .help = "how a mirror compares"},
    {"set *", "orphans", DPL_CONF_CHOICE, "delete", .choices = "delete|keep|move|list",
     .help = "what becomes of files at the target that the source has not"},
    {"set *", "compression", DPL_CONF_NUMBER, "0", 0, 9, .help = "off (0), or 1 to 9"},
    {"set *", "bandwidth", DPL_CONF_SIZE, "0", 0, PIB,
     .help = "bytes a second at most; 0: no limit"},
    {"set *", "schedule", DPL_CONF_STRING, NULL,
     .help = "bandwidth by the week: Mon-Fri 08:00-18:00=2M;..."},
    {"set *", "durability", DPL_CONF_CHOICE, "local", .choices = "local|remote",
     .help = "where the data is when an fsync returns"},
    {"set *", "durability_timeout", DPL_CONF_DURATION, "5s", 1, MS_PER_HOUR,
     .help = "how long an fsync waits for the target"},
    {"set *", "durability_policy", DPL_CONF_CHOICE, "local", .choices = "local|refuse",
     .help = "what an fsync does after that"},
    {"set *", "lag_warn", DPL_CONF_DURATION, "60s", 1, MS_PER_DAY,
     .help = "a replica that is older than this is an alert"},
    {"set *", "flush_timeout", DPL_CONF_DURATION, "5s", 0, MS_PER_DAY,
     .help = "how long a stop sends what is left"},
    {"set *", "cold_start", DPL_CONF_CHOICE, "ask", .choices = "ask|go",
     .help = "whether a server that runs the services asks the other site after a boot"},
    {"set *", "on_superseded", DPL_CONF_CHOICE, "stop", .choices = "stop|alert",
     .help = "what to do when the other site serves by a higher generation"},
    {"set *", "device", DPL_CONF_STRING, NULL,
     .help = "at the target: the UUID of the file system that must be mounted there"},
    {"set *", "allow_setid", DPL_CONF_BOOLEAN, "no",
     .help = "at the target: whether files get set-user-ID and set-group-ID bits"},
    {"set *", "allow_devices", DPL_CONF_BOOLEAN, "no",
     .help = "at the target: whether block and character devices are made"},

    {"service *", "set", DPL_CONF_NAME, NULL, .help = "the set whose service this is"},
    {"service *", "agent", DPL_CONF_STRING, NULL,
     .help = "what starts and stops it: an agent of ours, or ocf:PROVIDER:TYPE"},
    {"service *", DPL_CONF_ANY, DPL_CONF_STRING, NULL, .repeatable = true,
     .help = "a parameter of the agent"},
};

const struct dpl_conf_schema dpl_site_conf = {keys, sizeof keys / sizeof keys[0]};
