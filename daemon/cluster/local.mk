# What speaks with corosync and Pacemaker, each in a process of its own.
libexecdoppel_PROGRAMS += daemon/cluster/doppel-cluster
daemon_cluster_doppel_cluster_SOURCES = daemon/cluster/cpg.c daemon/cluster/cpg.h daemon/cluster/main.c
daemon_cluster_doppel_cluster_CFLAGS = $(AM_CFLAGS) $(COROSYNC_CFLAGS)
daemon_cluster_doppel_cluster_LDADD = libctl.a libwire.a libbase.a $(COROSYNC_LIBS) $(GLIB_LIBS)
libexecdoppel_PROGRAMS += daemon/cluster/doppel-pacemaker
daemon_cluster_doppel_pacemaker_SOURCES = daemon/cluster/pacemaker.c
daemon_cluster_doppel_pacemaker_LDADD = $(PACEMAKER_LIBS) libctl.a libwire.a libbase.a $(GLIB_LIBS)
# What a client would see of the services.
libexecdoppel_PROGRAMS += daemon/cluster/doppel-probe
daemon_cluster_doppel_probe_SOURCES = daemon/cluster/probe.c
daemon_cluster_doppel_probe_LDADD = libservice.a libctl.a libwire.a libbase.a $(GLIB_LIBS)
