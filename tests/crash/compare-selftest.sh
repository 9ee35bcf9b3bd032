#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# compare finds each kind of difference, and none where there is none.
compare=${top_builddir:-.}/tests/crash/compare
dir=$(mktemp -d) || exit 1
# shellcheck disable=SC2317
cleanup() {
    chattr -R -i -a "$dir" 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir" || exit 1
passed=0 failed=0 skipped=0

# deep COUNT: a chain of directories with long names, made and entered step by step
deep() {
    local i name
    name=$(printf 'd%.0s' {1..200})
    for ((i = 0; i < $1; i++)); do
        mkdir "$name" && cd -P "./$name" || return 1
    done 2>/dev/null
    echo bottom >bottom
}

tree() {
    rm -rf "$1" && mkdir "$1" && (
        cd "$1" || exit 1
        mkdir dir dir/sub
        printf 'some data' >file
        printf 'newline in name' >$'new\nline'
        printf 'not UTF-8' >$'\xff\xfe'
        ln file dir/other
        printf x >single
        ln -s target symlink
        mkfifo fifo
        truncate -s 1M sparse
        printf mid | dd of=sparse bs=1 seek=500000 conv=notrunc status=none
        setfattr -n user.key -v value file
        mkdir deep
        (cd deep && deep 30)
        find . -name 'd*' -prune -o -exec touch -h -d '2020-01-02 03:04:05.123456789' {} +
        find . -depth -execdir touch -h -d '2020-01-02 03:04:05.123456789' {} +
    )
}

# expect TEXT WHAT COMMAND [OPTION...]: after COMMAND in b, compare says TEXT
expect() {
    local text=$1 what=$2 command=$3 out rc
    shift 3
    tree a
    tree b
    if ! (cd b && eval "$command") 2>why; then
        echo "SKIP $what: $(head -1 why)"
        skipped=$((skipped + 1))
        return
    fi
    out=$("$compare" "$@" a b 2>&1)
    rc=$?
    if [[ $out == *"$text"* ]] && { [[ $text == equal* ]] && [ $rc = 0 ] || [ $rc = 1 ]; }; then
        passed=$((passed + 1))
    else
        echo "FAIL $what: exit $rc: $out"
        failed=$((failed + 1))
    fi
    chattr -R -i -a b 2>/dev/null
}
T='2020-01-02 03:04:05.123456789'
keep="touch -h -d '$T'"

expect 'equal: ' 'the same tree' true
expect 'equal: ' 'the same tree, with holes' true --with holes
expect 'data differs from byte 3' 'one byte' "printf X | dd of=file bs=1 seek=3 conv=notrunc status=none; $keep file"
expect 'sparse: data differs from byte 500001' 'a byte behind a hole' "printf X | dd of=sparse bs=1 seek=500001 conv=notrunc status=none; $keep sparse"
expect 'size: A 9, B 10' 'size' "printf X >>file; $keep file"
expect 'only in A' 'a name less' "rm single; $keep ."
expect 'only in B' 'a name more' ">new; $keep ."
expect 'type: A file, B directory' 'type' "rm single; mkdir single; $keep single ."
expect 'mode: A' 'mode' 'chmod 0601 single'
expect 'mode: A' 'mode of a directory' 'chmod 0701 dir/sub'
expect 'owner: A' 'owner' 'chown 12:34 single'
expect '.: owner: A' 'owner of the root' 'chown 12:34 .'
expect 'mtime: A 1577934245.123456789, B 1577934245.123456788' 'a nanosecond' "TZ=UTC touch -d '2020-01-02 03:04:05.123456788' single"
expect 'symlink: mtime' 'time of a symbolic link' 'touch -h symlink'
expect 'equal: ' 'mtime when it is left out' 'touch single' --without mtime
expect 'atime: A' 'atime' 'touch -a -d 1999-01-01 single' --with atime --without mtime
expect 'attribute user.key: A' 'attribute value' 'setfattr -n user.key -v valuf file'
expect 'attribute user.more only in B' 'attribute more' 'setfattr -n user.more -v x dir'
expect 'attribute user.key only in A' 'attribute less' 'setfattr -x user.key file'
expect 'attribute trusted.x only in B' 'a trusted attribute of a symbolic link' 'setfattr -h -n trusted.x -v x symlink'
expect 'equal: ' 'attributes of doppel' 'setfattr -n trusted.doppel.id -v x file'
expect 'attribute system.posix_acl_access only in B' 'an ACL' 'setfacl -m u:12:r single; chmod 644 single'
expect 'attribute system.posix_acl_default only in B' 'a default ACL' 'setfacl -d -m u:12:r dir'
expect 'is one file with' 'a name of another file' "rm dir/other; printf 'some data' >dir/other; ln dir/other dir/o2; ln file f2; setfattr -n user.key -v value dir/other; $keep dir/other . dir"
expect 'link count: A 2, B 1' 'a link less' "rm dir/other; $keep dir"
expect 'link count: A 1, B 2' 'a name outside' 'ln single ../outside'
rm -f outside
expect 'target: A "target", B "targeu"' 'target of a symbolic link' "rm symlink; ln -s targeu symlink; $keep . symlink"
expect 'type: A fifo, B character device' 'a device' "rm fifo; mknod fifo c 1 3; $keep . fifo"
expect 'flags: A' 'an inode flag' 'chattr +d single'
expect 'the hole at' 'a filled hole' "fallocate -l 65536 sparse && dd if=/dev/zero of=sparse bs=64k count=1 conv=notrunc status=none; $keep sparse" --with holes
expect 'equal: ' 'a filled hole without --with holes' "dd if=/dev/zero of=sparse bs=64k count=1 conv=notrunc status=none; $keep sparse"
expect 'equal: ' 'what is excluded' 'rm -r dir/sub; mkdir more; touch dir' --exclude 'dir' --exclude more --without mtime
expect 'new\x0aline: mode' 'a name with a newline' "chmod 600 new*line"
expect '\xff\xfe: mode' 'a name that is not UTF-8' "chmod 600 \$'\\xff\\xfe'"
expect 'bottom: mode' 'beneath a path longer than PATH_MAX' 'cd deep && while cd -P ./d*; do :; done 2>/dev/null; chmod 600 bottom'

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
