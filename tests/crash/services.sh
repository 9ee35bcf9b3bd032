#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The services of a stand-alone server: they start in order on a captured root, outlive doppeld and are
# found again, and one that fails, or whose capture is gone, takes those behind it down first. The hooks of
# online.d and offline.d run before and behind them, once.
# services.sh [DIR]: DIR holds the programs, else those of the build are taken.
# shellcheck source=tests/crash/sites-lib.sh
. "$(dirname "$0")/sites-lib.sh" || exit 1
sites_stage "$@"
said=$work/said

# Two agents of the test, and a real one between them.
mkdir -p "$work/ocf/resource.d/test" "$work/ocf/resource.d/doppel"
cp "$build/virtual-ip" "$work/ocf/resource.d/doppel/" 2>/dev/null ||
    cp "$build/agents/virtual-ip" "$work/ocf/resource.d/doppel/" || die "there is no agent virtual-ip"
cat >"$work/ocf/resource.d/test/thing" <<END
#!/bin/sh
me=$work/thing.\$OCF_RESOURCE_INSTANCE
[ "\$OCF_RESKEY_colour" = "red and = blue" ] || exit 6
case \$1 in
start)
    [ ! -e \$me.refuses ] || { echo 'ocf-exit-reason:no wish to' >&2; exit 1; }
    grep -q " $root_a fuse" /proc/self/mounts || exit 5
    echo "\$OCF_RESOURCE_INSTANCE starts" >>$said; touch \$me ;;
stop) [ ! -e \$me ] || echo "\$OCF_RESOURCE_INSTANCE stops" >>$said; rm -f \$me ;;
monitor) [ -e \$me ] || exit 7 ;;
*) exit 3 ;;
esac
END
chmod +x "$work/ocf/resource.d/test/thing"
export OCF_ROOT=$work/ocf
# Hooks at both sites: what they are told, that the roots are captured, one that fails, and one that others may write.
for site in a b; do
    for name in online offline; do
        mkdir -p "$work/$site/hooks.d/$name.d"
        cat >"$work/$site/hooks.d/$name.d/10-says" <<END
#!/bin/sh
grep -q " $(get root $site) fuse" /proc/self/mounts || echo "\$DOPPEL_HOOK without a capture" >>$said
echo "\$DOPPEL_HOOK at \$DOPPEL_SITE" >>$said
env | grep -E "^DOPPEL_(DIRECTION|GENERATION|HOOK|PEER|SET|SITE)=" | sort >$work/\$DOPPEL_HOOK.env
END
        printf '#!/bin/sh\nexit 3\n' >"$work/$site/hooks.d/$name.d/20-fails"
        printf '#!/bin/sh\ntouch %s/never-run\n' "$work" >"$work/$site/hooks.d/$name.d/30-open"
        chmod 755 "$work/$site/hooks.d/$name.d"/*
        chmod 777 "$work/$site/hooks.d/$name.d/30-open"
    done
done
ip link add service0 type veth peer name service1 && ip link set service0 up && ip link set service1 up && ip address add 10.9.9.1/24 dev service0
: >"$said"
sites_more() {
    printf '[daemon]\nlog_dir=%s/log.d\n' "$work/$1"
    [ "$1" = a ] || return 0
    printf '[service one]\nset=mail\nagent=ocf:test:thing\ncolour=red and = blue\n'
    printf '[service address]\nset=mail\nagent=virtual-ip\nip=10.9.9.9\nnic=service0\ncidr_netmask=24\n'
    printf '[service two]\nset=mail\nagent=ocf:test:thing\ncolour=red and = blue\n'
    printf '[service wrong]\nset=mail\nagent=../thing\n'
}
said() { [ "$(tr '\n' ',' <"$said")" = "$1" ]; }
states() { doppel a --output-as=json status mail | sed -n '/"services"/,$p' | sed -n 's/.*"state": "\(.*\)".*/\1/p' | tr '\n' ' '; }
are() { [ "$(states)" = "$1" ]; }
holds_address() { ip address show dev service0 | grep -q '10\.9\.9\.9/24'; }
wrong_says() { field a wrong | grep -q "$1"; }

sites_start
sites_pair
sites_set
grep -q 'service wrong\] needs agent=' "$work/a/log" || complain "an agent that is none is not refused"
eventually are "running running running "
eventually said "online at site-a,one starts,two starts,"
holds_address || complain "the address is not there"
wanted=$(printf 'DOPPEL_DIRECTION=send\nDOPPEL_GENERATION=1\nDOPPEL_HOOK=online\nDOPPEL_PEER=site-b\nDOPPEL_SET=mail\nDOPPEL_SITE=site-a')
[ "$(cat "$work/online.env")" = "$wanted" ] || complain "what a hook is told: $(cat "$work/online.env")"
grep -q '20-fails" failed with exit 3' "$work/a/log" || complain "a hook that failed is not told"
grep -q '30-open" is not run' "$work/a/log" || complain "a hook that others may write is not told"
[ ! -e "$work/never-run" ] || complain "a hook that others may write was run"
echo "PRINT services start in their order behind the hooks, upon a captured root"

strike a doppeld
eventually are "running running running "
said "online at site-a,one starts,two starts," || complain "a daemon that starts again restarts services: $(cat "$said")"
echo "PRINT they outlive the daemon, which finds them again"

