/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/cap_tables.h"
#include "daemon/capture/capability.h"
#include "tests/unit/unit.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static struct dpl_mounts *mounts_of(const char *text)
{
    struct dpl_mounts *mounts = NULL;
    CU_ASSERT_FATAL(dpl_mountinfo_parse(text, strlen(text), &mounts, NULL) == DPL_OK);
    return mounts;
}

static void force_is_for_crash_safety_alone(void)
{
    struct dpl_findings findings = {0};
    struct dpl_err err = {0};
    dpl_findings_ok(&findings, DPL_FINDING_openat2, "fine");
    dpl_findings_bad(&findings, DPL_FINDING_btime, "a pity");
    CU_ASSERT_EQUAL(dpl_capability_start_allowed(&findings, false, &err), DPL_OK);
    dpl_findings_bad(&findings, DPL_FINDING_clone_files, "a crash could reach the application");
    CU_ASSERT_EQUAL(dpl_capability_start_allowed(&findings, false, &err), DPL_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "a crash could reach the application");
    CU_ASSERT_EQUAL(dpl_capability_start_allowed(&findings, true, &err), DPL_OK);
    dpl_findings_bad(&findings, DPL_FINDING_casefold, "names");
    CU_ASSERT_EQUAL(dpl_capability_start_allowed(&findings, true, &err), DPL_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "names");
    CU_ASSERT_EQUAL(dpl_capability_start_allowed(&findings, false, &err), DPL_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "a crash could reach the application (and 1 more)");
    dpl_findings_clear(&findings);
}

static void worst_finding_of_a_name_is_given(void)
{
    struct dpl_findings findings = {0};
    dpl_findings_ok(&findings, DPL_FINDING_handles, "one");
    dpl_findings_bad(&findings, DPL_FINDING_handles, "two");
    dpl_findings_ok(&findings, DPL_FINDING_handles, "three");
    CU_ASSERT_STRING_EQUAL(dpl_findings_get(&findings, "handles")->text, "two");
    CU_ASSERT_PTR_NULL(dpl_findings_get(&findings, "xattrs"));
    dpl_findings_clear(&findings);
}

static void features_are_one_bit_each(void)
{
    uint64_t all = 0;
    for (size_t i = 0; i < dpl_fuse_feature_count; i++) {
        uint64_t bit = dpl_fuse_features[i].bit;
        CU_ASSERT(bit != 0 && (bit & (bit - 1)) == 0 && (all & bit) == 0);
        all |= bit;
    }
}

static bool fstab_gives(const char *text, const char *path, const char *point)
{
    static const char mounts_text[] = "1 0 8:1 / / rw - ext4 a rw\n"
                                      "2 1 8:2 / /srv/mounted rw - ext4 b rw\n";
    dpl_automounts struct dpl_mounts *mounts = mounts_of(mounts_text);
    g_autofree char *name = g_strdup_printf("%s/fstab", unit_tempdir());
    CU_ASSERT_FATAL(g_file_set_contents(name, text, -1, NULL));
    g_autofree char *found = dpl_fstab_unmounted(name, mounts, path);
    return g_strcmp0(found, point) == 0;
}

static void unmounted_disks_are_found_in_fstab(void)
{
    static const char table[] = "# comment\n"
                                "/dev/a / ext4 defaults 0 1\n"
                                "UUID=x /srv ext4 defaults 0 2\n"
                                "/dev/c /srv/mail/ ext4 noauto 0 2\n"
                                "/dev/d /srv/a\\040b ext4 noauto 0 2\n"
                                "/dev/e none swap sw 0 0\n"
                                "/dev/f /srv/mounted ext4 defaults 0 2\n";
    CU_ASSERT(fstab_gives(table, "/srv/mail/data", "/srv/mail"));
    CU_ASSERT(fstab_gives(table, "/srv/mailbox", "/srv"));
    CU_ASSERT(fstab_gives(table, "/srv/a b/c", "/srv/a b"));
    CU_ASSERT(fstab_gives(table, "/home/x", NULL));
    CU_ASSERT(fstab_gives("/dev/f /srv/mounted ext4 defaults 0 2\n", "/srv/mounted/x", NULL));
    dpl_automounts struct dpl_mounts *mounts = mounts_of("");
    CU_ASSERT_PTR_NULL(dpl_fstab_unmounted("/nothing/here", mounts, "/srv"));
}

static void exports_are_read_as_exports_5_says(void)
{
    struct dpl_exports e = {0};
    dpl_exports_parse("# /no comment(rw) \\\n"
                      "/plain host(rw)\n"
                      "  /tab\t*(ro,crossmnt)\n"
                      "\"/quoted dir\" a(rw) b(nohide)\n"
                      "/oct\\040al -crossmnt host\n"
                      "/joined host(rw) \\\n   other(rw,crossmnt,sync)\n"
                      "/end/ host(nocrossmnt)",
                      &e);
    static const struct {
        const char *path;
        bool crosses;
    } expected[] = {
        {"/plain", false}, {"/tab", true},    {"/quoted dir", true},
        {"/oct al", true}, {"/joined", true}, {"/end", false},
    };
    CU_ASSERT_EQUAL_FATAL(e.count, 6);
    for (size_t i = 0; i < 6; i++) {
        CU_ASSERT_STRING_EQUAL(e.items[i].path, expected[i].path);
        CU_ASSERT_EQUAL(e.items[i].crosses, expected[i].crosses);
    }
    dpl_exports_clear(&e);
}

