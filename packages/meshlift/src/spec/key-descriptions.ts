/**
 * What every key of migration.yaml is for, in a sentence without a full stop: for the reference page, for editors (the
 * JSON schema) and for the file that `meshlift init` writes. A test keeps it complete.
 */
export const keyDescriptions = {
  apiVersion: 'version of this format',
  kind: 'what this file is',
  metadata: 'how the migration is called',
  'metadata.name': 'name of the migration; its record in the home cluster has it too',
  'metadata.namespace': 'namespace of the service that callers call; the same in every member cluster',
  spec: 'what is moved, where to, and how',
  'spec.service': 'the service as its callers know it',
  'spec.service.name': 'name of the Service that clients call; it selects the pods, from the start',
  'spec.service.port': 'port that clients call',
  'spec.service.protocol': 'what is spoken on it; decides what counts as a failed request',
  'spec.service.morePorts': 'further ports of the same program, which move with the first',
  'spec.service.morePorts[].port': 'port that clients call',
  'spec.service.morePorts[].protocol': 'what is spoken on it; tcp only beside tcp',
  'spec.clusters':
    'every cluster with callers of the service: the split is written in each, since Istio reads routes from the caller’s own cluster',
  'spec.clusters[].name':
    'name of the member in messages and reports; for Istio, the cluster’s name in the mesh',
  'spec.clusters[].context': 'context of the kubeconfig that reaches it',
  'spec.clusters[].kubeconfig': 'file that has the context, when it is not your usual one',
  'spec.clusters[].home':
    'the VM calls home to this cluster’s control plane, and the migration’s record lives here',
  'spec.clusters[].target': 'the Kubernetes copy runs here',
  'spec.topology':
    'how member clusters know what runs in another: by reading its API server (remote secrets), or only the way to its gateway (.global names)',
  'spec.istio': 'where Istio is, when it is not in its usual place',
  'spec.istio.namespace': 'namespace of istiod',
  'spec.istio.revision':
    'of the control plane that the VM joins; by default the one that serves the namespace in the home cluster',
  'spec.istio.istiodAddress':
    'where the VM reaches istiod’s port 15012, if not at the home cluster’s east-west gateway',
  'spec.istio.eastWestGateway': 'the gateway through which other clusters and the VM come in',
  'spec.istio.eastWestGateway.namespace': 'its namespace',
  'spec.istio.eastWestGateway.service': 'name of its Service',
  'spec.vm': 'the virtual machine, or machines, that the service runs on now',
  'spec.vm.host': 'address under which the callers’ proxies reach the VM',
  'spec.vm.hosts': 'instead of host, where several VMs serve: one entry for each, and all else alike',
  'spec.vm.hosts[].host': 'address under which the callers’ proxies reach this VM',
  'spec.vm.hosts[].ssh': 'what your ssh needs for this VM, on top of vm.ssh',
  'spec.vm.hosts[].ssh.host': 'where ssh connects, when that is not its host',
  'spec.vm.hosts[].ssh.user': 'login user, if another than vm.ssh.user',
  'spec.vm.hosts[].ssh.port': 'port of sshd, if another than vm.ssh.port',
  'spec.vm.hosts[].ssh.identityFile': 'private key, if another than vm.ssh.identityFile',
  'spec.vm.hosts[].ssh.knownHostsFile': 'where its host key is known from, if elsewhere',
  'spec.vm.hosts[].ssh.configFile': 'an ssh_config, if another than vm.ssh.configFile',
  'spec.vm.ssh': 'how your own ssh reaches it; everything is optional, and the host key must be known',
  'spec.vm.ssh.host': 'where ssh connects, when that is not vm.host',
  'spec.vm.ssh.user': 'login user: root, or one that may run sudo without a password',
  'spec.vm.ssh.port': 'port of sshd',
  'spec.vm.ssh.identityFile': 'private key; without it your ssh decides',
  'spec.vm.ssh.knownHostsFile': 'where the VM’s host key is known from',
  'spec.vm.ssh.configFile': 'an ssh_config of its own, for example with a ProxyJump',
  'spec.vm.serviceAccount': 'identity of the VM in the mesh; its mutual TLS certificate names it',
  'spec.vm.network': 'the mesh’s name for the VM’s network; reached directly as long as no gateway serves it',
  'spec.vm.probe':
    'how the VM’s sidecar finds out whether the service is healthy; exactly one of grpc, httpGet, tcpSocket',
  'spec.vm.probe.grpc': 'by the gRPC health protocol',
  'spec.vm.probe.grpc.port': 'port to ask',
  'spec.vm.probe.grpc.service': 'service to ask for, as the health protocol names it',
  'spec.vm.probe.httpGet': 'by an HTTP request that answers 2xx or 3xx',
  'spec.vm.probe.httpGet.port': 'port to ask',
  'spec.vm.probe.httpGet.path': 'path to ask for',
  'spec.vm.probe.tcpSocket': 'by a connection that opens',
  'spec.vm.probe.tcpSocket.port': 'port to connect to',
  'spec.vm.probe.periodSeconds': 'time between two probes',
  'spec.vm.probe.timeoutSeconds':
    'a probe that takes longer has failed; a machine that is busy for a second has not',
  'spec.vm.probe.failureThreshold': 'failed probes in a row that make it unhealthy',
  'spec.vm.sidecar': 'Istio’s sidecar package for VMs',
  'spec.vm.sidecar.package':
    'a file or https URL of it; by default Istio’s own release for the mesh’s version',
  'spec.vm.sidecar.sha256': 'its checksum, in lower-case hex; needed for a file',
  'spec.workload': 'the service’s Kubernetes copy',
  'spec.workload.manifests': 'files with its objects; paths start at the folder of this file',
  'spec.workload.suffix': 'names the copy’s side host: SERVICE-SUFFIX',
  'spec.workload.test':
    'whether deploy calls the copy through the mesh from every member before a customer does, and how; off: not at all',
  'spec.workload.test.serviceAccount': 'identity of a caller that the copy lets in, for that test',
  'spec.rollout': 'how traffic is moved, and what is judged on the way',
  'spec.rollout.steps':
    'percentages of the requests that Kubernetes gets, one after the other; the last is 100',
  'spec.rollout.hold': 'how long a step is held at least',
  'spec.rollout.mirror':
    'before the first step, the copy is sent a second one of some requests; it is judged by its answers, and nobody hears them',
  'spec.rollout.mirror.percent': 'of the requests that the methods match',
  'spec.rollout.mirror.hold': 'how long it is mirrored at least',
  'spec.rollout.mirror.methods':
    'such as change nothing: paths or gRPC methods, `/shop.Catalog/ListProducts`; with a star at the end, beginnings of paths',
  'spec.rollout.gate':
    'what callers must see for the next step to be taken; both sides are judged in the same window',
  'spec.rollout.gate.minRequests': 'requests that a side must have answered before it is judged',
  'spec.rollout.gate.maxErrorRate': 'share of the copy’s requests that may fail',
  'spec.rollout.gate.maxErrorRateOverVm': 'by how much its share of failures may exceed the VM’s',
  'spec.rollout.gate.p99OverVm': 'the copy’s p99 may be this many times the VM’s',
  'spec.rollout.gate.p99Tolerance': 'differences of p99 below this are noise, whatever their ratio',
  'spec.rollout.gate.maxP99':
    'the copy’s p99 may not exceed this, whatever the VM’s is; absent: no such limit',
  'spec.rollout.gate.interval': 'time between two looks',
  'spec.rollout.gate.failures':
    'failed verdicts in a row before the gate acts; an obvious failure acts at once',
  'spec.rollout.gates':
    'your own, asked while a split stands; all must pass as well, and one that can’t answer holds',
  'spec.rollout.gates[].name': 'how it is called in verdicts',
  'spec.rollout.gates[].prometheus': 'asks an expression of PromQL; a result of nothing holds',
  'spec.rollout.gates[].prometheus.query': 'every value of it must lie within the limits',
  'spec.rollout.gates[].prometheus.min': 'least value that passes',
  'spec.rollout.gates[].prometheus.max': 'greatest value that passes',
  'spec.rollout.gates[].prometheus.server': 'whom to ask; by default the first of metrics.prometheus.servers',
  'spec.rollout.gates[].webhook':
    'a POST with the situation as JSON; 2xx passes, 4xx fails, anything else holds; a body {"verdict", "message"} says more',
  'spec.rollout.gates[].webhook.url': 'whom to ask; keep secrets out of it',
  'spec.rollout.gates[].webhook.timeout': 'for the whole answer; one that is late holds',
  'spec.rollout.gates[].webhook.headersFrom': 'headers with secret values',
  'spec.rollout.gates[].webhook.headersFrom[].name': 'name of the header',
  'spec.rollout.gates[].webhook.headersFrom[].file': 'file with its value, read anew for every call',
  'spec.rollout.gates[].command':
    'a program, run without a shell, with the situation in MESHLIFT_SITUATION; exit code 0 passes, 1 fails, anything else holds',
  'spec.rollout.gates[].command.argv': 'the program and its arguments',
  'spec.rollout.gates[].command.timeout': 'after which it is killed with all that it started, and holds',
  'spec.rollout.gates[].prometheus.server.url': 'its root; what is asked is url/api/v1/query',
  'spec.rollout.gates[].prometheus.server.bearerTokenFile': 'file with a bearer token',
  'spec.rollout.gates[].prometheus.server.caFile': 'file with the certificates to trust',
  'spec.rollout.gates[].prometheus.server.service': 'instead of a url: a Service of the home cluster',
  'spec.rollout.gates[].prometheus.server.service.namespace': 'its namespace',
  'spec.rollout.gates[].prometheus.server.service.name': 'its name',
  'spec.rollout.gates[].prometheus.server.service.port': 'its port, in plain HTTP',
  'spec.rollout.gates[].prometheus.server.clusters': 'not used by a gate',
  'spec.rollout.gates[].prometheus.server.clusterLabel': 'not used by a gate',
  'spec.rollout.onFailure':
    'what a failed gate does: everything back to the VM, or stay and wait for a person',
  'spec.rollout.onVmFailure':
    'when the VM fails while both sides serve: all to a copy that has conclusively passed, or stay and wait',
  'spec.net': 'the safety net: either side’s requests go to the other when it dies',
  'spec.net.retries':
    'which calls are repeated: only those that can’t have been processed, all (your service is idempotent), or none and no net',
  'spec.deadlines': 'how long is waited, and for what',
  'spec.deadlines.agree': 'for every cluster to take a split, before all return to the last agreed one',
  'spec.deadlines.observe':
    'for callers to be seen following it; too little traffic is reported, not waited for longer',
  'spec.deadlines.ready': 'for a VM or a copy to become healthy',
  'spec.metrics': 'where the counters of the callers’ proxies are read',
  'spec.metrics.source':
    'proxies: from each proxy, through the Kubernetes API, true to the second; prometheus: as it last scraped them',
  'spec.metrics.prometheus':
    'the servers that scrape the callers’ proxies (port 15090 or 15020 of their pods)',
  'spec.metrics.prometheus.servers': 'one or several; every member cluster’s callers must be in one of them',
  'spec.metrics.prometheus.servers[].url': 'its root; what is asked is url/api/v1/query',
  'spec.metrics.prometheus.servers[].bearerTokenFile': 'file with a bearer token, read anew for every query',
  'spec.metrics.prometheus.servers[].caFile': 'file with the certificates to trust, instead of the system’s',
  'spec.metrics.prometheus.servers[].service':
    'instead of a url: the Service of this name in each cluster, reached through that cluster’s API server',
  'spec.metrics.prometheus.servers[].service.namespace': 'its namespace',
  'spec.metrics.prometheus.servers[].service.name': 'its name',
  'spec.metrics.prometheus.servers[].service.port': 'its port, in plain HTTP',
  'spec.metrics.prometheus.servers[].clusters': 'members whose callers it has; by default all',
  'spec.metrics.prometheus.servers[].clusterLabel':
    'label that tells the cluster (by the member’s name) where one url has several clusters’ metrics',
  'spec.deadlines.traffic': 'for the gate to see enough requests; then a run holds',
  'spec.deadlines.metrics': 'for metrics that are away to come back; then a run holds',
  'spec.deadlines.reach': 'for a member cluster that does not answer to come back; then a run holds',
  'spec.deadlines.after': 'for the migrations that this one comes after; then a run holds',
  'spec.after':
    'migrations that must have come this far before this one begins; looked up in the home cluster',
  'spec.after[].name': 'name of the other migration; alone it may stand without a key',
  'spec.after[].namespace': 'its namespace, by default this migration’s own',
  'spec.after[].phase': 'what it must have reached',
  'spec.drain': 'for requests, streams and connections that are under way when what carries them is to go',
  'spec.drain.deadline': 'how long is waited for them to end',
  'spec.drain.onDeadline': 'then: wait for a person, or cut them',
  'spec.retire': 'when the VM may go',
  'spec.retire.idle':
    'how long the VM must get no request, by its own proxy’s count, before it leaves the mesh',
} as const satisfies Record<string, string>;
