noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = daemon/core/rules.c daemon/core/rules.h \
	daemon/core/idset.c daemon/core/idset.h
libcore_a_SOURCES += daemon/core/session_source.c daemon/core/session_source.h daemon/core/session_source.tbl.h
libcore_a_SOURCES += daemon/core/session_source_event.c daemon/core/session_source_step.h
libcore_a_SOURCES += daemon/core/session_choose.c
libcore_a_SOURCES += daemon/core/bucket.c daemon/core/bucket.h
libcore_a_SOURCES += daemon/core/backoff.c daemon/core/backoff.h
libcore_a_SOURCES += daemon/core/expiry.c daemon/core/expiry.h
libcore_a_SOURCES += daemon/core/set_state.c daemon/core/set_state.h daemon/core/set_state.tbl.h
libcore_a_SOURCES += daemon/core/session_target.c daemon/core/session_target.h daemon/core/session_target.tbl.h
libcore_a_SOURCES += daemon/core/visits.c daemon/core/visits.h
libcore_a_SOURCES += daemon/core/meeting.c daemon/core/meeting.h
libcore_a_SOURCES += daemon/core/rival.c daemon/core/rival.h
libcore_a_SOURCES += daemon/core/role_order.c daemon/core/role_order.h
libcore_a_SOURCES += daemon/core/service_order.c daemon/core/service_order.h
libcore_a_SOURCES += daemon/core/procedure.c daemon/core/procedure.h daemon/core/procedure.tbl.h
libcore_a_SOURCES += daemon/core/set_role.c daemon/core/set_role.h daemon/core/set_role.tbl.h
