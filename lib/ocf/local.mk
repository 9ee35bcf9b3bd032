noinst_LIBRARIES += libocf.a
libocf_a_SOURCES = \
	lib/ocf/agent.c lib/ocf/agent.h \
	lib/ocf/deadline.c lib/ocf/deadline.h \
	lib/ocf/param.c lib/ocf/param.h \
	lib/ocf/state.c lib/ocf/state.h \
	lib/ocf/steps.c lib/ocf/steps.h \
	lib/ocf/trace.c lib/ocf/trace.h
