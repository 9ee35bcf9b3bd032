noinst_LIBRARIES += libconfig.a
libconfig_a_SOURCES = \
	lib/config/conf.c lib/config/conf.h \
	lib/config/hooks.c lib/config/hooks.h \
	lib/config/schedule.c lib/config/schedule.h \
	lib/config/site_conf.c lib/config/site_conf.h \
	lib/config/value.c lib/config/value.h
