# What stands between capture and harm: what the host can do, what is mounted and by whom used,
# and who changes files behind its back.
noinst_LIBRARIES += libcapsafe.a
libcapsafe_a_SOURCES = \
	daemon/capture/fusectl.c daemon/capture/fusectl.h \
	daemon/capture/mountinfo.c daemon/capture/mountinfo.h \
	daemon/capture/mountuser.c daemon/capture/mountuser.h \
	daemon/capture/privmount.c daemon/capture/privmount.h \
	daemon/capture/proc.c daemon/capture/proc.h \
	daemon/capture/unmount.c daemon/capture/unmount.h
