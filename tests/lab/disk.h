/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The disks: an image per shared disk of a site, with one loop device for each host, as a SAN
 * gives each host its own view; and one image per host for its own root.
 *
 * A loop device of each host: two mounts of the same device would share one superblock in the
 * kernel and hide a split brain. The images have MMP, which refuses a second mount.
 */
#ifndef DPL_LAB_DISK_H
#define DPL_LAB_DISK_H

#include "tests/lab/lab.h"

/* Makes all images and attaches the loop devices. The descriptors in lab->hosts keep them. */
int lab_disks_make(struct lab *lab, struct dpl_err *err);
/* The path of the node that the supervisor made for a loop device. */
void lab_disk_node(const struct lab *lab, int number, char *path, size_t size);
/* Whether a file system on the device is mounted anywhere. */
bool lab_disk_in_use(int number);
/* What a power cut does to a file system on this loop device: what was not flushed is lost. It may
 * be mounted anywhere, in any namespace, or nowhere. */
int lab_disk_lose(const struct lab *lab, int number, struct dpl_err *err);
/* Waits until no file system uses the device. The kernel says nothing when it happens: polled. */
int lab_disk_wait_free(int number, int timeout_ms, struct dpl_err *err);
/* What this host's view of the device has cached: another host may have written it since. */
void lab_disk_drop_cache(const struct lab_host *host, int disk);
/* Removes the mark that an unclean end left, which would cost the next mount 20 s. */
int lab_disk_clear_mmp(const struct lab *lab, int number, struct dpl_err *err);
/* Waits until no loop device has a backing file whose name holds this text. */
int lab_disks_wait_gone(const char *text, int timeout_ms, struct dpl_err *err);
/* The text that is part of each image's name, for one run of a lab. */
void lab_disk_tag(const struct lab_plan *plan, char *tag, size_t size);

#endif
