/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/config/site_conf.h"

#define MS_PER_S   ((int64_t)1000)
#define MS_PER_DAY (86400 * MS_PER_S)
#define MIB        ((int64_t)1 << 20)
#define PIB        ((int64_t)1 << 50)

static const struct dpl_conf_key keys[] = {
    {"site", "name", DPL_CONF_NAME, NULL, .help = "this site's name, as the other site knows it"},

    {"daemon", "listen", DPL_CONF_STRING, "::", .help = "address to listen on"},
    {"daemon", "port", DPL_CONF_NUMBER, "6650", 1, 65535,
     .help = "TCP port of connections and UDP port of the echo"},
    {"daemon", "state_dir", DPL_CONF_PATH, "/var/lib/doppel",
     .help = "where the daemon keeps state"},
    {"daemon", "metrics", DPL_CONF_ENDPOINT, "127.0.0.1:9650",
     .help = "where Prometheus may ask, or off"},
    {"daemon", "log_target", DPL_CONF_CHOICE, "syslog", .choices = "syslog|stderr|journal",
     .help = "where messages go"},
    {"daemon", "log_level", DPL_CONF_CHOICE, "info", .choices = "error|warning|notice|info|debug",
     .help = "the least message that is logged"},

    {"journal", "dir", DPL_CONF_PATH, "/var/lib/doppel/journal", .help = "where journals lie"},
    {"journal", "max_size", DPL_CONF_SIZE, "20G", 64 * MIB, PIB,
     .help = "what all journals of a set may take"},
    {"journal", "min_free", DPL_CONF_PERCENT, "10%",
     .help = "what stays free on the journal's file system"},

    {"target", "queue_max", DPL_CONF_SIZE, "20G", 64 * MIB, PIB,
     .help = "what a replica's queue may take"},
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
};

const struct dpl_conf_schema dpl_site_conf = {keys, sizeof keys / sizeof keys[0]};