static const char *reaching(const char *path, bool crosses, const char *root)
{
    dpl_automounts struct dpl_mounts *mounts = mounts_of("1 0 8:1 / / rw - ext4 a rw\n"
                                                         "2 1 8:2 / /srv rw - ext4 b rw\n");
    g_autofree char *copy = g_strdup(path);
    struct dpl_export one = {copy, crosses};
    struct dpl_exports all = {1, &one};
    return dpl_exports_reaching(&all, mounts, root) ? "yes" : "no";
}

static void exports_reach_what_is_theirs(void)
{
    CU_ASSERT_STRING_EQUAL(reaching("/srv/data", false, "/srv/data"), "yes");
    CU_ASSERT_STRING_EQUAL(reaching("/srv/data/sub", false, "/srv/data"), "yes");
    CU_ASSERT_STRING_EQUAL(reaching("/srv", false, "/srv/data"), "yes");
    CU_ASSERT_STRING_EQUAL(reaching("/", false, "/srv/data"), "no");
    CU_ASSERT_STRING_EQUAL(reaching("/", true, "/srv/data"), "yes");
    CU_ASSERT_STRING_EQUAL(reaching("/srv/data2", true, "/srv/data"), "no");
}

/* What the report says of a directory of ours, were it mounted so. */
static bool says_of_mount(const char *line, const char *id, enum dpl_severity severity)
{
    g_autofree char *root = g_strdup_printf("%s/disk/data", unit_tempdir());
    g_autofree char *text = g_strdup_printf("1 0 8:1 / / rw - ext4 a rw\n"
                                            "2 1 8:2 / %s/disk %s\n",
                                            unit_tempdir(), line);
    g_mkdir_with_parents(root, 0755);
    dpl_automounts struct dpl_mounts *mounts = mounts_of(text);
    const char *roots[] = {root};
    struct dpl_capability_set set = {.name = "t", .roots = roots, .root_count = 1};
    struct dpl_capability_paths paths = {"/none", "/none", "/none", "/none", "/none"};
    struct dpl_findings findings = {0};
    dpl_capability_set_on(mounts, &paths, &set, &findings);
    const struct dpl_finding *f = dpl_findings_get(&findings, id);
    bool good =
        f ? f->severity == severity && strstr(f->text, root) != NULL : severity == DPL_SEVERITY_OK;
    dpl_findings_clear(&findings);
    return good;
}

static void mounts_that_this_host_may_not_have_are_judged_all_the_same(void)
{
    CU_ASSERT(says_of_mount("rw - ext4 b rw,seclabel", "selinux", DPL_SEVERITY_WARN));
    CU_ASSERT(says_of_mount("rw - ext4 b rw,context=x:y", "selinux", DPL_SEVERITY_WARN));
    CU_ASSERT(says_of_mount("rw - ext4 b rw", "selinux", DPL_SEVERITY_OK));
    CU_ASSERT(says_of_mount("rw - tmpfs b rw,casefold=utf8", "casefold", DPL_SEVERITY_REFUSE));
    CU_ASSERT(says_of_mount("rw - ext4 b rw", "casefold", DPL_SEVERITY_OK));
    CU_ASSERT(says_of_mount("rw - nfs4 b rw", "shared_storage", DPL_SEVERITY_WARN));
    CU_ASSERT(says_of_mount("rw - ext4 b rw", "shared_storage", DPL_SEVERITY_OK));
    CU_ASSERT(says_of_mount("rw,idmapped - ext4 b rw", "idmapped", DPL_SEVERITY_REFUSE));
    CU_ASSERT(says_of_mount("rw - ext4 b rw,lazytime", "lazytime", DPL_SEVERITY_REFUSE));
}

static void read_only_disk_gives_a_read_only_mount(void)
{
    struct dpl_mount mount = {.options = "rw,noatime", .super_options = "ro"};
    CU_ASSERT_EQUAL(dpl_capability_mount_flags(&mount), MS_RDONLY | MS_NOATIME);
}

static const struct unit_test tests[] = {
    {"force is for crash safety alone", force_is_for_crash_safety_alone},
    {"the worst finding of a name is given", worst_finding_of_a_name_is_given},
    {"features are one bit each", features_are_one_bit_each},
    {"unmounted disks are found in fstab", unmounted_disks_are_found_in_fstab},
    {"exports are read as exports(5) says", exports_are_read_as_exports_5_says},
    {"exports reach what is theirs", exports_reach_what_is_theirs},
    {"a read-only disk gives a read-only mount", read_only_disk_gives_a_read_only_mount},
    {"mounts that this host may not have are judged all the same",
     mounts_that_this_host_may_not_have_are_judged_all_the_same},
};
UNIT_MAIN(tests)
