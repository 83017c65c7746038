import { forgetTracking } from './open-connections.ts';
import { sidecarPackageName, sidecarUnit, sidecarUser, vmPaths } from './vm-paths.ts';

/**
 * Before Meshlift touches a VM it writes down there, for root's eyes only, what it finds: /var/lib/meshlift/record has
 * one line for each thing, and /var/lib/meshlift/before the former contents. Leaving puts back exactly that. It lives
 * on the VM because that is where it is true, whoever takes the VM out of the mesh, and from whichever machine. (The
 * hosts file is not in it: our block in it is marked, and others may edit the rest.)
 */
const record = `${vmPaths.record}/record`;
const before = `${vmPaths.record}/before`;

/** Files that we write, and those that the sidecar writes beside them. */
const files = [
  vmPaths.clusterEnv,
  vmPaths.meshConfig,
  vmPaths.rootCert,
  vmPaths.certChain,
  vmPaths.certKey,
  vmPaths.token,
];

/**
 * Folders that joining makes, the package's own and the sidecar's included, outer ones first; and those that go with
 * the package when it was the only one with a file in them, though they were there before.
 */
const folders = [
  '/usr/local/bin',
  '/etc/certs',
  '/etc/istio',
  '/etc/istio/config',
  '/etc/istio/proxy',
  '/var/lib/istio',
  '/var/lib/istio/config',
  '/var/lib/istio/envoy',
  '/var/lib/istio/proxy',
  '/var/log/istio',
  '/var/run/secrets',
  '/var/run/secrets/tokens',
  '/var/run/secrets/workload-spiffe-uds',
  '/var/run/secrets/workload-spiffe-credentials',
];

/** Writes the record, unless there is one already: the state before the first join is the one to go back to. */
export const recordScript = `
set -eu
[ -e ${record} ] && exit 0
umask 077
mkdir -p ${vmPaths.record}; chmod 700 ${vmPaths.record}
rm -rf ${before}; mkdir ${before}
{
  for f in ${files.join(' ')}; do
    if [ -f "$f" ]; then
      mkdir -p "${before}$(dirname "$f")"; cp -p "$f" "${before}$f"
      echo "file was $f"
    else
      echo "file new $f"
    fi
  done
  for d in ${folders.join(' ')}; do
    if [ -e "$d" ]; then echo "folder was $d $(stat -L -c '%a %u %g' "$d")"; else echo "folder new $d"; fi
  done
  if getent passwd ${sidecarUser} >/dev/null; then echo "user was ${sidecarUser}"; else echo "user new ${sidecarUser}"; fi
  if dpkg-query -W ${sidecarPackageName} >/dev/null 2>&1 || rpm -q ${sidecarPackageName} >/dev/null 2>&1; then
    echo "package was ${sidecarPackageName}"
  else
    echo "package new ${sidecarPackageName}"
  fi
  echo "unit $(systemctl is-enabled ${sidecarUnit} 2>/dev/null || true) $(systemctl is-active ${sidecarUnit} 2>/dev/null || true)"
} > ${record}.new
mv ${record}.new ${record}
`;

/**
 * Puts everything back and prints a line for each thing changed. The unit is stopped first: its own clean-up takes the
 * traffic rules away while its programs are still there. Can be repeated after it broke off: the record goes last.
 */
export const restoreScript = `
set -u
[ -e ${record} ] || exit 0
was() { grep -qx "$1" ${record}; }
unit_before=$(sed -n 's/^unit //p' ${record})
if systemctl is-active ${sidecarUnit} >/dev/null 2>&1; then systemctl stop ${sidecarUnit} || exit 1; echo "stopped ${sidecarUnit}"; fi
# Where the unit had died, nobody has cleaned up after it.
if [ -x /usr/local/bin/pilot-agent ]; then /usr/local/bin/pilot-agent istio-iptables --cleanup-only >/dev/null 2>&1; fi
${forgetTracking}
case "$unit_before" in
  enabled*) ;;
  *) if systemctl is-enabled ${sidecarUnit} >/dev/null 2>&1; then systemctl disable ${sidecarUnit} >/dev/null 2>&1 || exit 1; echo "disabled ${sidecarUnit}"; fi ;;
esac
if was "package new ${sidecarPackageName}"; then
  if dpkg-query -W ${sidecarPackageName} >/dev/null 2>&1; then
    dpkg --purge ${sidecarPackageName} >&2 || exit 1; echo "removed package ${sidecarPackageName}"
  elif rpm -q ${sidecarPackageName} >/dev/null 2>&1; then
    rpm -e ${sidecarPackageName} >&2 || exit 1; echo "removed package ${sidecarPackageName}"
  fi
fi
for f in ${files.join(' ')}; do
  if was "file new $f"; then
    if [ -e "$f" ]; then rm -f "$f" && echo "removed $f"; fi
  elif ! cmp -s "${before}$f" "$f"; then
    mkdir -p "$(dirname "$f")"; cp -p "${before}$f" "$f.meshlift" && mv -f "$f.meshlift" "$f" || exit 1; echo "restored $f"
  fi
done
for d in ${folders.join(' ')}; do
  if was "folder new $d"; then
    if [ -e "$d" ] || [ -L "$d" ]; then rm -rf "$d" && echo "removed $d"; fi
  else
    set -- $(sed -n "s|^folder was $d ||p" ${record})
    [ -d "$d" ] || mkdir -p "$d"
    [ "$(stat -L -c '%a %u %g' "$d")" = "$*" ] || { chmod "$1" "$d"; chown "$2:$3" "$d"; echo "restored $d"; }
  fi
done
if was "user new ${sidecarUser}" && getent passwd ${sidecarUser} >/dev/null; then
  # Whatever still runs under it was started by the unit, and holds no traffic any more.
  userdel ${sidecarUser} >&2 || exit 1
  getent group ${sidecarUser} >/dev/null && groupdel ${sidecarUser} >&2
  echo "removed user ${sidecarUser}"
fi
systemctl daemon-reload
case "$unit_before" in *" active") systemctl start ${sidecarUnit} && echo "started ${sidecarUnit} as it was before" ;; esac
exit 0
`;

export const hasRecordScript = `[ -e ${record} ]`;

/** The last thing of leaving: what is recorded must be there for as long as something may have to be put back. */
export const forgetScript = `rm -rf ${vmPaths.record}`;
