#!/bin/sh
# Runs the product catalog on a VM as a Docker container instead of a systemd service (vm/install.sh), in the VM's own
# network, so that the Istio sidecar beside it sees its traffic. Takes the image; repeating it replaces the container.
#   sudo sh run-in-docker.sh REGISTRY/shop/productcatalogservice:1.0.0
# The public image works too: us-central1-docker.pkg.dev/online-boutique-ci/microservices-demo/productcatalogservice:v0.10.6
set -eu

die() {
  echo "run-in-docker.sh: $*" >&2
  exit 1
}

[ $# -eq 1 ] || die "expected one argument, the image"
command -v docker >/dev/null || die "this VM has no docker; vm/install.sh needs none"
if command -v systemctl >/dev/null && systemctl is-active --quiet productcatalogservice.service; then
  die "the systemd service productcatalogservice holds port 3550; stop and disable it first"
fi

docker pull --quiet "$1"
docker rm --force productcatalogservice >/dev/null 2>&1 || true
docker run --detach --name productcatalogservice --restart always --network host \
  --env PORT=3550 --env SERVED_BY_SIDE=vm --env SERVED_BY_CLUSTER=vm --env DISABLE_PROFILER=1 \
  "$1"