# The address is taken away: what is behind it stops, and comes again.
: >"$said"
ip address del 10.9.9.9/24 dev service0
eventually said "two stops,two starts,"
eventually holds_address
eventually are "running running running "

# One that refuses to start is told, and tried again.
: >"$said"
touch "$work/thing.two.refuses"
rm "$work/thing.two"
eventually wrong_says "service two could not be started (exit 1): no wish to"
doppel a status mail --check >/dev/null && complain "a service that does not run is no trouble for --check"
rm "$work/thing.two.refuses"
eventually said "two starts,"
eventually wrong_says 'connected\|nothing\|mirror'
echo "PRINT what fails is told and started again, with what is behind it"

# The capture is gone: nothing is mounted under the feet of services.
: >"$said"
for name in keeper worker; do at a kill -STOP "$(victim a $name)"; done
pids="$(victim a keeper) $(victim a worker)"
# shellcheck disable=SC2086
at a kill -9 $pids
eventually said "two stops,one stops,online at site-a,one starts,two starts,"
eventually are "running running running "
eventually serving
echo "PRINT a capture that is gone comes back beneath services that were stopped"

# Somebody took us out by hand (the mark that doppel emergency detach leaves): the service goes on.
: >"$said"
mkdir -p "$work/a/state/detached"
: >"$work/a/state/detached/mail"
at a "$libexec/doppel-capture" --stop --set mail --run-dir "$work/a/run/capture" >/dev/null 2>&1
eventually wrong_says 'detached by hand'
{ holds_address && [ -e "$work/thing.two" ] && said ""; } || complain "a detached set's services were stopped: $(cat "$said")"
rm "$work/a/state/detached/mail"
eventually said "two stops,one stops,online at site-a,one starts,two starts,"
echo "PRINT a set that was detached by hand keeps its services"

# The server was down while the other site does not answer: the services wait, and a person can say that they
# may start; the next time the other site answers that it does not serve.
reboot_a() {
    at a kill -TERM "$(pid_of a)"
    wait "$(get job a)" || complain "a ended with $?"
    at a "$libexec/doppel-capture" --stop --set mail --run-dir "$work/a/run/capture" --timeout 10 >/dev/null 2>&1
    rm -rf "$work"/thing.one "$work"/thing.two "$work/a/run"
    ip address del 10.9.9.9/24 dev service0
    : >"$said"
}
at b kill -STOP "$(pid_of b)"
reboot_a
site_start a
is_held() { doppel a status mail | grep -q 'does not say whether it serves'; }
eventually is_held
{ said "" && ! holds_address; } || complain "services start without an answer: $(cat "$said")"
must doppel a site confirm mail
eventually are "running running running "
# With cold_start=go nobody is asked, also where it was held before that was written.
reboot_a
site_start a
eventually is_held
at a kill -TERM "$(pid_of a)"
wait "$(get job a)" || complain "a ended with $?"
sed -i 's/^target=site-b$/&\ncold_start=go/' "$work/a/conf"
site_start a
eventually are "running running running "
is_held && complain "what serves by cold_start=go is said to be held"
sed -i '/^cold_start=/d' "$work/a/conf"
at b kill -CONT "$(pid_of b)"
eventually replies b
reboot_a
site_start a
eventually are "running running running "
said "online at site-a,one starts,two starts," || complain "a cold start beside a standby: $(cat "$said")"
grep -q 'starts cold, and may serve' "$work/a/log" || complain "the other site was not asked"
strike a doppeld
eventually are "running running running "
[ "$(grep -c 'starts cold, and may serve' "$work/a/log")" = 1 ] || complain "a daemon that starts again is taken for a cold start"
echo "PRINT a server that starts cold asks the other site before its services start"

# The other site takes over: the hooks of offline.d run when the services have stopped, while all is captured still; one
# that hangs is ended; and those of the other site's online.d run there, where no service is.
: >"$said"
printf '#!/bin/sh\necho $$ >%s/hangs\nexec sleep 1000\n' "$work" >"$work/a/hooks.d/offline.d/40-hangs"
printf '#!/bin/sh\ntouch %s/never-run\n' "$work" >"$work/a/hooks.d/offline.d/50-late"
chmod 755 "$work/a/hooks.d/offline.d"/[45]*
sites_protect
knows_rules() { doppel b set show mail | grep -q '^peer_rules'; }
eventually knows_rules
must doppel b failover mail
eventually said "two stops,one stops,offline at site-a,online at site-b,"
grep -q DOPPEL_HOOK=offline "$work/offline.env" || complain "what a hook is told: $(cat "$work/offline.env")"
kill -0 "$(cat "$work/hangs")" 2>/dev/null && complain "a hook that hangs was not ended"
[ ! -e "$work/never-run" ] || complain "a hook was run after the time of all was over"
grep -q '50-late" is not run: those before it took all the time' "$work/a/log" || complain "a hook that had no time is not told"
strike b doppeld
said "two stops,one stops,offline at site-a,online at site-b," || complain "a daemon that starts again runs hooks: $(cat "$said")"
echo "PRINT the hooks of offline.d run behind the services, in a bounded time"
sites_end
