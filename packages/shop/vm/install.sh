#!/bin/sh
# Installs the product catalog on a VM as a systemd service, or brings an installed one up to date.
# Run as root from a folder that holds, besides this script:
#   productcatalogservice.mjs      the program (packages/shop/dist)
#   productcatalogservice.service  its unit    (packages/shop/vm)
#   node                           the Node.js executable, 22.19 or newer
# Running it again changes nothing, and restarts nothing, unless one of those three has changed.
# Settings of a machine (FAULT_LATENCY=500ms, …) go into /etc/default/productcatalogservice.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=/opt/productcatalog
unit=/etc/systemd/system/productcatalogservice.service

die() {
  echo "install.sh: $*" >&2
  exit 1
}

[ "$(id -u)" -eq 0 ] || die "must run as root, e.g. with sudo"
for file in productcatalogservice.mjs productcatalogservice.service node; do
  [ -f "$here/$file" ] || die "$here/$file is missing: upload it beside this script"
done

if ! id productcatalog >/dev/null 2>&1; then
  useradd --system --user-group --home-dir "$target" --shell /usr/sbin/nologin productcatalog
fi

changed=no
# Replaces a file in one step, so that a running program never sees half of it.
put() {
  if ! cmp -s "$1" "$2"; then
    install -m "$3" -o root -g root "$1" "$2.new"
    mv -f "$2.new" "$2"
    changed=yes
  fi
}
install -d -m 0755 -o root -g root "$target"
put "$here/node" "$target/node" 0755
put "$here/productcatalogservice.mjs" "$target/productcatalogservice.mjs" 0644
put "$here/productcatalogservice.service" "$unit" 0644

systemctl daemon-reload
systemctl enable productcatalogservice.service
if [ "$changed" = yes ]; then
  systemctl restart productcatalogservice.service
else
  systemctl start productcatalogservice.service
fi
systemctl is-active --quiet productcatalogservice.service ||
  die "the service did not start; see: journalctl -u productcatalogservice"
echo "productcatalogservice is running"
