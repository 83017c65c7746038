#!/bin/sh
# An open connection between two network namespaces, while the far one gets its first redirecting rules.
# $1: what to run there before. Prints `alive` when the connection goes on, `cut` when it does not.
mount -t tmpfs none /run
ip netns add vm
ip link add here type veth peer name there netns vm
ip addr add 10.9.0.1/24 dev here; ip link set here up
ip -n vm addr add 10.9.0.2/24 dev there; ip -n vm link set there up; ip -n vm link set lo up
in_vm="nsenter --net=/run/netns/vm"
$in_vm node -e '
  require("node:net").createServer((socket) => {
    // Quiet while the rules come, and then the first to speak: else it would be up to chance whose packet they meet.
    setInterval(() => require("node:fs").existsSync("/run/quiet") || socket.write("x"), 20).unref();
    socket.on("error", () => process.exit());
  }).listen(2222, "10.9.0.2", () => console.log("listening"));' > /run/server & server=$!
until grep -q listening /run/server; do sleep 0.05; done
node -e '
  const socket = require("node:net").connect(2222, "10.9.0.2");
  const idle = () => { console.log("cut"); process.exit(); };
  let timer = setTimeout(idle, 10000);
  socket.on("error", idle).on("close", idle).on("data", () => {
    clearTimeout(timer); timer = setTimeout(idle, 3000);
  });
  process.on("SIGTERM", () => { console.log("alive"); process.exit(); });' > /run/client & client=$!
sleep 0.4
$in_vm sh -c "$1"
sleep 0.3
touch /run/quiet
sleep 0.3
# All at once, as pilot-agent does.
$in_vm iptables-restore --noflush <<'RULES'
*nat
:REDIRECTED - [0:0]
-A REDIRECTED -p tcp -j REDIRECT --to-ports 15001
-A OUTPUT -j REDIRECTED
COMMIT
RULES
rm /run/quiet
sleep 0.2
$in_vm sh -c "$2"
sleep 3.5
kill $client 2>/dev/null; wait $client 2>/dev/null
kill $server 2>/dev/null
cat /run/client
$in_vm iptables-save | grep -c MESHLIFT
exit 0
