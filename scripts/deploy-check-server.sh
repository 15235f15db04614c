#!/usr/bin/env bash
# Has a real API server (Kubernetes 1.34, no nodes) take each overlay:
#
#   kubectl apply --dry-run=server --validate=strict   in a namespace under the restricted Pod Security level,
#                                                      with the CRDs of KEDA, Prometheus operator, Strimzi
#   a pod of the Deployment's template                 admitted in that namespace
#   planted errors                                     refused, for what was planted
#
# The first run builds kube-apiserver and etcd out of Go modules (some ten minutes on two cores, 2 GB),
# into $ISTHMUS_CACHE; after that it takes half a minute. Not part of CI for that. Nothing is left running.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/deploy-tools.sh

skip() {
  echo "deploy:check:server: $1" >&2
  exit 1
}

[ "$(go env GOVERSION 2> /dev/null)" ] \
  || skip 'needs Go 1.24 or newer on the path, to build kube-apiserver and etcd'
command -v kubectl > /dev/null || skip 'needs kubectl on the path'

kubernetes=$(sed -n 's|^require k8s.io/kubernetes ||p' scripts/kube-apiserver/go.mod)
pids=()
finish() {
  local pid
  for pid in "${pids[@]}"; do
    kill "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT

# build NAME PACKAGE: in $bin, unless it is there.
bin="$cache/kubernetes-bin-$kubernetes"
build() {
  [ -x "$bin/$1" ] && return
  echo "building $1 for Kubernetes $kubernetes (some minutes, once)"
  (cd scripts/kube-apiserver && nice -n 19 go build -buildvcs=false \
    -ldflags "-X k8s.io/component-base/version.gitVersion=$kubernetes" -o "$bin/$1.new" "$2") \
    || skip "$1 could not be built; see above"
  mv "$bin/$1.new" "$bin/$1"
}
build etcd go.etcd.io/etcd/server/v3
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
all_crds

read -r etcd_port peer_port api_port < <(node scripts/deploy-check-server.mjs ports 3)
token=$(node scripts/deploy-check-server.mjs identity "$work")
"$bin/etcd" --data-dir "$work/etcd" --unsafe-no-fsync \
  --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
  --listen-peer-urls "http://127.0.0.1:$peer_port" > "$work/etcd.log" 2>&1 &
pids+=($!)
"$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" --bind-address 127.0.0.1 \
  --secure-port "$api_port" --cert-dir "$work/certificates" --token-auth-file "$work/tokens.csv" \
  --service-account-issuer https://localhost --service-account-key-file "$work/account.key" \
  --service-account-signing-key-file "$work/account.key" --authorization-mode RBAC \
  --service-cluster-ip-range 10.0.0.0/24 > "$work/api.log" 2>&1 &
pids+=($!)

export KUBECONFIG="$work/kubeconfig"
kubectl config set-cluster local --server "https://127.0.0.1:$api_port" --insecure-skip-tls-verify > /dev/null
kubectl config set-credentials admin --token "$token" > /dev/null
kubectl config set-context local --cluster local --user admin --namespace isthmus > /dev/null
kubectl config use-context local > /dev/null
until [ "$(kubectl get --raw /readyz 2> /dev/null)" = ok ]; do
  kill -0 "${pids[@]}" 2> /dev/null || { tail -n 3 "$work"/*.log >&2; skip 'a server ended; see above'; }
  [ "$SECONDS" -lt 1800 ] || skip 'the API server did not become ready'
  sleep 0.2
done
echo "the API server is ready: $(kubectl version -o json 2> /dev/null | node scripts/deploy-check-server.mjs version)"

kubectl create -f "$cache/crds-keda-$keda_version" -f "$cache/crds-prometheus-operator-$prometheus_operator_version" \
  -f "$cache/crds-strimzi-$strimzi_version" > "$work/crds"
# `kubectl wait` fails where a CRD has no conditions yet.
until kubectl get --raw /apis/apiextensions.k8s.io/v1/customresourcedefinitions \
  | node scripts/deploy-check-server.mjs established; do
  [ "$SECONDS" -lt 1800 ] || skip 'the CRDs did not become established'
  sleep 0.5
done
echo "installed: $(wc -l < "$work/crds") CRDs"
kubectl create namespace isthmus > /dev/null
for mode in enforce warn; do
  kubectl label namespace isthmus "pod-security.kubernetes.io/$mode=restricted" > /dev/null
done
# A pod is admitted only if its account is there.
kubectl apply -f deploy/k8s/base/serviceaccount.yaml > /dev/null

accept() {
  kubectl apply --dry-run=server --validate=strict --warnings-as-errors -f "$1" \
    && node scripts/deploy-check-server.mjs pod "$1" \
      | kubectl create --dry-run=server --validate=strict --warnings-as-errors -f -
}

render
for overlay in "$work"/*.yaml; do
  accept "$overlay" > "$work/accepted" || skip "$(basename "$overlay" .yaml) was refused; see above"
  echo "accepted: $(basename "$overlay" .yaml) ($(wc -l < "$work/accepted") objects)"
done

# refused WHAT WORDS: the planted error is refused, with these words.
refused() {
  if accept "$work/planted/one.yaml" > "$work/refused" 2>&1; then skip "the planted error was accepted: $1"; fi
  grep -q "$2" "$work/refused" || { cat "$work/refused" >&2; skip "refused for something else than $1"; }
}
plant 'terminationGracePeriodSeconds:' 'terminationGraceSeconds:'
refused 'an unknown field of a pod' 'unknown field "spec.template.spec.terminationGraceSeconds"'
plant 'runAsNonRoot: true' 'runAsNonRoot: false'
refused 'a pod that may be root' 'violates\? PodSecurity "restricted:latest": runAsNonRoot'
plant 'cpu: "1"' 'cpu: "3"'
refused 'a request above its limit' 'must be less than or equal to cpu limit'
plant 'maxReplicaCount: 12' 'maxReplicaCount: many'
refused 'a word for a number in a ScaledObject' 'spec.maxReplicaCount'
plant 'sasl: scram_sha512' 'sasl: true'
refused 'a yes for a word in a ScaledObject' 'sasl'
plant 'scrapeTimeout:' 'scrapeTimeOut:'
refused 'an unknown field of a ServiceMonitor' 'unknown field "spec.endpoints\[0\].scrapeTimeOut"'
plant 'partitions: 12' 'partitions: 0'
refused 'a KafkaTopic without partitions' 'spec.partitions'
echo 'all planted errors were refused'
