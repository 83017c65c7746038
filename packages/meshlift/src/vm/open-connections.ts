/**
 * The sidecar's traffic rules redirect *new* connections. On a machine that has not tracked connections until then,
 * the kernel takes one that is open for a new one at its next packet, and redirects it in its middle: the ssh session
 * that starts the sidecar hangs, and so does every other. A rule that looks at a connection's state makes the kernel
 * track those that are open, before the sidecar's rules come. (An empty chain in the nat table does not.)
 *
 * Best effort: without iptables there are no such rules either, and a connection that is cut is opened again.
 */
export const trackOpenConnections = forBothFamilies(`
  $t -w 5 -N MESHLIFT_TRACK 2>/dev/null && $t -w 5 -A MESHLIFT_TRACK -m conntrack --ctstate INVALID 2>/dev/null
  for c in INPUT OUTPUT; do
    $t -w 5 -C $c -j MESHLIFT_TRACK 2>/dev/null || $t -w 5 -I $c -j MESHLIFT_TRACK 2>/dev/null
  done`);

/** To be run once the sidecar's own rules are there, which have connections tracked from then on. */
export const forgetTracking = forBothFamilies(`
  for c in INPUT OUTPUT; do $t -w 5 -D $c -j MESHLIFT_TRACK 2>/dev/null; done
  $t -w 5 -F MESHLIFT_TRACK 2>/dev/null && $t -w 5 -X MESHLIFT_TRACK 2>/dev/null`);

function forBothFamilies(commands: string): string {
  return `
for t in iptables ip6tables; do
  command -v $t >/dev/null 2>&1 || continue
${commands.trim()}
done
:`;
}
