#!/bin/sh
# Runs the product catalog on a VM as a Docker container, where the VM has Docker, instead of as a systemd service
# (vm/install.sh): in the VM's own network, so that the Istio sidecar beside it sees its traffic.
#   sudo sh run-in-docker.sh REGISTRY/shop/productcatalogservice:1.0.0 [SETTINGS]
# The public image works too: us-central1-docker.pkg.dev/online-boutique-ci/microservices-demo/productcatalogservice:v0.10.6
# Settings of a machine (FAULT_LATENCY=500ms, …) are read from SETTINGS, /etc/default/productcatalogservice if not said.
# Running it again changes nothing, and interrupts nothing, unless the image or the settings have changed.
set -eu

container=productcatalogservice
patience=150

die() {
  echo "run-in-docker.sh: $*" >&2
  exit 1
}

[ $# -eq 1 ] || [ $# -eq 2 ] || die "expected the image, and perhaps a file of settings"
image=$1
settings=${2:-/etc/default/productcatalogservice}
[ $# -eq 1 ] || [ -f "$settings" ] || die "$settings is missing"
command -v docker >/dev/null || die "this VM has no docker; vm/install.sh needs none"
if command -v systemctl >/dev/null && systemctl is-active --quiet productcatalogservice.service; then
  die "the systemd service productcatalogservice holds the port; first: systemctl disable --now productcatalogservice"
fi

# What the settings do not name; for docker a flag would win over the file.
set --
for default in PORT=3550 SERVED_BY_SIDE=vm SERVED_BY_CLUSTER=vm DISABLE_PROFILER=1; do
  grep -qs "^${default%%=*}=" "$settings" || set -- "$@" --env "$default"
done
[ ! -f "$settings" ] || set -- "$@" --env-file "$settings"
port=$(sed -n 's/^PORT=//p' "$settings" 2>/dev/null || true)

docker pull --quiet "$image" >/dev/null || die "$image could not be pulled"
made_of="$(docker image inspect --format '{{.Id}}' "$image") $(cat "$settings" 2>/dev/null | cksum)"
there=$(docker inspect --format '{{.State.Running}} {{index .Config.Labels "made-of"}}' "$container" 2>/dev/null || true)

if [ "$there" != "true $made_of" ]; then
  docker rm --force "$container" >/dev/null 2>&1 || true
  docker run --detach --name "$container" --label "made-of=$made_of" \
    --restart always --stop-timeout 12 --network host \
    --read-only --cap-drop ALL --security-opt no-new-privileges \
    "$@" "$image" >/dev/null || die "the container could not be started"
fi

# With --restart always, one that ends at once comes back, and ends again.
listens() { [ -n "$(ss -Hltn "sport = :${port:-3550}")" ]; }
restarts() { docker inspect --format '{{.RestartCount}}' "$container"; }
before=$(restarts)
until listens; do
  [ "$(restarts)" = "$before" ] && [ "$patience" -gt 0 ] ||
    die "nothing listens on port ${port:-3550}; see: docker logs $container"
  patience=$((patience - 1))
  sleep 0.2
done
echo "productcatalogservice is running"
