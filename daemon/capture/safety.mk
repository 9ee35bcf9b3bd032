# What stands between capture and harm: what the host can do, what is mounted and by whom used,
# and who changes files behind its back.
noinst_LIBRARIES += libcapsafe.a
libcapsafe_a_SOURCES = \
	daemon/capture/bypass.c daemon/capture/bypass.h \
	daemon/capture/bypass_scan.c daemon/capture/bypass_scan.h \
	daemon/capture/cap_kernel.c \
	daemon/capture/cap_set.c \
	daemon/capture/cap_super.c daemon/capture/cap_super.h \
	daemon/capture/cap_tables.c daemon/capture/cap_tables.h \
	daemon/capture/capability.c daemon/capture/capability.h daemon/capture/capability.tbl.h \
	daemon/capture/fusectl.c daemon/capture/fusectl.h \
	daemon/capture/mountinfo.c daemon/capture/mountinfo.h \
	daemon/capture/mountuser.c daemon/capture/mountuser.h \
	daemon/capture/privmount.c daemon/capture/privmount.h \
	daemon/capture/proc.c daemon/capture/proc.h \
	daemon/capture/unmount.c daemon/capture/unmount.h
