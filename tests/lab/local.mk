# The lab: hosts made of namespaces that run real corosync and Pacemaker. See README beside this.
noinst_PROGRAMS += tests/lab/lab
tests_lab_lab_SOURCES = \
	tests/lab/main.c tests/lab/lab.h tests/lab/plan.c \
	tests/lab/up.c tests/lab/up.h tests/lab/client.c tests/lab/client.h \
	tests/lab/keeper.c tests/lab/keeper.h tests/lab/supervisor.c tests/lab/supervisor.h \
	tests/lab/request.c tests/lab/request.h tests/lab/wire.c tests/lab/wire.h \
	tests/lab/holds.c tests/lab/holds.h tests/lab/host.c tests/lab/host.h tests/lab/boot.c tests/lab/boot.h \
	tests/lab/cluster.c tests/lab/cluster.h tests/lab/disk.c tests/lab/disk.h \
	tests/lab/net.c tests/lab/net.h tests/lab/relay.c tests/lab/relay.h \
	tests/lab/fence.c tests/lab/fence.h tests/lab/run.c tests/lab/run.h
tests_lab_lab_LDADD = libbase.a $(GLIB_LIBS)
# Mail that flows through the lab, and the account of it.
noinst_PROGRAMS += tests/lab/mailflow
tests_lab_mailflow_SOURCES = tests/lab/mail/main.c tests/lab/mail/flow.h tests/lab/mail/conn.c \
	tests/lab/mail/smtp.c tests/lab/mail/imap.c tests/lab/mail/ledger.c tests/lab/mail/watch.c
tests_lab_mailflow_LDADD = libbase.a $(GLIB_LIBS)
dist_noinst_SCRIPTS += tests/lab/selftest.sh tests/scenario/node-faults.sh \
	tests/scenario/failover.sh tests/scenario/site-loss.sh tests/scenario/store.sh tests/scenario/two-servers.sh
EXTRA_DIST += tests/lab/README tests/lab/helpers.sh tests/lab/mail-lib.sh tests/lab/mail-sites.sh tests/lab/cluster-lib.sh tests/lab/plain-sites.sh
dist_noinst_SCRIPTS += tests/scenario/mail.sh tests/scenario/examples.sh
dist_noinst_SCRIPTS += tests/scenario/alone.sh
dist_noinst_SCRIPTS += tests/scenario/cold.sh tests/scenario/failover-faults.sh
